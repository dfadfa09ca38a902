// Running PROGRAM: in a process group of its own, so that all that it starts ends with it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fastboot-freeze/signals.h"
#include "format/error.h"

namespace fastboot::freeze {

// The path of the file that a shell would run for `name`. Error: not_executable.
format::Result<std::string> find_program(const std::string& name);

struct Command {
  std::string path;                    // from find_program()
  std::string name;                    // argv[0]
  std::vector<std::string> arguments;  // argv[1] and so on
  // What its runtime is told: FASTBOOT_CAPTURE and the like.
  std::vector<std::pair<std::string, std::string>> environment;
  double timeout = 0;  // seconds; 0: for ever
};

struct Ended {
  bool timed_out = false;
  int interrupted = 0;  // the signal that came to us meanwhile
  int exit_status = 0;  // valid when `signal` is 0
  int signal = 0;       // that killed it
};

// Runs the command to its end. Standard input and error are ours, and so is its standard output: our standard error.
// Error: not_executable when it cannot be started.
format::Result<Ended> run_program(const Command& command, const Signals& signals);

}  // namespace fastboot::freeze
