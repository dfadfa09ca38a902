// What the command line asks for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fastboot::freeze {

struct Options {
  std::string output;                  // where the snapshot goes
  std::string embed;                   // where a copy of PROGRAM that carries the snapshot goes; empty: nowhere
  std::string program;                 // as given: a path, or a name to look for in PATH
  std::vector<std::string> arguments;  // PROGRAM's
  std::string image;                   // empty: whatever PROGRAM freezes
  std::vector<std::string> roots;      // declared ones to build instead of running main; empty: main is run
  bool list_roots = false;             // only tell which there are
  std::vector<std::string> needs;      // snapshots that the image may point into
  std::string force;                   // none, whnf, nf, or empty: as PROGRAM says
  std::string soname;                  // empty: as PROGRAM says
  uint64_t address = 0;                // of the image's slot; 0: as PROGRAM says
  double timeout = 0;                  // seconds; 0: for ever
  std::string sign;                    // file of the secret key; empty: not signed
  std::string make_key;                // only make a pair of keys of this name
  bool json = false;
  bool quiet = false;
};

}  // namespace fastboot::freeze
