// The options whose answers need the graph of all closures.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace fastboot::inspect {

struct GraphOptions {
  bool sizes = false;
  bool lazy = false;
  std::string treemap;  // file to write; empty: not asked for, and likewise below
  std::string show;     // a root's name or a closure's address
  std::string why;      // an address or a constructor
  std::string graph;    // file to write
  std::string from;     // where --graph starts: as for --show; empty: the first root
  bool diff = false;    // the files are two: old and new
  uint32_t depth = 8;
  uint32_t width = 20;
  bool wide = false;

  bool any() const {
    return sizes || lazy || diff || !treemap.empty() || !show.empty() || !why.empty() || !graph.empty();
  }
};

void add_graph_options(CLI::App* app, GraphOptions* options);

// Nothing, or what is wrong with the files for these options: --diff takes two, a file to write is for one.
std::string unfit_files(const GraphOptions& options, const std::vector<std::string>& files);

}  // namespace fastboot::inspect
