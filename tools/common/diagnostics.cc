#include "common/diagnostics.h"

#include <unistd.h>

#include "common/output.h"

namespace fastboot::tools {

Exit exit_for(wire::Code code) {
  using enum wire::Code;
  switch (code) {
    case ok:
      return kExitOk;
    case not_found:
    case not_readable:
    case not_regular:
    case write_failed:
    case no_space:
    case out_of_memory:
    case bad_argument:
    case bad_key:
    case key_exists:
      return kExitTrouble;
    default:
      return kExitRefused;
  }
}

Diagnostics::Diagnostics(std::string tool) : tool_(std::move(tool)), colour_(wants_colour(STDERR_FILENO)) {}

void Diagnostics::say(std::string_view kind, const char* colour, std::string_view message) {
  Output out(STDERR_FILENO);
  if (colour_) {
    out.print("{}: {}{}:\033[0m {}\n", tool_, colour, kind, printable(message));
  } else {
    out.print("{}: {}: {}\n", tool_, kind, printable(message));
  }
}

}  // namespace fastboot::tools
