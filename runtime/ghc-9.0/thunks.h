// For evaluating a graph before it is frozen: which thunks are in it.
//
// A walk of the whole graph lists those that are reachable through data. What only a thunk refers to is not among them:
// it may be gone when that one is evaluated (take 3 of an endless list), and what a function refers to is its own
// affair. Evaluating a thunk makes new data, with new thunks; these are looked for from there, and only a little way,
// for what is not found is met by the next walk of the whole. So a lazy list takes time by its length, though each of
// its cells is only there when the one before it has been evaluated.
#pragma once

#include "core/memory.h"
#include "ghc-9.0/rts.h"

namespace fastboot::ghc {

// A Haskell list of these closures, held by the stable pointer that is given.
void* list_closures(const runtime::ReservedArray<uint64_t>& closures, Capability* capability);

}  // namespace fastboot::ghc
