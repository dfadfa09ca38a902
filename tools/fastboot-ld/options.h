// What the command line asks for.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace fastboot::ld {

struct Options {
  std::vector<std::string> inputs;   // snapshots; only read
  std::string output;                // -o
  std::string soname;                // empty: as the output's file
  std::optional<uint64_t> address;   // --va-base; nothing: follows from the name
  std::string program;               // --for; empty: the one that froze
  std::string map;                   // --map; empty: none, "-": standard output
  std::vector<std::string> keep;     // names of roots
  std::vector<std::string> renames;  // IMAGE:ROOT=NAME
  bool icf = false;
  bool gc_roots = false;
  bool no_undefined = false;
  bool json = false;
  bool quiet = false;
};

}  // namespace fastboot::ld
