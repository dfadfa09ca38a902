#pragma once

#include "common/diagnostics.h"
#include "common/output.h"
#include "fastboot-inspect/options.h"

namespace fastboot::inspect {

// Shows all files; gives the exit code.
int inspect(const Options& options, tools::Output* out, tools::Diagnostics* diagnostics);

}  // namespace fastboot::inspect
