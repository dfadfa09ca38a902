// fastboot-freeze: runs a program and collects the snapshot that it freezes.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>

#include "common/command_line.h"
#include "fastboot-freeze/freeze.h"
#include "format/wire/structs.h"

namespace {

using fastboot::freeze::Options;

void add_options(CLI::App* app, Options* options) {
  app->description("Run PROGRAM and keep what it freezes as the snapshot OUT.snap.");
  app->footer(
      "PROGRAM's standard output goes to standard error. OUT.snap appears complete, or is left as it was.\n"
      "Exit status: 0 done; 1 refused (several images, another build); 2 trouble; PROGRAM 3 failed, 4 did not end in\n"
      "time, 5 froze nothing, 6 is not linked with Fastboot's runtime, 7 has a value that cannot be frozen.\n"
      "@FILE before -- stands for the words of FILE. Manual: fastboot-freeze(1).");
  app->add_option("-o,--output", options->output, "the snapshot to write")->type_name("OUT.snap");
  app->add_option("--embed", options->embed, "write a copy of PROGRAM that carries the snapshot; -o may be left out")
      ->type_name("PROGRAM-OUT");
  app->add_option("--image", options->image, "the image to keep, where PROGRAM freezes several")->type_name("NAME");
  app->add_option("--root", options->roots, "build this declared root instead of running main; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app->add_flag("--list-roots", options->list_roots, "list the declared roots and their types; write no snapshot");
  app->add_option("--needs", options->needs, "let the image point into this snapshot; may be repeated")
      ->type_name("SNAP")
      ->allow_extra_args(false);
  app->add_option("--force", options->force, "evaluate what is frozen: not at all, to weak head normal form, or fully")
      ->type_name("none|whnf|nf");
  app->add_option("--soname", options->soname, "name the image so")->type_name("NAME");
  app->add_option("--va", options->address, "put the image at this address, a multiple of 1 GiB")->type_name("ADDRESS");
  app->add_option("--timeout", options->timeout, "end PROGRAM after so many seconds")->type_name("SECONDS");
  app->add_option("--sign", options->sign, "sign the snapshot with this secret key")->type_name("NAME.key");
  app->add_option("--make-key", options->make_key, "only make a pair of keys, NAME.key and NAME.pub")
      ->type_name("NAME");
  app->add_flag("--json", options->json, "a JSON document about the snapshot on standard output");
  app->add_flag("-q,--quiet", options->quiet, "do not tell what was frozen");
  app->add_option("PROGRAM", options->program, "a path, or a name that is looked for in PATH")->type_name("");
  app->add_option("ARG", options->arguments, "arguments for PROGRAM, after --")->type_name("");
}

namespace wire = fastboot::wire;
constexpr uint64_t kTooFar = uint64_t{1} << 47;  // no program has addresses from here on
constexpr std::string_view kNameCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$-";

// Nothing, or what is wrong with the command line.
std::string check(const Options& options) {
  if (!options.make_key.empty()) {
    return options.program.empty() && options.output.empty() && options.embed.empty()
               ? ""
               : "--make-key only makes keys, so it takes no program, -o or --embed";
  }
  if (options.program.empty()) return "no program to run";
  if (options.list_roots && !(options.output.empty() && options.embed.empty() && options.roots.empty()))
    return "--list-roots writes no snapshot, so it takes no -o, --embed or --root";
  if (!options.list_roots && options.output.empty() && options.embed.empty()) return "no -o OUT.snap to write";
  if (!options.roots.empty() && !options.image.empty())
    return "--image chooses among what main freezes, and with --root main does not run";
  for (const std::string& root : options.roots) {
    if (root.empty() || root.find(',') != std::string::npos) return "--root takes the name of one root";
  }
  for (const std::string& needed : options.needs) {
    if (needed.empty() || needed.find(':') != std::string::npos) return "--needs takes a path without a colon";
  }
  if (!options.force.empty() && options.force != "none" && options.force != "whnf" && options.force != "nf")
    return "--force takes none, whnf or nf";
  if (!options.soname.empty() && options.soname.find_first_not_of(kNameCharacters) != std::string::npos)
    return "--soname takes letters, digits and _ . $ -";
  if (options.address % wire::kSlotUnit != 0 || options.address >= kTooFar)
    return "--va takes a multiple of 0x40000000 (1 GiB) below 0x800000000000";
  // Longer than a year is a slip of the keyboard, and the clock's arithmetic need not think of it.
  if (!(options.timeout >= 0 && options.timeout < 4e7)) return "--timeout takes a number of seconds, 0 for no limit";
  return {};
}

// As a shell expects of a program that a signal ended.
[[noreturn]] void die_by(int signal_number) {
  signal(signal_number, SIG_DFL);
  raise(signal_number);
  _exit(128 + signal_number);
}

int run(int argc, char** argv) {
  using namespace fastboot;
  tools::Diagnostics diagnostics("fastboot-freeze");
  Options options;
  CLI::App app;
  tools::prepare(&app, "fastboot-freeze");
  add_options(&app, &options);
  // What follows -- is PROGRAM's, to the letter: a word @FILE there is no response file.
  char** const dashes = std::find(argv, argv + argc, std::string_view("--"));
  const int own = static_cast<int>(dashes - argv);
  if (const auto exit = tools::parse(&app, own, argv, &diagnostics)) return *exit;
  if (own < argc) options.arguments.insert(options.arguments.end(), dashes + 1, argv + argc);
  if (const std::string wrong = check(options); !wrong.empty()) {
    diagnostics.error(wrong + "; usage: fastboot-freeze [OPTION...] -o OUT.snap PROGRAM [-- ARG...]");
    return tools::kExitTrouble;
  }
  tools::Output out;
  if (!options.make_key.empty()) return tools::finish(&out, freeze::make_keys(options, &diagnostics), &diagnostics);
  const freeze::Finish finish = freeze::freeze(options, &out, &diagnostics);
  const int exit = tools::finish(&out, finish.exit, &diagnostics);
  if (exit == finish.exit && finish.signal != 0) die_by(finish.signal);
  return exit;
}

}  // namespace

int main(int argc, char** argv) { return fastboot::tools::guarded("fastboot-freeze", run, argc, argv); }
