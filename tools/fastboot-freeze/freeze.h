#pragma once

#include "common/diagnostics.h"
#include "common/output.h"
#include "fastboot-freeze/options.h"

namespace fastboot::freeze {

struct Finish {
  int exit = 0;
  int signal = 0;  // not 0: this signal came, everything is tidied up, and it is time to die of it
};

// Runs the program and writes the snapshot; reports on standard error, and where asked on `out`.
Finish freeze(const Options& options, tools::Output* out, tools::Diagnostics* diagnostics);

// Makes the keys that --make-key names; the exit code.
int make_keys(const Options& options, tools::Diagnostics* diagnostics);

}  // namespace fastboot::freeze
