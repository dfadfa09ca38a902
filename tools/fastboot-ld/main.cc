// fastboot-ld: links several snapshots into one.
#include <CLI/CLI.hpp>

#include <algorithm>

#include "common/command_line.h"
#include "fastboot-ld/ld.h"
#include "format/wire/structs.h"

namespace {

using fastboot::ld::Options;

void add_options(CLI::App* app, Options* options) {
  app->description("Link snapshots into one: OUT.snap has the closures and the roots of all of them.");
  app->footer(
      "Where one of them needs another one, it finds it in OUT.snap from then on. OUT.snap appears complete, or is "
      "left\n"
      "as it was. Exit status: 0 linked; 1 refused; 2 trouble.\n"
      "@FILE stands for the words of FILE. Manual: fastboot-ld(1).");
  app->add_option("-o,--output", options->output, "the snapshot to write")->type_name("OUT.snap");
  app->add_option("--soname", options->soname, "name the image so")->type_name("NAME");
  app->add_option("--va-base", options->address, "put the image at this address, a multiple of 1 GiB")
      ->type_name("ADDRESS");
  app->add_option("--for", options->program, "bind the image to this program, as --add has bound the inputs")
      ->type_name("PROGRAM");
  app->add_flag("--icf", options->icf, "make equal closures one, where nobody can tell");
  app->add_flag("--gc-roots", options->gc_roots, "drop what no root reaches");
  app->add_option("--keep", options->keep, "with --gc-roots: keep this root, and drop those not named; may be repeated")
      ->type_name("ROOT")
      ->allow_extra_args(false);
  app->add_option("--rename", options->renames, "call a root of one of the images otherwise; may be repeated")
      ->type_name("IMAGE:ROOT=NAME")
      ->allow_extra_args(false);
  app->add_flag("--no-undefined", options->no_undefined,
                "refuse where an image that is needed is not among the inputs");
  app->add_option("--map", options->map, "write a map of the output; - is standard output")->type_name("FILE");
  app->add_flag("--json", options->json, "a JSON document about the output on standard output");
  app->add_flag("-q,--quiet", options->quiet, "do not tell what was linked");
  app->add_option("IN.snap", options->inputs, "snapshots; they are only read")->type_name("");
}

namespace wire = fastboot::wire;
constexpr uint64_t kTooFar = uint64_t{1} << 47;  // no program has addresses from here on
constexpr std::string_view kNameCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$-";

bool is_name(std::string_view name) {
  return !name.empty() && name.find_first_not_of(kNameCharacters) == std::string_view::npos;
}

bool is_rename(const std::string& rename) {
  const size_t colon = rename.find(':');
  const size_t equals = rename.find('=');
  return colon != std::string::npos && equals != std::string::npos && colon < equals &&
         is_name(rename.substr(0, colon)) && is_name(rename.substr(colon + 1, equals - colon - 1)) &&
         is_name(rename.substr(equals + 1));
}

// Nothing, or what is wrong with the command line.
std::string check(const Options& options) {
  if (options.inputs.empty()) return "no snapshots to link";
  if (options.output.empty()) return "no -o OUT.snap to write";
  if (!options.soname.empty() && !is_name(options.soname)) return "--soname takes letters, digits and _ . $ -";
  if (options.address &&
      (*options.address % wire::kSlotUnit != 0 || *options.address == 0 || *options.address >= kTooFar))
    return "--va-base takes a multiple of 0x40000000 (1 GiB) below 0x800000000000";
  if (!options.keep.empty() && !options.gc_roots) return "--keep says what --gc-roots keeps: give both";
  if (!std::all_of(options.renames.begin(), options.renames.end(), is_rename))
    return "--rename takes IMAGE:ROOT=NAME, as in --rename index:main=index";
  if (options.map == "-" && options.json) return "--map - and --json both want standard output: give one a file";
  return {};
}

int run(int argc, char** argv) {
  using namespace fastboot;
  tools::Diagnostics diagnostics("fastboot-ld");
  Options options;
  CLI::App app;
  tools::prepare(&app, "fastboot-ld");
  add_options(&app, &options);
  if (const auto exit = tools::parse(&app, argc, argv, &diagnostics)) return *exit;
  if (const std::string wrong = check(options); !wrong.empty()) {
    diagnostics.error(wrong + "; usage: fastboot-ld [OPTION...] IN.snap... -o OUT.snap");
    return tools::kExitTrouble;
  }
  tools::Output out;
  return tools::finish(&out, ld::link(options, &out, &diagnostics), &diagnostics);
}

}  // namespace

int main(int argc, char** argv) { return fastboot::tools::guarded("fastboot-ld", run, argc, argv); }
