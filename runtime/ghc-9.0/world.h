// Keeping every other Haskell thread from running.
#pragma once

#include "format/wire/error.h"
#include "ghc-9.0/rts.h"

namespace fastboot::ghc {

class Holders;

// In an unsafe call of a program with one capability the world stands still anyway.
//
// Else the RTS's own function stops it. The RTS's shared library hides that one: there, all capabilities are taken,
// each by a thread of its own (`rts_lock` and what lets a thread choose its capability are for everybody).
class World {
 public:
  World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() { release(); }

  bool stop(bool safe_call, wire::Error* error);
  void release();

  // The one that may allocate.
  Capability* capability() const { return stopped_ ? capability_ : rts_unsafeGetMyCapability(); }

 private:
  bool take_all(wire::Error* error);
  void release_holders();

  Capability* capability_ = nullptr;
  Task_* task_ = nullptr;
  Holders* holders_ = nullptr;
  bool stopped_ = false;
};

}  // namespace fastboot::ghc
