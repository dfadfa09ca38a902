// What fastboot-ld says about what it linked: a line for people, a map, a document for scripts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/output.h"
#include "fastboot-ld/options.h"
#include "reloc/link.h"
#include "reloc/link_shrink.h"

namespace fastboot::ld {

struct Report {
  std::vector<reloc::LinkInput> inputs;  // in place before `linked`, which reads from them
  reloc::Linked linked;
  std::optional<reloc::Shrunk> shrunk;
  std::optional<format::Reader> written;  // the output; nothing: there is none
  std::vector<format::Error> problems;
};

void print_summary(const Report& report, const Options& options, tools::Output* out);
// The output must have been written.
std::string map_of(const Report& report, const Options& options);
void print_json(const Report& report, const Options& options, tools::Output* out);

}  // namespace fastboot::ld
