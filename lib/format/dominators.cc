#include "format/dominators.h"

#include <algorithm>

namespace fastboot::format {

using Array = ScratchArray<uint32_t>;

namespace {

Result<void> allocate(uint64_t count, std::initializer_list<Array*> arrays) {
  for (Array* array : arrays) {
    if (auto got = array->allocate(count); !got) return got;
  }
  return {};
}

}  // namespace

// Names are those of the paper; vertices are numbers in depth-first order.
class DominatorFinder {
 public:
  explicit DominatorFinder(ClosureGraph graph) : graph_(std::move(graph)) {}

  Result<DominatorTree> run() {
    for (const uint32_t root : graph_.roots()) {
      if (root != ClosureIndex::kNone) roots_.push_back(root);
    }
    if (auto done = number(); !done) return tl::unexpected(done.error());
    if (auto done = gather_predecessors(); !done) return tl::unexpected(done.error());
    tree_.index_ = std::move(graph_.index_);
    graph_ = ClosureGraph();
    if (auto done = allocate(count_, {&semi_, &label_, &bucket_, &tree_.idom_}); !done)
      return tl::unexpected(done.error());
    find();
    return std::move(tree_);
  }

 private:
  std::span<const uint32_t> successors(uint32_t vertex) const {
    return vertex == 0 ? std::span<const uint32_t>(roots_) : graph_.successors(tree_.closure_[vertex]);
  }

  // Depth first, going back up by the parents: a list of a hundred million cells needs no stack.
  Result<void> number() {
    const uint64_t most = uint64_t{graph_.count()} + 1;
    Array cursor;
    if (auto got = allocate(most, {&tree_.closure_, &tree_.vertex_, &parent_, &cursor}); !got) return got;
    count_ = 1;
    uint32_t at = 0;
    while (true) {
      const auto next = successors(at);
      if (cursor[at] == next.size()) {
        if (at == 0) return {};
        at = parent_[at];
        continue;
      }
      const uint32_t closure = next[cursor[at]++];
      if (tree_.vertex_[closure] != 0) continue;
      const uint32_t vertex = count_++;
      tree_.vertex_[closure] = vertex;
      tree_.closure_[vertex] = closure;
      parent_[vertex] = at;
      at = vertex;
    }
  }

  // Predecessors of vertex v: predecessor_[first_[v]] to predecessor_[first_[v + 1]].
  Result<void> gather_predecessors() {
    if (auto got = first_.allocate(uint64_t{count_} + 2); !got) return got;
    uint64_t edges = 0;
    for (uint32_t v = 0; v < count_; ++v) {
      for (const uint32_t to : successors(v)) ++first_[uint64_t{tree_.vertex_[to]} + 2];
      edges += successors(v).size();
    }
    if (auto got = predecessor_.allocate(edges); !got) return got;
    for (uint64_t v = 2; v < first_.size(); ++v) first_[v] += first_[v - 1];
    // What stands one place further on is now each vertex's next free place, and in the end where the next one starts.
    for (uint32_t v = 0; v < count_; ++v) {
      for (const uint32_t to : successors(v)) predecessor_[first_[uint64_t{tree_.vertex_[to]} + 1]++] = v;
    }
    return {};
  }

  // The vertex with the least semidominator on the way up from v, not beyond vertices below `linked`. The parents serve
  // as the ancestors of the paper: a vertex is linked when all vertices from it on have been.
  uint32_t eval(uint32_t v, uint32_t linked) {
    if (parent_[v] < linked) return label_[v];
    way_.clear();
    for (; parent_[v] >= linked; v = parent_[v]) way_.push_back(v);
    uint32_t above = v;
    while (!way_.empty()) {
      v = way_.back();
      way_.pop_back();
      parent_[v] = parent_[above];
      if (semi_[label_[above]] < semi_[label_[v]]) label_[v] = label_[above];
      above = v;
    }
    return label_[v];
  }

  // Those whose semidominator is w have w as their dominator, or the dominator of what eval() gives.
  void settle_bucket(uint32_t w) {
    for (uint32_t v = bucket_[w], next = 0; v != 0; v = next) {
      next = tree_.idom_[v];  // until then the bucket's list
      const uint32_t u = eval(v, w + 1);
      tree_.idom_[v] = semi_[u] < semi_[v] ? u : w;
    }
  }

  void find() {
    for (uint32_t v = 0; v < count_; ++v) semi_[v] = label_[v] = v;
    for (uint32_t w = count_ - 1; w > 0; --w) {
      settle_bucket(w);
      uint32_t semi = parent_[w];
      for (const uint32_t p : predecessor_.span(first_[w], first_[uint64_t{w} + 1]))
        semi = std::min(semi, semi_[eval(p, w + 1)]);
      semi_[w] = semi;
      tree_.idom_[w] = bucket_[semi];
      bucket_[semi] = w;
    }
    settle_bucket(0);
    for (uint32_t w = 1; w < count_; ++w) {
      if (tree_.idom_[w] != semi_[w]) tree_.idom_[w] = tree_.idom_[tree_.idom_[w]];
    }
  }

  ClosureGraph graph_;
  std::vector<uint32_t> roots_;
  DominatorTree tree_;
  uint32_t count_ = 0;
  Array parent_, first_, predecessor_, semi_, label_, bucket_;
  std::vector<uint32_t> way_;
};

Result<DominatorTree> DominatorTree::make(ClosureGraph graph) { return DominatorFinder(std::move(graph)).run(); }

// --- sizes ---------------------------------------------------------------------------------------

namespace {

// Notes each reachable closure's target and bytes.
class Sizes : public ClosureVisitor {
 public:
  Sizes(const DominatorTree& tree, ScratchArray<uint64_t>* bytes, Array* targets)
      : tree_(tree), bytes_(*bytes), targets_(*targets) {}
  void closure(const Closure& closure, uint64_t first, std::span<const uint64_t>, WordBits) override {
    if (first != 0 || number_ == tree_.index().count()) return;
    const uint32_t vertex = tree_.vertex(number_++);
    if (vertex == 0) return;
    bytes_[vertex] = closure.words * 8;
    targets_[vertex] = closure.target;
  }
  bool damage(Error) override { return true; }

 private:
  const DominatorTree& tree_;
  ScratchArray<uint64_t>& bytes_;
  Array& targets_;
  uint32_t number_ = 0;
};

}  // namespace

Result<RetainedSizes> RetainedSizes::make(const Reader& reader, const TargetIndex& targets, DominatorTree tree) {
  RetainedSizes sizes;
  sizes.tree_ = std::move(tree);
  const uint32_t count = sizes.tree_.count();
  if (auto got = sizes.retained_.allocate(count); !got) return tl::unexpected(got.error());
  if (auto got = sizes.target_.allocate(count); !got) return tl::unexpected(got.error());
  Sizes own(sizes.tree_, &sizes.retained_, &sizes.target_);
  if (auto done = scan_closures(reader, targets, &own); !done) return tl::unexpected(done.error());
  for (uint32_t v = count - 1; v > 0; --v) sizes.retained_[sizes.tree_.idom(v)] += sizes.retained_[v];
  return sizes;
}

// Walks the dominator tree, children before siblings, counting how many closures of each target are above.
Result<std::vector<RetainedSizes::Share>> RetainedSizes::by_target(uint32_t target_count) const {
  const uint32_t count = tree_.count();
  Array child, sibling;
  if (auto got = allocate(count, {&child, &sibling}); !got) return tl::unexpected(got.error());
  for (uint32_t v = count - 1; v > 0; --v) {
    sibling[v] = child[tree_.idom(v)];
    child[tree_.idom(v)] = v;
  }
  std::vector<Share> shares(target_count);
  std::vector<uint32_t> above(target_count);
  uint32_t at = child[0];
  while (at != 0) {
    Share& share = shares[target_[at]];
    ++share.closures;
    if (above[target_[at]]++ == 0) share.retained += retained_[at];
    share.own += retained_[at];
    if (child[at] != 0) {
      at = child[at];
      continue;
    }
    while (at != 0) {
      --above[target_[at]];
      if (sibling[at] != 0) break;
      at = tree_.idom(at);
    }
    if (at != 0) at = sibling[at];
  }
  // What a closure retains is its own bytes and what its children retain.
  for (uint32_t v = 1; v < count; ++v) {
    if (tree_.idom(v) != 0) shares[target_[tree_.idom(v)]].own -= retained_[v];
  }
  return shares;
}

}  // namespace fastboot::format
