// Linking, equal closures: which ones become one. link_shrink.h says which may, and why.
//
// Closures are compared from the leaves up: when one is looked at, what it leads to has been, and its pointers have
// been made to lead to the closures that stay. So equal closures have equal words, and one table finds them. A closure
// with a pointer to one that is not done yet, which is where a cycle closes, is left alone.
#pragma once

#include "reloc/link_heap.h"

namespace fastboot::reloc {

struct Folding {
  explicit Folding(uint64_t heap_words) : gone(heap_words), kept(heap_words / 2 + 1) {}

  WordSet gone;                  // closures that another one stands for
  std::vector<WordNumber> kept;  // which, by half the closure's number: no two closures share one
  uint64_t closures = 0;         // that go
  uint64_t words = 0;            // theirs

  WordNumber stands_for(WordNumber closure) const { return gone.has(closure) ? kept[closure / 2] : closure; }
};

// Rewrites pointers in the heap.
format::Result<void> fold(LinkHeap* heap, const WordSet& live, Folding* out);

}  // namespace fastboot::reloc
