// Fresh memory ahead of its use.
#pragma once

#include <pthread.h>

#include <cstdint>

namespace fastboot::runtime {

// The kernel zeroes fresh pages when they are first touched: in a freeze, that takes as long as the walk. A helper thread touches
// them a little ahead of the walker. It knows nothing but two areas and how far each is used; without it (no second processor,
// no thread to be had) everything is the same, only slower.
class Prefault {
 public:
  struct Area {
    uint8_t* begin;
    uint64_t size;
    uint64_t ready;  // bytes that have been touched, by the helper only
    uint64_t used;   // bytes in use, written by the walker
  };

  Prefault() = default;
  Prefault(const Prefault&) = delete;
  Prefault& operator=(const Prefault&) = delete;
  ~Prefault() { stop(); }

  void add(uint8_t* begin, uint64_t size);
  // Says that `used` bytes of area `i` are in use; starts the helper when that is worth it.
  void advance(uint32_t i, uint64_t used) {
    __atomic_store_n(&areas_[i].used, used, __ATOMIC_RELAXED);
    if (!running_ && used >= kWorthIt && !tried_) start();
  }
  void stop();

 private:
  static constexpr uint64_t kWorthIt = uint64_t{4} << 20;
  static constexpr uint64_t kAhead = uint64_t{24} << 20;
  static constexpr uint32_t kMostAreas = 4;

  void start();
  static void* run(void* self);
  bool step();

  Area areas_[kMostAreas] = {};
  uint32_t count_ = 0;
  bool running_ = false;
  bool tried_ = false;
  bool stopping_ = false;
  pthread_t thread_;
};

}  // namespace fastboot::runtime
