// Completion scripts for shells, made of a tool's command-line definition: the same App that parses and prints the
// help.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace CLI {
class App;
}  // namespace CLI

namespace fastboot::tools {

// The script for "bash", "zsh" or "fish"; nothing for another name. "options" gives a plain list instead, one option in
// a line, which the tests compare with the manual pages: its names, a tab, the name of its value, a tab, what it does.
//
// What an option's value is follows from the name of its type: "a|b|c" are the choices, a name with a dot or one of
// FILE, PROGRAM, DIRECTORY and the like is a path; anything else is not completed. Positional arguments are paths.
std::optional<std::string> completion(const CLI::App& app, std::string_view shell);

}  // namespace fastboot::tools
