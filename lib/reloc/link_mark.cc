#include "reloc/link_mark.h"

namespace fastboot::reloc {

using format::Result;

format::Error leads_nowhere(const LinkHeap& heap, uint64_t word) {
  return format::Error{wire::Code::corrupt,
                       fmt::format("the word at {} holds {:#x}, which is no closure's address; freeze it again",
                                   to_string(heap.address(static_cast<WordNumber>(word))), heap[word]),
                       {},
                       {},
                       std::nullopt};
}

Result<WordSet> mark_live(const LinkHeap& heap, const format::Model& model) {
  WordSet live(heap.size());
  std::vector<WordNumber> pending;
  const auto meet = [&](WordNumber closure) {
    if (live.has(closure)) return;
    live.add(closure);
    pending.push_back(closure);
  };
  for (const format::ModelRoot& root : model.roots) {
    WordNumber closure;
    if (!heap.number(root.address.value(), &closure) || !heap.starts().has(closure)) {
      return format::fail(wire::Code::corrupt, fmt::format("root '{}' is at {}, where no closure is; freeze it again",
                                                           root.name, to_string(root.address)));
    }
    meet(closure);
  }
  while (!pending.empty()) {
    const WordNumber closure = pending.back();
    pending.pop_back();
    auto done = each_reference(heap, closure, [&](uint64_t, const LinkHeap::Reference& to) { meet(to.closure); });
    if (!done) return tl::unexpected(done.error());
  }
  return live;
}

}  // namespace fastboot::reloc
