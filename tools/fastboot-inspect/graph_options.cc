#include "fastboot-inspect/graph_options.h"

#include <CLI/CLI.hpp>

#include <fmt/format.h>

namespace fastboot::inspect {

void add_graph_options(CLI::App* app, GraphOptions* options) {
  app->add_flag("--sizes", options->sizes, "retained sizes: bytes by the closures that keep them");
  app->add_flag("--lazy", options->lazy, "thunks by their code, with retained bytes");
  app->add_option("--treemap", options->treemap, "write a picture of the retained sizes, for a browser")
      ->type_name("OUT.svg");
  app->add_option("--show", options->show, "a value as Haskell writes it")->type_name("ROOT|ADDR");
  app->add_option("--why", options->why, "a shortest path from a root to it")->type_name("ADDR|CONSTRUCTOR");
  app->add_option("--graph", options->graph, "write what lies near --from, for Graphviz")->type_name("OUT.dot");
  app->add_option("--from", options->from, "where --graph starts (default: the first root)")->type_name("ROOT|ADDR");
  app->add_flag("--diff", options->diff, "what differs between two snapshots, OLD and NEW");
  app->add_option("--depth", options->depth, "levels that --show and --graph go down (default 8)")
      ->type_name("N")
      ->check(CLI::Range(1u, 200u));
  app->add_option("--width", options->width, "elements that they show of one level (default 20)")
      ->type_name("N")
      ->check(CLI::Range(1u, 100000u));
}

std::string unfit_files(const GraphOptions& options, const std::vector<std::string>& files) {
  if (options.diff && files.size() != 2) return "--diff takes two files, OLD and NEW";
  if (options.diff) return {};
  const bool writes = !options.treemap.empty() || !options.graph.empty();
  if (writes && files.size() != 1) return "--treemap and --graph take one file";
  for (const std::string& written : {options.treemap, options.graph}) {
    if (written.ends_with(".snap")) return fmt::format("{} would overwrite a snapshot", written);
  }
  return {};
}

}  // namespace fastboot::inspect
