// What the command line asks for.
#pragma once

#include <string>
#include <vector>

namespace fastboot::freeze {

struct Options {
  std::string output;                  // where the snapshot goes
  std::string program;                 // as given: a path, or a name to look for in PATH
  std::vector<std::string> arguments;  // PROGRAM's
  std::string image;                   // empty: whatever PROGRAM freezes
  double timeout = 0;                  // seconds; 0: for ever
  bool json = false;
  bool quiet = false;
};

}  // namespace fastboot::freeze
