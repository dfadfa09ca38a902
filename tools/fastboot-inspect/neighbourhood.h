// --graph: what lies near a closure, as a graph for Graphviz.
#pragma once

#include <string>

#include "fastboot-inspect/analysis.h"
#include "format/closure_index.h"

namespace fastboot::inspect {

class Neighbourhood : public Analysis {
 public:
  // Writes the closures at most `depth` pointers away from `from` to `path`, of each one at most `width` pointers, and
  // kMostClosures in all.
  static format::Result<Neighbourhood> make(const format::Reader& reader, const format::TargetIndex& targets,
                                            format::ImageAddress from, uint32_t depth, uint32_t width,
                                            const std::string& path);
  void text(tools::Output* out) const override;
  void json(tools::Json* json) const override;

 private:
  static constexpr size_t kMostClosures = 1000;
  std::string path_;
  format::ImageAddress from_;
  uint64_t closures_ = 0, pointers_ = 0;
  bool cut_off_ = false;
};

}  // namespace fastboot::inspect
