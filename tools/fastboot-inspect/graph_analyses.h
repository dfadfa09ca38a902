// Runs what GraphOptions ask for, each piece of work once: the graph for --why, its dominators for what has sizes.
#pragma once

#include <functional>

#include "fastboot-inspect/analysis.h"
#include "fastboot-inspect/graph_options.h"
#include "format/reader.h"

namespace fastboot::inspect {

// What is found goes to `show`; what is wrong with the file, and what cannot be done, to `trouble`.
struct AnalysisSinks {
  std::function<void(const Analysis&)> show;
  std::function<void(const format::Error&)> trouble;
};

// All but --diff, which has two files.
void analyse(const format::Reader& reader, const GraphOptions& options, const AnalysisSinks& sinks);

}  // namespace fastboot::inspect
