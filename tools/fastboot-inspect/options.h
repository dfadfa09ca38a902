// What the command line asks for.
#pragma once

#include <string>
#include <vector>

#include "fastboot-inspect/graph_options.h"
#include "fastboot-inspect/relocations.h"

namespace fastboot::inspect {

struct Options {
  bool header = false;
  bool segments = false;
  bool sections = false;
  bool symbols = false;
  RelocClasses relocs;  // none: not asked for
  bool notes = false;
  bool dynamic = false;
  bool roots = false;
  bool bindings = false;
  bool objects = false;
  GraphOptions graph;
  std::vector<std::string> hex_dumps;     // names or numbers of sections
  std::vector<std::string> string_dumps;  // likewise
  std::string check;                      // "metadata", "data", "structure"; empty: not asked for
  bool warm = false;
  std::string verify_signature;  // file of the public key; empty: nothing is verified
  bool json = false;
  bool wide = false;
  bool decode = false;
  std::vector<std::string> files;

  bool summary() const {
    return !(header || segments || sections || symbols || relocs.any() || notes || dynamic || roots || bindings ||
             objects || graph.any() || warm || !hex_dumps.empty() || !string_dumps.empty() || !check.empty());
  }
};

}  // namespace fastboot::inspect
