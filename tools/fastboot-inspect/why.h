// --why: what keeps a closure, as a shortest path from a root.
#pragma once

#include <string>
#include <vector>

#include "fastboot-inspect/analysis.h"
#include "format/closure_graph.h"

namespace fastboot::inspect {

class Why : public Analysis {
 public:
  struct Step {
    format::ImageAddress address;
    std::string name;        // of the constructor or code
    uint64_t words = 0;      // of the closure
    uint64_t field = 0;      // word of it that leads to the next one; 0 in the last step
    std::string field_name;  // "field 2", "element 17", "argument 1", "free variable 1"
  };

  // `what`: an address of the image, or a constructor's or function's name: then the nearest of these closures.
  static format::Result<Why> make(const format::Reader& reader, const format::TargetIndex& targets,
                                  const format::ClosureGraph& graph, const std::string& what);
  void text(tools::Output* out) const override;
  void json(tools::Json* json) const override;

 private:
  std::string what_;
  std::string root_;
  std::vector<Step> steps_;  // empty: no root leads there
};

// How people count the words of a closure of this target: "field 1" for the first word of a constructor.
std::string field_name(const wire::Target& target, bool lazy, uint64_t word);

}  // namespace fastboot::inspect
