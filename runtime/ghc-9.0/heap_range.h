// The addresses that are the collector's heap to it.
//
// Linked statically, a program has the RTS's own variable. The RTS's shared library hides it: then the range is what
// the RTS reserved at its start, which the kernel's list of mappings tells.
#pragma once

#include "format/wire/error.h"
#include "ghc-9.0/rts.h"

namespace fastboot::ghc {

struct HeapRange {
  uint64_t begin;  // process addresses; multiples of a megablock
  uint64_t end;
};

// Whether the RTS's own variable is there: only then can the range be raised.
inline bool knows_heap_range() { return &mblock_address_space != nullptr; }

// Finds the range where it has to be found, once for the process; before any other of these.
bool find_heap_range(wire::Error* error);

// What find_heap_range() found; zeros before.
__attribute__((visibility("hidden"))) HeapRange found_heap_range();

inline uint64_t heap_range_begin() {
  return knows_heap_range() ? mblock_address_space.begin : found_heap_range().begin;
}
inline uint64_t heap_range_end() { return knows_heap_range() ? mblock_address_space.end : found_heap_range().end; }

}  // namespace fastboot::ghc
