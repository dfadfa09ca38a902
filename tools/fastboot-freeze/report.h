// What is told about a freeze.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/output.h"
#include "format/reader.h"
#include "reloc/annotate.h"

namespace fastboot::freeze {

struct DeclaredRoot {
  std::string name;
  std::string type;
};

struct Report {
  std::string program;                     // path; empty: none was found
  std::optional<format::Reader> snapshot;  // as it was written; nothing: it was not
  std::string place;                       // what holds it now: the snapshot, or the program that carries it
  std::string embedded;                    // the program that carries it, too; empty: none
  reloc::Annotation annotation;
  std::optional<std::vector<DeclaredRoot>> declared;  // with --list-roots
  uint64_t fingerprints = 0;                          // targets that migration can compare
  std::vector<format::Error> problems;                // errors and warnings
};

// "dict.snap: image dict, ..."; for a report with a snapshot.
std::string one_line(const Report& report);

// A line for each declared root: its name and its type.
void print_list(const Report& report, tools::Output* out);

// One JSON document, which fastboot-freeze(1) describes; a change that takes something away or gives it another meaning
// raises the schema's version.
void print_json(const Report& report, bool ok, tools::Output* out);

}  // namespace fastboot::freeze
