#pragma once

#include "common/diagnostics.h"
#include "common/output.h"
#include "fastboot-inspect/options.h"

namespace fastboot::inspect {

// Shows all files; gives the exit code.
int inspect(const Options& options, tools::Output* out, tools::Diagnostics* diagnostics);

// Reads each file whole and verifies its signature (signature.cc); the exit code.
int verify_signatures(const Options& options, tools::Output* out, tools::Diagnostics* diagnostics);

}  // namespace fastboot::inspect
