#include "ghc-9.0/world.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <new>

namespace fastboot::ghc {

using wire::Code;
using wire::Error;
using wire::fail;

namespace {

uint32_t number_of(Capability* capability) { return reinterpret_cast<const CapabilityStart*>(capability)->no; }

}  // namespace

// Threads that take a capability each, and hold it.
//
// A capability that begins a collection wants the others, and waits for them while it keeps itself: with some of them
// held here, neither side would ever have all. So where not all are held in time, each thread gives its own back and
// asks for it again at once: the collection runs, and at its end those that ask come first, all together.
class Holders {
 public:
  // nullptr: no memory, or no threads.
  static Holders* take(uint32_t count) {
    void* memory = malloc(sizeof(Holders));
    if (memory == nullptr) return nullptr;
    auto* holders = new (memory) Holders;
    holders->threads_ = static_cast<Holder*>(calloc(count, sizeof(Holder)));
    if (holders->threads_ != nullptr && holders->start(count) && holders->wait_for_all()) return holders;
    give_back(holders);
    return nullptr;
  }

  static void give_back(Holders* holders) {
    pthread_mutex_lock(&holders->mutex_);
    holders->released_ = true;
    pthread_cond_broadcast(&holders->changed_);
    pthread_mutex_unlock(&holders->mutex_);
    for (uint32_t i = 0; i < holders->started_; ++i) pthread_join(holders->threads_[i].thread, nullptr);
    free(holders->threads_);
    free(holders);
  }

  Capability* first() const { return threads_[0].capability; }

 private:
  struct Holder {
    Holders* all;
    uint32_t number;
    pthread_t thread;
    Capability* capability;
  };

  Holders() = default;

  bool start(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      threads_[i] = Holder{this, i, {}, nullptr};
      if (pthread_create(&threads_[i].thread, nullptr, hold, &threads_[i]) != 0) return false;
      ++started_;
    }
    return true;
  }

  // As long as it takes, as the RTS's own function does. False: the program changes how many are in use meanwhile.
  bool wait_for_all() {
    constexpr uint64_t kFirst = 5, kLongest = 100;  // milliseconds
    pthread_mutex_lock(&mutex_);
    for (uint64_t limit = kFirst; taken_ < started_ && !other_; limit = limit * 2 < kLongest ? limit * 2 : kLongest) {
      timespec until;
      clock_gettime(CLOCK_REALTIME, &until);
      const uint64_t nanoseconds = static_cast<uint64_t>(until.tv_nsec) + limit * 1000000;
      until.tv_sec += static_cast<time_t>(nanoseconds / 1000000000);
      until.tv_nsec = static_cast<long>(nanoseconds % 1000000000);
      int waited = 0;
      while (taken_ < started_ && !other_ && waited == 0) waited = pthread_cond_timedwait(&changed_, &mutex_, &until);
      if (waited == 0) continue;
      ++round_;
      taken_ = 0;
      pthread_cond_broadcast(&changed_);
    }
    const bool all = !other_;
    pthread_mutex_unlock(&mutex_);
    return all;
  }

  static void* hold(void* argument) {
    auto* holder = static_cast<Holder*>(argument);
    Holders* all = holder->all;
    rts_setInCallCapability(static_cast<int>(holder->number), 0);
    for (bool again = true; again;) {
      holder->capability = rts_lock();
      pthread_mutex_lock(&all->mutex_);
      all->other_ |= number_of(holder->capability) != holder->number;
      ++all->taken_;
      const uint64_t round = all->round_;
      pthread_cond_broadcast(&all->changed_);
      while (!all->released_ && all->round_ == round) pthread_cond_wait(&all->changed_, &all->mutex_);
      again = !all->released_;
      pthread_mutex_unlock(&all->mutex_);
      rts_unlock(holder->capability);
    }
    hs_thread_done();
    return nullptr;
  }

  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed_ = PTHREAD_COND_INITIALIZER;
  Holder* threads_ = nullptr;
  uint32_t started_ = 0;
  uint32_t taken_ = 0;  // in this round
  uint64_t round_ = 0;
  bool released_ = false;
  bool other_ = false;  // somebody got another capability than asked for
};

bool World::take_all(Error* error) {
  const uint32_t count = enabled_capabilities;
  if (count == n_capabilities) holders_ = Holders::take(count);
  if (holders_ != nullptr && count == n_capabilities) {
    capability_ = holders_->first();
    return stopped_ = true;
  }
  release_holders();
  if (count == n_capabilities && count == enabled_capabilities)
    return fail(error, Code::out_of_memory, "no memory or threads for stopping %u capabilities", count);
  return fail(error, Code::unsupported_way,
              "this program uses %u of its %u capabilities (setNumCapabilities has lowered their number), and its "
              "runtime system, a shared library, hides what stops the others; do not lower it, or link statically "
              "(without -dynamic)",
              static_cast<uint32_t>(enabled_capabilities), static_cast<uint32_t>(n_capabilities));
}

void World::release_holders() {
  if (holders_ != nullptr) Holders::give_back(holders_);
  holders_ = nullptr;
}

bool World::stop(bool safe_call, Error* error) {
  if (!safe_call) return true;
  if (&stopAllCapabilities == nullptr || &releaseAllCapabilities == nullptr) {
    return rtsSupportsBoundThreads() == HS_BOOL_FALSE || take_all(error);
  }
  capability_ = rts_lock();
  task_ = reinterpret_cast<CapabilityStart*>(capability_)->running_task;
  stopAllCapabilities(&capability_, task_);
  return stopped_ = true;
}

void World::release() {
  if (!stopped_) return;
  stopped_ = false;
  if (holders_ != nullptr) return release_holders();
  releaseAllCapabilities(n_capabilities, capability_, task_);
  rts_unlock(capability_);
}

}  // namespace fastboot::ghc
