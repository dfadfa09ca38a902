// What the command line asks for.
#pragma once

#include <string>
#include <vector>

namespace fastboot::migrate {

struct Options {
  std::string snapshot;                    // the snapshot to carry over; only read
  std::string program;                     // the new build
  std::string output;                      // -o; empty: none
  std::string old_program;                 // --old; empty: looked for
  std::vector<std::string> allow_changed;  // names of targets
  std::vector<std::string> map_units;      // OLD=NEW
  std::string sign;                        // --sign: file of the secret key; empty: not signed anew
  bool add = false;
  bool dry_run = false;
  bool strict = false;
  bool retag = false;
  bool json = false;
  bool quiet = false;
};

}  // namespace fastboot::migrate
