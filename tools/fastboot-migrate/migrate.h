// The work of fastboot-migrate.
#pragma once

#include "common/diagnostics.h"
#include "common/output.h"
#include "fastboot-migrate/options.h"

namespace fastboot::migrate {

// The exit code.
int migrate(const Options& options, tools::Output* out, tools::Diagnostics* diagnostics);

}  // namespace fastboot::migrate
