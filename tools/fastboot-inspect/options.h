// What the command line asks for.
#pragma once

#include <string>
#include <vector>

namespace fastboot::inspect {

struct Options {
  bool header = false;
  bool sections = false;
  bool symbols = false;
  bool relocs = false;
  bool notes = false;
  bool dynamic = false;
  bool roots = false;
  bool objects = false;
  bool json = false;
  bool wide = false;
  bool decode = false;
  std::vector<std::string> files;

  bool summary() const { return !(header || sections || symbols || relocs || notes || dynamic || roots || objects); }
};

}  // namespace fastboot::inspect
