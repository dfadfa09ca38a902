// --show: a value of the image as Haskell writes it.
#pragma once

#include <string>

#include "fastboot-inspect/analysis.h"
#include "format/closure_index.h"

namespace fastboot::inspect {

class Show : public Analysis {
 public:
  static format::Result<Show> make(const format::Reader& reader, const format::TargetIndex& targets,
                                   const std::string& what, uint32_t depth, uint32_t width, bool wide);
  void text(tools::Output* out) const override;
  void json(tools::Json* json) const override;

 private:
  format::ImageAddress address_;
  std::string name_, type_;  // of a root; else empty
  std::string value_;
  bool cut_off_ = false;
  bool wide_ = false;
};

// Breaks lines at spaces that are not inside literals, so that they have at most `width` columns where that can be.
std::string wrapped(const std::string& text, size_t width, const std::string& indent);

}  // namespace fastboot::inspect
