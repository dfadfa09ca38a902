// What is told about a freeze.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/output.h"
#include "format/reader.h"
#include "reloc/annotate.h"

namespace fastboot::freeze {

struct Report {
  std::string program;                     // path; empty: none was found
  std::optional<format::Reader> snapshot;  // as it was written; nothing: it was not
  reloc::Annotation annotation;
  uint64_t fingerprints = 0;            // targets that migration can compare
  std::vector<format::Error> problems;  // errors and warnings
};

// "dict.snap: image dict, ..."; for a report with a snapshot.
std::string one_line(const Report& report);

// One JSON document, which fastboot-freeze(1) describes; a change that takes something away or gives it another meaning
// raises the schema's version.
void print_json(const Report& report, bool ok, tools::Output* out);

}  // namespace fastboot::freeze
