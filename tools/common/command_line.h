// What all tools' command lines have in common, on top of CLI11: @file responses, GNU-form --version, suggestions for
// misspelt options, long options cut short where it is clear which is meant, exit code 2 for usage errors.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/diagnostics.h"
#include "common/output.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace fastboot::tools {

// Replaces each argument @FILE by the words of FILE, as GNU tools do: separated by white space, with ' " and \ as
// quotes. An argument whose file does not exist stays as it is. False with `message` set when files include each other
// without end.
bool expand_responses(std::vector<std::string>* arguments, std::string* message);

// The known word nearest to `word`, if near enough to be meant.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known);

// An App with -H/--help and --version; -h stays free, since it means "file header" in tools like readelf. Also with
// --completion SHELL, which is not in the help: it prints what completion.h makes of the App.
void prepare(CLI::App* app, const std::string& tool, const std::string& version_names = "--version");

// An option whose value may be left out: --NAME or --NAME=VALUE. `names` as for add_flag(); *value is `implied` where
// none is given, and stays as it is without the option. Give the result an option_text() "[=VALUE]" for the help.
CLI::Option* add_optional(CLI::App* app, const std::string& names, const std::string& implied, std::string* value,
                          const std::string& description);

// Parses. Gives the exit code if the program should end now (help, version, a usage error, which it has reported).
std::optional<int> parse(CLI::App* app, int argc, char** argv, Diagnostics* diagnostics);

// What run() gives in the end: `exit`; or kExitTrouble where standard output could not be written, which it reports.
int finish(Output* out, int exit, Diagnostics* diagnostics);

// What main() gives: run's exit code, or kExitTrouble where it threw, as the libraries do when memory runs out. Caught,
// so that destructors run and temporary files go.
int guarded(const char* tool, int (*run)(int, char**), int argc, char** argv) noexcept;

}  // namespace fastboot::tools
