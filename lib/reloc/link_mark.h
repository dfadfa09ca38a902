// Linking, what is reached: closures that a root leads to.
#pragma once

#include "reloc/link_heap.h"

namespace fastboot::reloc {

format::Result<WordSet> mark_live(const LinkHeap& heap, const format::Model& model);

// Calls visit(index, reference) for each word of the closure that leads to a closure. Error:
// corrupt, where a word leads to none.
template <class Visit>
format::Result<void> each_reference(const LinkHeap& heap, WordNumber closure, Visit visit);

format::Error leads_nowhere(const LinkHeap& heap, uint64_t word);

template <class Visit>
format::Result<void> each_reference(const LinkHeap& heap, WordNumber closure, Visit visit) {
  const uint64_t end = closure + heap.words(closure);
  for (uint64_t at = heap.pointers().next(closure + 1, end); at < end; at = heap.pointers().next(at + 1, end)) {
    LinkHeap::Reference reference;
    if (!heap.follow(closure, at - closure, &reference)) return tl::unexpected(leads_nowhere(heap, at));
    visit(at, reference);
  }
  return {};
}

}  // namespace fastboot::reloc
