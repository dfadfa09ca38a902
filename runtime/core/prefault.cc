#include "core/prefault.h"

#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

namespace fastboot::runtime {

namespace {
constexpr uint64_t kStep = uint64_t{2} << 20;  // a huge page
constexpr uint64_t kPage = 4096;
}  // namespace

void Prefault::add(uint8_t* begin, uint64_t size) { areas_[count_++] = Area{begin, size, 0, 0}; }

void Prefault::start() {
  tried_ = true;
  cpu_set_t processors;
  if (sched_getaffinity(0, sizeof processors, &processors) != 0 || CPU_COUNT(&processors) < 2) return;
  // Signals are the program's affair: none may arrive on this thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  running_ = pthread_create(&thread_, nullptr, run, this) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Prefault::stop() {
  if (!running_) return;
  __atomic_store_n(&stopping_, true, __ATOMIC_RELAXED);
  pthread_join(thread_, nullptr);
  running_ = false;
}

// Touches the next 2 MiB of the first area that is short. A page may be in use already, so the touch must not change it.
bool Prefault::step() {
  for (uint32_t i = 0; i < count_; ++i) {
    Area& area = areas_[i];
    const uint64_t used = __atomic_load_n(&area.used, __ATOMIC_RELAXED);
    if (area.ready < used / kStep * kStep) area.ready = used / kStep * kStep;
    if (area.ready >= used + kAhead || area.ready + kStep > area.size) continue;
    for (uint64_t at = 0; at < kStep; at += kPage) {
      __atomic_fetch_or(reinterpret_cast<uint64_t*>(area.begin + area.ready + at), 0, __ATOMIC_RELAXED);
    }
    area.ready += kStep;
    return true;
  }
  return false;
}

void* Prefault::run(void* self) {
  auto* prefault = static_cast<Prefault*>(self);
  while (!__atomic_load_n(&prefault->stopping_, __ATOMIC_RELAXED)) {
    if (prefault->step()) continue;
    const struct timespec pause = {0, 50000};
    nanosleep(&pause, nullptr);
  }
  return nullptr;
}

}  // namespace fastboot::runtime
