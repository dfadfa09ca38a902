#include "format/closure_graph.h"

#include <algorithm>

namespace fastboot::format {

namespace {
constexpr size_t kMostDamage = 20;
constexpr uint64_t kTagMask = 7;
}  // namespace

// First where closures start and how many edges there are, then the edges.
class GraphBuilder {
 public:
  GraphBuilder(const Reader& reader, const TargetIndex& targets, std::vector<Error>* damage)
      : reader_(reader), targets_(targets), damage_(*damage) {}

  Result<ClosureGraph> build() {
    auto index = ClosureIndex::make(reader_);
    if (!index) return tl::unexpected(index.error());
    graph_.index_ = std::move(*index);
    Starts starts(this);
    if (auto done = scan_closures(reader_, targets_, &starts); !done) return tl::unexpected(done.error());
    graph_.index_.finish();
    if (auto got = graph_.offsets_.allocate(uint64_t{graph_.count()} + 1); !got) return tl::unexpected(got.error());
    if (auto got = graph_.edges_.allocate(edges_); !got) return tl::unexpected(got.error());
    Edges edges(this);
    if (auto done = scan_closures(reader_, targets_, &edges); !done) return tl::unexpected(done.error());
    edges.finish();
    for (uint64_t i = 0; i < reader_.view().root_count; ++i)
      graph_.roots_.push_back(graph_.index_.at(ImageAddress(reader_.view().roots[i].address)));
    return std::move(graph_);
  }

 private:
  static uint64_t count_edges(uint64_t first, uint64_t words, WordBits rebased) {
    uint64_t count = 0;
    for (uint64_t i = first == 0 ? 1 : 0; i < words; ++i) count += rebased[i];
    return count;
  }

  class Starts : public ClosureVisitor {
   public:
    explicit Starts(GraphBuilder* builder) : builder_(*builder) {}
    void closure(const Closure& closure, uint64_t first, std::span<const uint64_t> words, WordBits rebased) override {
      if (first == 0) builder_.graph_.index_.add(closure.address);
      builder_.edges_ += count_edges(first, words.size(), rebased);
    }
    bool damage(Error error) override {
      if (error.file.empty()) error.file = builder_.reader_.path();
      if (builder_.damage_.size() < kMostDamage) builder_.damage_.push_back(std::move(error));
      return true;
    }

   private:
    GraphBuilder& builder_;
  };

  class Edges : public ClosureVisitor {
   public:
    explicit Edges(GraphBuilder* builder) : graph_(builder->graph_), most_(builder->edges_) {}
    void closure(const Closure&, uint64_t first, std::span<const uint64_t> words, WordBits rebased) override {
      if (first == 0 && next_ < graph_.count()) graph_.offsets_[next_++] = static_cast<uint32_t>(at_);
      for (uint64_t i = first == 0 ? 1 : 0; i < words.size(); ++i) {
        const uint32_t to = rebased[i] ? target_of(words[i]) : ClosureIndex::kNone;
        if (to != ClosureIndex::kNone && at_ < most_) graph_.edges_[at_++] = to;
      }
    }
    bool damage(Error) override { return true; }
    void finish() {
      while (next_ <= graph_.count()) graph_.offsets_[next_++] = static_cast<uint32_t>(at_);
    }

   private:
    uint32_t target_of(uint64_t word) const {
      const uint32_t start = graph_.index_.at(ImageAddress(word & ~kTagMask));
      return start != ClosureIndex::kNone ? start : graph_.index_.before(ImageAddress(word));
    }
    ClosureGraph& graph_;
    uint64_t most_;
    uint64_t at_ = 0;
    uint64_t next_ = 0;
  };

  const Reader& reader_;
  const TargetIndex& targets_;
  std::vector<Error>& damage_;
  ClosureGraph graph_;
  uint64_t edges_ = 0;
};

Result<ClosureGraph> ClosureGraph::make(const Reader& reader, const TargetIndex& targets, std::vector<Error>* damage) {
  return GraphBuilder(reader, targets, damage).build();
}

Result<ShortestPaths> ShortestPaths::make(const ClosureGraph& graph) {
  ShortestPaths paths;
  if (auto got = paths.before_.allocate(graph.count()); !got) return tl::unexpected(got.error());
  if (auto got = paths.order_.allocate(graph.count()); !got) return tl::unexpected(got.error());
  for (uint32_t i = 0; i < graph.count(); ++i) paths.before_[i] = kNone;
  const auto meet = [&](uint32_t closure, uint32_t from) {
    if (closure == kNone || paths.before_[closure] != kNone) return;
    paths.before_[closure] = from;
    paths.order_[paths.reached_++] = closure;
  };
  for (const uint32_t root : graph.roots()) meet(root, kRoot);
  for (uint64_t i = 0; i < paths.reached_; ++i) {
    const uint32_t closure = paths.order_[i];
    for (const uint32_t next : graph.successors(closure)) meet(next, closure);
  }
  return paths;
}

std::vector<uint32_t> ShortestPaths::path(uint32_t closure) const {
  std::vector<uint32_t> path;
  if (closure >= before_.size() || before_[closure] == kNone) return path;
  for (; closure != kRoot; closure = before_[closure]) path.push_back(closure);
  std::reverse(path.begin(), path.end());
  return path;
}

}  // namespace fastboot::format
