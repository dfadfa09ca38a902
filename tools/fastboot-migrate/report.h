// What fastboot-migrate says: for people and for scripts.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/output.h"
#include "fastboot-migrate/options.h"
#include "fastboot-migrate/trace.h"
#include "format/model.h"
#include "reloc/plan.h"
#include "reloc/retag.h"

namespace fastboot::migrate {

struct Report {
  std::string program;                 // the new build's path
  std::vector<uint8_t> build_id;       // and build-id
  std::optional<format::Model> model;  // the snapshot; nothing: it was not read
  std::optional<reloc::Plan> plan;     // nothing: it did not come to that
  std::map<uint32_t, Use> uses;        // of targets that were lost
  reloc::Retagged retagged;
  std::string written;  // the file; empty: none
  std::vector<format::Error> problems;
};

// A line for each target, and the sums.
void print_plan(const Report& report, bool all, tools::Output* out);
// "old.snap: 61 targets: 20 identical, 41 moved".
std::string summary(const Report& report);
void print_json(const Report& report, const Options& options, bool ok, tools::Output* out);

}  // namespace fastboot::migrate
