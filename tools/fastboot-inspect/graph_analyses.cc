#include "fastboot-inspect/graph_analyses.h"

#include "fastboot-inspect/neighbourhood.h"
#include "fastboot-inspect/places.h"
#include "fastboot-inspect/show.h"
#include "fastboot-inspect/sizes.h"
#include "fastboot-inspect/treemap.h"
#include "fastboot-inspect/why.h"

namespace fastboot::inspect {
namespace {

using format::Reader;

class Analyses {
 public:
  Analyses(const Reader& reader, const GraphOptions& options, const AnalysisSinks& sinks)
      : reader_(reader), options_(options), sinks_(sinks) {}

  void run() {
    const auto targets = format::TargetIndex::make(reader_);
    if (!targets) return sinks_.trouble(targets.error());
    if (!options_.show.empty())
      put(Show::make(reader_, *targets, options_.show, options_.depth, options_.width, options_.wide));
    if (!options_.graph.empty()) graph(*targets);
    if (!options_.why.empty()) why(*targets);
    if (options_.sizes || options_.lazy || !options_.treemap.empty()) sizes(*targets);
  }

 private:
  template <class T>
  void put(const format::Result<T>& result) {
    result ? sinks_.show(*result) : sinks_.trouble(result.error());
  }

  void graph(const format::TargetIndex& targets) {
    if (options_.from.empty() && reader_.view().root_count == 0) return;
    const auto from = options_.from.empty()
                          ? format::Result<format::ImageAddress>(format::ImageAddress(reader_.view().roots[0].address))
                          : find_place(reader_, options_.from);
    if (!from) return sinks_.trouble(from.error());
    put(Neighbourhood::make(reader_, targets, *from, options_.depth, options_.width, options_.graph));
  }

  std::optional<format::ClosureGraph> all(const format::TargetIndex& targets) {
    std::vector<format::Error> damage;
    auto graph = format::ClosureGraph::make(reader_, targets, &damage);
    // Told once, though two analyses want the graph.
    for (const format::Error& each : damage) {
      if (!told_) sinks_.trouble(each);
    }
    told_ = true;
    if (graph) return std::move(*graph);
    sinks_.trouble(graph.error());
    return std::nullopt;
  }

  void why(const format::TargetIndex& targets) {
    if (const auto graph = all(targets)) put(Why::make(reader_, targets, *graph, options_.why));
  }

  void sizes(const format::TargetIndex& targets) {
    auto graph = all(targets);
    if (!graph) return;
    auto tree = format::DominatorTree::make(std::move(*graph));
    if (!tree) return sinks_.trouble(tree.error());
    const auto retained = format::RetainedSizes::make(reader_, targets, std::move(*tree));
    if (!retained) return sinks_.trouble(retained.error());
    if (options_.sizes) put(Sizes::make(reader_, *retained, options_.wide));
    if (options_.lazy) put(LazySizes::make(reader_, *retained, options_.wide));
    if (!options_.treemap.empty()) put(Treemap::make(reader_, *retained, options_.treemap));
  }

  const Reader& reader_;
  const GraphOptions& options_;
  const AnalysisSinks& sinks_;
  bool told_ = false;
};

}  // namespace

void analyse(const Reader& reader, const GraphOptions& options, const AnalysisSinks& sinks) {
  Analyses(reader, options, sinks).run();
}

}  // namespace fastboot::inspect
