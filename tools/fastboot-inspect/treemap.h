// --treemap: retained sizes as nested rectangles, in an SVG file that any browser shows.
//
// A rectangle stands for the closures of one constructor that have the same constructors above them in the dominator
// tree, so a list of a million cells is one rectangle, and what all its cells hold lies inside. Its area is what these
// closures retain.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "fastboot-inspect/analysis.h"
#include "fastboot-inspect/closure_names.h"
#include "format/dominators.h"

namespace fastboot::inspect {

// The dominator tree, with what has the same constructors above it taken together.
class PathTree {
 public:
  static constexpr uint32_t kImage = 0xffffffff;   // in place of a target: the whole
  static constexpr uint32_t kRoot = 0xfffffffe;    // what one root leads to
  static constexpr uint32_t kShared = 0xfffffffd;  // what several roots lead to
  static constexpr uint32_t kMostNodes = 200000;   // further ones count as part of what is above them

  struct Node {
    uint32_t parent = 0;
    uint32_t target = kImage;
    uint32_t root = 0;  // of kRoot: which
    uint32_t depth = 0;
    uint64_t closures = 0;
    uint64_t own = 0;       // bytes
    uint64_t retained = 0;  // bytes, its own among them
  };

  static format::Result<PathTree> make(const format::Reader& reader, const format::RetainedSizes& retained);
  // Node 0 is the whole; a node's parent comes before it.
  const std::vector<Node>& nodes() const { return nodes_; }

 private:
  uint32_t below(uint32_t node, uint32_t target);
  std::vector<Node> nodes_;
  std::unordered_map<uint64_t, uint32_t> children_;  // by parent and target
};

class Treemap : public Analysis {
 public:
  // Writes the picture to `path`.
  static format::Result<Treemap> make(const format::Reader& reader, const format::RetainedSizes& retained,
                                      const std::string& path);
  void text(tools::Output* out) const override;
  void json(tools::Json* json) const override;

 private:
  std::string path_;
  uint64_t rectangles_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace fastboot::inspect
