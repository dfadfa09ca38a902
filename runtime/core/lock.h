// A lock that nobody waits for long, and that costs next to nothing where nobody waits at all. (A mutex of libc's needs
// handlers for fork(), all of which would have to be looked up first.)
#pragma once

#include "core/system_calls.h"

namespace fastboot::runtime {

// Holds the process id of who has it, so that the child of a fork() does not wait for a thread that it does not have.
class Lock {
 public:
  constexpr Lock() = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  void take() {
    const int own = sys::process_id();
    for (;;) {
      int holder = 0;
      if (__atomic_compare_exchange_n(&holder_, &holder, own, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
      // Held by a thread of the process that this one was forked from, where it may still be at work.
      if (holder != own &&
          __atomic_compare_exchange_n(&holder_, &holder, own, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        return;
      }
      sys::yield();
    }
  }
  void release() { __atomic_store_n(&holder_, 0, __ATOMIC_RELEASE); }

 private:
  int holder_ = 0;  // 0: free
};

class Locked {
 public:
  explicit Locked(Lock* lock) : lock_(lock) { lock_->take(); }
  ~Locked() { lock_->release(); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  Lock* lock_;
};

}  // namespace fastboot::runtime
