// The closures of an image as a graph: who points to whom. For analyses that need all of it at once.
//
// Edges are what the rebase stream names inside a closure, its header aside: pointers, and addresses in byte arrays.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "format/closure_index.h"
#include "format/scratch.h"

namespace fastboot::format {

// 4 bytes for each closure and 4 for each pointer, in scratch files; and a ClosureIndex in memory.
class ClosureGraph {
 public:
  static constexpr uint32_t kNone = ClosureIndex::kNone;

  // What makes no sense in the image is left out, and told in `damage` (at most 20 entries).
  static Result<ClosureGraph> make(const Reader& reader, const TargetIndex& targets, std::vector<Error>* damage);

  const ClosureIndex& index() const { return index_; }
  uint32_t count() const { return index_.count(); }
  uint64_t edge_count() const { return count() == 0 ? 0 : offsets_[count()]; }
  // In the order of the closure's words.
  std::span<const uint32_t> successors(uint32_t closure) const {
    return edges_.span(offsets_[closure], offsets_[closure + 1]);
  }
  // The closures of the image's roots, in the roots' order; kNone: there is no closure.
  const std::vector<uint32_t>& roots() const { return roots_; }

 private:
  friend class GraphBuilder;
  friend class DominatorFinder;  // takes the index
  ClosureIndex index_;
  ScratchArray<uint32_t> offsets_;  // count() + 1
  ScratchArray<uint32_t> edges_;
  std::vector<uint32_t> roots_;
};

// A shortest way from the roots to each closure: the closure before it on the way.
class ShortestPaths {
 public:
  static constexpr uint32_t kRoot = 0xfffffffe;  // before a root's closure
  static constexpr uint32_t kNone = ClosureIndex::kNone;

  // Takes 8 bytes for each closure.
  static Result<ShortestPaths> make(const ClosureGraph& graph);
  // kNone: nothing leads there.
  uint32_t before(uint32_t closure) const { return before_[closure]; }
  // Closures in the order of their distance from the roots.
  std::span<const uint32_t> order() const { return order_.span(0, reached_); }
  // From the root's closure to this one; empty: nothing leads there.
  std::vector<uint32_t> path(uint32_t closure) const;

 private:
  ScratchArray<uint32_t> before_;
  ScratchArray<uint32_t> order_;
  uint64_t reached_ = 0;
};

}  // namespace fastboot::format
