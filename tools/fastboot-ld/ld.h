// The work of fastboot-ld.
#pragma once

#include "common/diagnostics.h"
#include "common/output.h"
#include "fastboot-ld/options.h"

namespace fastboot::ld {

// The exit code.
int link(const Options& options, tools::Output* out, tools::Diagnostics* diagnostics);

}  // namespace fastboot::ld
