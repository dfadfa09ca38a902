#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "format/dominators.h"
#include "format/structure.h"
#include "unit/graph_sample.h"
#include "unit/sample.h"

using namespace fastboot;
using namespace fastboot::test;
using format::ClosureGraph;
using format::DominatorTree;
using format::Reader;
using format::RetainedSizes;
using format::TargetIndex;

namespace {

// A written graph, read again.
struct Written {
  TemporaryDirectory directory;
  std::vector<format::ImageAddress> addresses;
  std::optional<Reader> reader;
  std::optional<TargetIndex> targets;

  explicit Written(const Graph& graph) {
    const std::string path = directory.path("graph.snap");
    addresses = write_graph(graph, path);
    auto opened = Reader::open(path);
    REQUIRE(opened);
    reader.emplace(std::move(*opened));
    auto index = TargetIndex::make(*reader);
    REQUIRE(index);
    targets.emplace(std::move(*index));
  }
  ClosureGraph graph() const {
    std::vector<format::Error> damage;
    auto made = ClosureGraph::make(*reader, *targets, &damage);
    REQUIRE(made);
    CHECK(damage.empty());
    return std::move(*made);
  }
  RetainedSizes sizes() const {
    auto tree = DominatorTree::make(graph());
    REQUIRE(tree);
    auto made = RetainedSizes::make(*reader, *targets, std::move(*tree));
    REQUIRE(made);
    return std::move(*made);
  }
};

std::vector<bool> reachable_without(const Graph& graph, uint32_t left_out) {
  std::vector<bool> seen(graph.edges.size());
  std::vector<uint32_t> stack;
  const auto meet = [&](uint32_t v) {
    if (v == left_out || seen[v]) return;
    seen[v] = true;
    stack.push_back(v);
  };
  for (const uint32_t root : graph.roots) meet(root);
  while (!stack.empty()) {
    const uint32_t v = stack.back();
    stack.pop_back();
    for (const uint32_t to : graph.edges[v]) meet(to);
  }
  return seen;
}

uint64_t bytes_of(const Graph& graph, uint32_t v) { return 16 + graph.edges[v].size() * 8; }

// By the definition: what cannot be reached without a vertex is dominated by it.
void compare_with_definition(const Graph& graph) {
  const Written written(graph);
  const RetainedSizes sizes = written.sizes();
  const DominatorTree& tree = sizes.tree();
  const auto none = static_cast<uint32_t>(graph.edges.size());
  const std::vector<bool> all = reachable_without(graph, none);
  CHECK(tree.count() == 1 + static_cast<uint32_t>(std::count(all.begin(), all.end(), true)));
  std::vector<std::set<uint32_t>> dominators(graph.edges.size());
  for (uint32_t d = 0; d < graph.edges.size(); ++d) {
    if (!all[d]) {
      CHECK(tree.vertex(d) == 0);
      continue;
    }
    const std::vector<bool> left = reachable_without(graph, d);
    uint64_t retained = 0;
    for (uint32_t v = 0; v < graph.edges.size(); ++v) {
      if (!all[v] || left[v]) continue;
      retained += bytes_of(graph, v);
      if (v != d) dominators[v].insert(d);
    }
    CHECK(sizes.retained(tree.vertex(d)) == retained);
  }
  for (uint32_t v = 0; v < graph.edges.size(); ++v) {
    if (!all[v]) continue;
    // The immediate dominator has all the others.
    const uint32_t idom = tree.idom(tree.vertex(v));
    if (idom == 0) {
      CHECK(dominators[v].empty());
      continue;
    }
    const uint32_t closure = tree.closure(idom);
    std::set<uint32_t> want = dominators[closure];
    want.insert(closure);
    CHECK(dominators[v] == want);
  }
}

}  // namespace

TEST_CASE("dominators: known graphs") {
  SUBCASE("a diamond") { compare_with_definition({{{1, 2}, {3}, {3}, {}}, {0}}); }
  SUBCASE("a list that leads back to its start") { compare_with_definition({{{1}, {2}, {3}, {0}}, {0}}); }
  SUBCASE("two roots that share") { compare_with_definition({{{2}, {2, 3}, {4}, {}, {}}, {0, 1}}); }
  SUBCASE("what nothing leads to") { compare_with_definition({{{}, {0}, {1, 2}}, {0}}); }
  SUBCASE("one root twice, and edges twice") { compare_with_definition({{{1, 1, 0}, {0, 1}}, {0, 0}}); }
  // From Lengauer's and Tarjan's paper: R A B C D E F G H I J K L.
  SUBCASE("the paper's") {
    compare_with_definition(
        {{{1, 2, 3}, {4}, {1, 4, 5}, {6, 7}, {12}, {8}, {9}, {9, 10}, {5, 11}, {11}, {9}, {9, 0}, {8}}, {0}});
  }
}

TEST_CASE("dominators: random graphs, against the definition") {
  for (uint64_t seed = 0; seed < 120; ++seed) {
    CAPTURE(seed);
    compare_with_definition(
        random_graph(2 + static_cast<uint32_t>(seed % 40), 1 + static_cast<uint32_t>(seed % 4), seed));
  }
}

TEST_CASE("dominators: a chain of 300,000, with an edge from each to the first and from the root to each") {
  // Deep, and what a quadratic algorithm does not end with.
  constexpr uint32_t kCount = 300000;
  Graph graph;
  graph.roots = {0};
  graph.edges.resize(kCount);
  graph.edges[0] = {1, kCount / 2};
  for (uint32_t v = 1; v + 1 < kCount; ++v) graph.edges[v] = {v + 1, 1};
  const Written written(graph);
  const RetainedSizes sizes = written.sizes();
  // The second half is reached from the root, too: its first vertex is the root's child in the tree.
  CHECK(sizes.tree().idom(sizes.tree().vertex(kCount / 2)) == sizes.tree().vertex(0));
  CHECK(sizes.tree().idom(sizes.tree().vertex(kCount - 1)) == sizes.tree().vertex(kCount - 2));
  CHECK(sizes.retained(sizes.tree().vertex(0)) == sizes.retained(0));
  const auto shares = sizes.by_target(written.targets->count());
  REQUIRE(shares);
  CHECK((*shares)[0].closures == kCount);
  CHECK((*shares)[0].retained == sizes.retained(0));
  CHECK((*shares)[0].own == sizes.retained(0));
}

TEST_CASE("shortest paths: by breadth-first search") {
  const Written written({{{1, 2}, {3}, {4}, {5}, {5}, {}, {}}, {0}});
  const ClosureGraph graph = written.graph();
  const auto paths = format::ShortestPaths::make(graph);
  REQUIRE(paths);
  CHECK(paths->path(5) == std::vector<uint32_t>{0, 1, 3, 5});
  CHECK(paths->path(6).empty());
  CHECK(paths->before(0) == format::ShortestPaths::kRoot);
  CHECK(paths->order().size() == 6);
}

TEST_CASE("closure index: starts, numbers, and what lies between") {
  Graph graph = random_graph(70000, 6, 7);  // several megablocks
  const Written written(graph);
  const ClosureGraph made = written.graph();
  const format::ClosureIndex& index = made.index();
  REQUIRE(index.count() == graph.edges.size());
  for (uint32_t v = 0; v < index.count(); ++v) {
    REQUIRE(index.start(v) == written.addresses[v]);
    REQUIRE(index.at(written.addresses[v]) == v);
    REQUIRE(index.at(written.addresses[v] + 8) == format::ClosureIndex::kNone);
    REQUIRE(index.before(written.addresses[v] + 15) == v);
    REQUIRE(std::vector<uint32_t>(made.successors(v).begin(), made.successors(v).end()) == graph.edges[v]);
  }
  CHECK(index.before(format::ImageAddress(0)) == format::ClosureIndex::kNone);
  CHECK(format::check_structure(*written.reader).empty());
}
