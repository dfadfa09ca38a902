#include "reloc/link_shrink.h"

#include <algorithm>

#include "format/writer.h"
#include "reloc/link_compact.h"
#include "reloc/link_fold.h"
#include "reloc/link_heap.h"
#include "reloc/link_mark.h"

namespace fastboot::reloc {

using format::fail;
using format::Model;
using format::Result;
using wire::Code;

namespace {

// Roots that are not kept go; names that no root has are an error each.
Result<uint64_t> choose_roots(Model* model, const std::vector<std::string>& keep) {
  if (keep.empty()) return 0;
  for (const std::string& name : keep) {
    const auto is_it = [&](const format::ModelRoot& root) { return root.name == name; };
    if (std::any_of(model->roots.begin(), model->roots.end(), is_it)) continue;
    std::string names;
    for (const format::ModelRoot& root : model->roots) names += (names.empty() ? "" : ", ") + root.name;
    return fail(Code::undefined_root,
                fmt::format("undefined root '{}': no input defines it; their roots are {}", name, names));
  }
  return std::erase_if(model->roots, [&](const format::ModelRoot& root) {
    return std::find(keep.begin(), keep.end(), root.name) == keep.end();
  });
}

uint64_t count_words(const LinkHeap& heap, const WordSet& set, uint64_t* closures) {
  uint64_t words = 0;
  for (uint64_t at = set.next(0, heap.size()); at < heap.size(); at = set.next(at + 1, heap.size())) {
    words += heap.words(static_cast<WordNumber>(at));
    ++*closures;
  }
  return words;
}

}  // namespace

Result<Shrunk> shrink(Model* model, const ShrinkOptions& options) {
  Shrunk shrunk;
  shrunk.bytes_before = model->lazy.size() + model->data.size();
  const auto dropped = choose_roots(model, options.gc ? options.keep : std::vector<std::string>());
  if (!dropped) return tl::unexpected(dropped.error());
  shrunk.dropped_roots = *dropped;
  auto heap = LinkHeap::read(*model);
  if (!heap) return tl::unexpected(heap.error());
  WordSet live = heap->starts();
  if (options.gc) {
    auto marked = mark_live(*heap, *model);
    if (!marked) return tl::unexpected(marked.error());
    uint64_t all = 0;
    uint64_t kept = 0;
    const uint64_t all_words = count_words(*heap, live, &all);
    shrunk.dropped_bytes = (all_words - count_words(*heap, *marked, &kept)) * 8;
    shrunk.dropped_closures = all - kept;
    live = std::move(*marked);
  }
  Folding folding(heap->size());
  if (options.icf) {
    if (auto done = fold(&*heap, live, &folding); !done) return tl::unexpected(done.error());
    shrunk.folded_closures = folding.closures;
    shrunk.folded_bytes = folding.words * 8;
  }
  const size_t targets = model->targets.size();
  if (auto done = compact(*heap, live, &folding, options.gc, model); !done) return tl::unexpected(done.error());
  shrunk.dropped_targets = targets - model->targets.size();
  shrunk.bytes_after = model->lazy.size() + model->data.size();
  return shrunk;
}

}  // namespace fastboot::reloc
