// Errors and warnings on standard error: "fastboot-inspect: error: app.snap: section .fastboot.targets: ...".
#pragma once

#include <string>
#include <string_view>

#include "format/error.h"

namespace fastboot::tools {

// Exit codes of all tools.
enum Exit : int {
  kExitOk = 0,
  kExitRefused = 1,  // a damaged or refused file, a check that says no
  kExitTrouble = 2,  // usage, or trouble that says nothing about the file: it cannot be opened, no space
};

// The exit code that an error leads to when nothing else went wrong.
Exit exit_for(wire::Code code);

class Diagnostics {
 public:
  explicit Diagnostics(std::string tool);

  void error(std::string_view message) { say("error", kRed, message); }
  void error(const format::Error& error) { say("error", kRed, error.describe()); }
  void warning(std::string_view message) { say("warning", kMagenta, message); }
  void warning(const format::Error& error) { say("warning", kMagenta, error.describe()); }
  void note(std::string_view message) { say("note", kCyan, message); }

 private:
  static constexpr const char* kRed = "\033[1;31m";
  static constexpr const char* kMagenta = "\033[1;35m";
  static constexpr const char* kCyan = "\033[1;36m";
  void say(std::string_view kind, const char* colour, std::string_view message);

  std::string tool_;
  bool colour_;
};

}  // namespace fastboot::tools
