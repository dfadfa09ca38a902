#include "common/completion.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace fastboot::tools {
namespace {

struct Value {
  std::string name;              // empty: the option has none
  bool may_be_left_out = false;  // --NAME[=VALUE]
  bool path = false;
  std::vector<std::string> choices;  // empty: any
};

struct Option {
  std::vector<std::string> names;  // "-o", "--output"
  Value value;
  std::string description;
  bool repeated = false;
};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool names_path(std::string_view type) {
  for (const std::string_view word : {"FILE", "PROGRAM", "DIRECTORY", "DIR", "PATH"}) {
    if (type == word || type.starts_with(fmt::format("{}-", word))) return true;
  }
  return type.find('.') != std::string_view::npos && !type.ends_with("...");
}

Value value_of(const CLI::Option& option) {
  Value value;
  std::string type = option.get_option_text();
  value.may_be_left_out = type.starts_with("[=") && type.ends_with("]");
  if (value.may_be_left_out) {
    type = type.substr(2, type.size() - 3);
  } else if (option.get_type_size() == 0 || option.get_items_expected_max() == 0) {
    return value;
  } else {
    type = option.get_type_name();
    if (const size_t limits = type.find(" in ["); limits != std::string::npos) type.resize(type.rfind(':', limits));
  }
  value.name = type;
  if (type.find('|') != std::string::npos) value.choices = split(type, '|');
  value.path = value.choices.empty() && names_path(type);
  return value;
}

std::vector<Option> options_of(const CLI::App& app) {
  std::vector<Option> options;
  for (const CLI::Option* each : app.get_options()) {
    if (each->get_group().empty() || each->get_positional()) continue;
    Option option;
    for (const std::string& name : each->get_snames()) option.names.push_back("-" + name);
    for (const std::string& name : each->get_lnames()) option.names.push_back("--" + name);
    option.value = value_of(*each);
    option.description = each->get_description();
    option.repeated = each->get_items_expected_max() > 1;
    options.push_back(std::move(option));
  }
  return options;
}

bool is_long(const std::string& name) { return name.starts_with("--"); }

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

// --- bash
// --------------------------------------------------------------------------------------------------------------

// "${previous}" is the option before the word that is completed; of "--check=da", bash makes three words.
std::string bash(const std::string& tool, const std::vector<Option>& options) {
  std::string words, cases;
  for (const Option& option : options) {
    for (const std::string& name : option.names) words += (words.empty() ? "" : " ") + name;
    if (option.value.name.empty()) continue;
    const std::string pattern = joined(option.names, "|");
    std::string body = "return";
    if (option.value.path) body = "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return";
    if (!option.value.choices.empty()) {
      body = fmt::format("mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$word\"); return",
                         joined(option.value.choices, " "));
    }
    cases += fmt::format("    {}) {}{} ;;\n", pattern, option.value.may_be_left_out ? "[ -z \"$equals\" ] || { " : "",
                         option.value.may_be_left_out ? body + "; }" : body);
  }
  const std::string function = "_" + tool;
  return fmt::format(R"(# bash completion for {0}; made from its command-line definition
{1}() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} equals=
  if [ "$word" = = ]; then
    word= equals=yes
  elif [ "$previous" = = ] && [ "$COMP_CWORD" -ge 2 ]; then
    previous=${{COMP_WORDS[COMP_CWORD - 2]}} equals=yes
  fi
  COMPREPLY=()
  case $previous in
{2}  esac
  case $word in
    -*) mapfile -t COMPREPLY < <(compgen -W '{3}' -- "$word") ;;
    *)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      ;;
  esac
}}
complete -F {1} {0}
)",
                     tool, function, cases, words);
}

// --- zsh
// ---------------------------------------------------------------------------------------------------------------

std::string zsh_escaped(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
      continue;
    }
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_value(const Value& value) {
  if (value.name.empty()) return {};
  std::string action = " ";
  if (value.path) action = "_files";
  if (!value.choices.empty()) action = fmt::format("({})", joined(value.choices, " "));
  return fmt::format("{}:{}:{}", value.may_be_left_out ? ":" : "", zsh_escaped(value.name, ":\\"), action);
}

std::string zsh(const std::string& tool, const std::vector<Option>& options) {
  std::string specs;
  for (const Option& option : options) {
    for (const std::string& name : option.names) {
      // Names of one option exclude each other, and itself; one that may be repeated excludes none.
      const std::string excluded = option.repeated ? "*" : fmt::format("({})", joined(option.names, " "));
      std::string form = name;
      if (!option.value.name.empty()) {
        if (option.value.may_be_left_out) {
          form += is_long(name) ? "=-" : "";
        } else {
          form += is_long(name) ? "=" : "+";
        }
      }
      const bool takes = !option.value.name.empty() && (!option.value.may_be_left_out || is_long(name));
      specs += fmt::format("  '{}{}[{}]{}' \\\n", excluded, form, zsh_escaped(option.description, "[]\\:"),
                           takes ? zsh_value(option.value) : "");
    }
  }
  return fmt::format(
      "#compdef {0}\n# zsh completion for {0}; made from its command-line definition\n_arguments -s -S \\\n{1}  "
      "'*:file:_files'\n",
      tool, specs);
}

// --- fish
// --------------------------------------------------------------------------------------------------------------

std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string fish(const std::string& tool, const std::vector<Option>& options) {
  std::string out = fmt::format("# fish completion for {}; made from its command-line definition\n", tool);
  for (const Option& option : options) {
    std::string line = "complete -c " + tool;
    for (const std::string& name : option.names) {
      line += is_long(name) ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    const Value& value = option.value;
    // Fish has no options with a value that may be left out: it offers the name, and the name with each value.
    if (!value.name.empty() && !value.may_be_left_out) line += value.path ? " -r -F" : " -x";
    if (!value.choices.empty() && !value.may_be_left_out) line += " -a " + fish_quoted(joined(value.choices, " "));
    out += line + " -d " + fish_quoted(option.description) + "\n";
    if (!value.may_be_left_out) continue;
    for (const std::string& choice : value.choices) {
      out += fmt::format("complete -c {} -n {} -a {} -d {}\n", tool,
                         fish_quoted("string match -q -- '-*' (commandline -ct)"),
                         fish_quoted(option.names.back() + "=" + choice), fish_quoted(option.description));
    }
  }
  return out;
}

std::string list(const std::vector<Option>& options) {
  std::string out;
  for (const Option& option : options) {
    out += fmt::format("{}\t{}{}\t{}\n", joined(option.names, ","), option.value.may_be_left_out ? "=" : "",
                       option.value.name, option.description);
  }
  return out;
}

}  // namespace

std::optional<std::string> completion(const CLI::App& app, std::string_view shell) {
  const auto options = options_of(app);
  const std::string& tool = app.get_name();
  if (shell == "bash") return bash(tool, options);
  if (shell == "zsh") return zsh(tool, options);
  if (shell == "fish") return fish(tool, options);
  if (shell == "options") return list(options);
  return std::nullopt;
}

}  // namespace fastboot::tools
