#include "common/command_line.h"

#include <CLI/CLI.hpp>

#include "common/completion.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>

#ifndef FASTBOOT_VERSION
#define FASTBOOT_VERSION "0.1.0"
#endif

namespace fastboot::tools {
namespace {

constexpr size_t kMostResponses = 2000;

std::vector<std::string> split_words(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      word += text[++i];
      in_word = true;
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (strchr(" \t\n\r\f\v", c) != nullptr) {
      if (in_word) words.push_back(word);
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (in_word) words.push_back(word);
  return words;
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row[b.size()];
}

constexpr const char* kCompletion = "--completion";

// Leaves the parser, since nothing else is asked of the command line then.
struct CompletionAsked {
  std::string shell;
};

int print_completion(const CLI::App& app, const std::string& shell, Diagnostics* diagnostics) {
  const auto script = completion(app, shell);
  if (!script) {
    diagnostics->error(fmt::format("{} takes bash, zsh, fish or options, and not '{}'", kCompletion, shell));
    return kExitTrouble;
  }
  Output out;
  out.write(*script);
  return finish(&out, kExitOk, diagnostics);
}

// CLI11's, but for options whose value may be left out: it shows "--check{data}", and we "--check[=VALUE]".
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option_name(const CLI::Option* option, bool positional) const override {
    const std::string name = CLI::Formatter::make_option_name(option, positional);
    std::string plain;
    bool inside = false;
    for (const char c : name) {
      if (c == '{') inside = true;
      if (!inside) plain += c;
      if (c == '}') inside = false;
    }
    return plain;
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string text = CLI::Formatter::make_option_opts(option);
    return text.starts_with(" [=") ? text.substr(1) : text;
  }
};

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

// As getopt_long() does: "--sect" is "--sections" where no other option starts so. Of names of one option any will do.
void expand_abbreviations(const CLI::App& app, std::vector<std::string>* arguments) {
  for (std::string& argument : *arguments) {
    if (argument == "--") return;
    if (argument.size() < 4 || !argument.starts_with("--")) continue;
    const std::string typed =
        argument.substr(2, argument.find('=') == std::string::npos ? std::string::npos : argument.find('=') - 2);
    const CLI::Option* meant = nullptr;
    std::string name;
    bool certain = true;
    for (const CLI::Option* option : app.get_options()) {
      if (option->get_group().empty()) continue;
      for (const std::string& each : option->get_lnames()) {
        if (!each.starts_with(typed)) continue;
        if (each == typed) certain = false;  // nothing to expand
        if (meant != nullptr && meant != option) certain = false;
        meant = option;
        name = each;
      }
    }
    if (meant != nullptr && certain) argument.replace(2, typed.size(), name);
  }
}

int refuse_unknown(const CLI::App& app, const std::string& word, Diagnostics* diagnostics) {
  const std::string name = word.substr(0, word.find('='));
  const auto near = nearest(name, option_names(app));
  diagnostics->error(fmt::format("unknown option '{}'{}; '{} --help' lists them all", name,
                                 near ? ", did you mean '" + *near + "'?" : "", app.get_name()));
  return kExitTrouble;
}

}  // namespace

bool expand_responses(std::vector<std::string>* arguments, std::string* message) {
  size_t responses = 0;
  for (size_t i = 0; i < arguments->size();) {
    const std::string argument = (*arguments)[i];
    if (argument.size() < 2 || argument[0] != '@') {
      ++i;
      continue;
    }
    std::ifstream file(argument.substr(1), std::ios::binary);
    if (!file) {
      ++i;
      continue;
    }
    if (++responses > kMostResponses) {
      *message = fmt::format("{}: response files include each other without end", argument);
      return false;
    }
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const std::vector<std::string> words = split_words(text);
    const auto at = arguments->erase(arguments->begin() + static_cast<std::ptrdiff_t>(i));
    arguments->insert(at, words.begin(), words.end());
  }
  return true;
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known) {
  std::optional<std::string> best;
  size_t best_distance = word.size() < 5 ? 2 : 4;  // exclusive
  for (const std::string& candidate : known) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

void prepare(CLI::App* app, const std::string& tool, const std::string& version_names) {
  app->name(tool);
  app->formatter(std::make_shared<HelpFormatter>());
  app->set_help_flag("-H,--help", "show this help and exit");
  app->set_version_flag(version_names,
                        tool + " (Fastboot) " FASTBOOT_VERSION
                               "\n"
                               "License BSD-3-Clause: <https://opensource.org/licenses/BSD-3-Clause>.\n"
                               "This is free software: you are free to change and redistribute it.\n"
                               "There is NO WARRANTY, to the extent permitted by law.",
                        "show version and licence, and exit");
  app->allow_extras();  // so that unknown options come to refuse_unknown()
  app->get_formatter()->column_width(34);
  app->add_option_function<std::string>(kCompletion, [](const std::string& shell) { throw CompletionAsked{shell}; })
      ->group("");  // not in the help
}

CLI::Option* add_optional(CLI::App* app, const std::string& names, const std::string& implied, std::string* value,
                          const std::string& description) {
  std::string with_default;
  for (size_t begin = 0; begin < names.size();) {
    const size_t end = std::min(names.find(',', begin), names.size());
    with_default += fmt::format("{}{}{{{}}}", begin == 0 ? "" : ",", names.substr(begin, end - begin), implied);
    begin = end + 1;
  }
  return app->add_flag(with_default, *value, description)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

std::optional<int> parse(CLI::App* app, int argc, char** argv, Diagnostics* diagnostics) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  std::string message;
  if (!expand_responses(&arguments, &message)) {
    diagnostics->error(message);
    return kExitTrouble;
  }
  expand_abbreviations(*app, &arguments);
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants it
  try {
    app->parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    Output().write(app->help());
    return kExitOk;
  } catch (const CLI::CallForVersion& version) {
    Output().print("{}\n", version.what());
    return kExitOk;
  } catch (const CompletionAsked& asked) {
    return print_completion(*app, asked.shell, diagnostics);
  } catch (const CLI::ParseError& error) {
    diagnostics->error(error.what());
    return kExitTrouble;
  }
  for (const std::string& word : app->remaining()) return refuse_unknown(*app, word, diagnostics);
  return std::nullopt;
}

int finish(Output* out, int exit, Diagnostics* diagnostics) {
  if (out->flush()) return exit;
  diagnostics->error(fmt::format("cannot write to standard output: {}", strerror(out->error())));
  return kExitTrouble;
}

int guarded(const char* tool, int (*run)(int, char**), int argc, char** argv) noexcept {
  ignore_closed_pipes();
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fprintf(stderr, "%s: error: %s\n", tool, error.what());
  } catch (...) {
    fprintf(stderr, "%s: error: an exception without a description\n", tool);
  }
  return kExitTrouble;
}

}  // namespace fastboot::tools
