// fastboot-inspect: what readelf is for object files, for snapshots.
#include "common/command_line.h"
#include "fastboot-inspect/inspect.h"

namespace {

using fastboot::inspect::Options;

void add_options(CLI::App* app, Options* options) {
  app->description("Show what is in Fastboot snapshots.");
  app->footer(
      "With no option, a summary. Exit status: 0 sound, 1 damaged or refused, 2 trouble.\n"
      "@FILE stands for the words of FILE. Manual: fastboot-inspect(1), fastboot-snapshot(5).");
  app->add_flag("-h,--file-header", options->header, "the ELF file header and the snapshot's header");
  app->add_flag("-S,--section-headers,--sections", options->sections, "the section headers");
  app->add_flag("-s,--syms,--symbols", options->symbols, "the symbols: roots defined, targets undefined");
  app->add_flag("-r,--relocs", options->relocs, "the relocations, told apart by what they are for");
  app->add_flag("-n,--notes", options->notes, "the notes");
  app->add_flag("-d,--dynamic", options->dynamic, "the dynamic section, and the images needed and linked in");
  app->add_flag("--roots", options->roots, "the roots with their types");
  app->add_flag("--objects", options->objects, "closures and bytes by constructor");
  app->add_flag("--json", options->json, "one JSON document instead of text");
  app->add_flag("-W,--wide", options->wide, "do not cut long names");
  app->add_flag("-C,--demangle", options->decode, "decode GHC's Z-encoded names");
  app->add_option("FILE", options->files, "snapshots to show")->type_name("");
}

int run(int argc, char** argv) {
  using namespace fastboot;
  tools::Diagnostics diagnostics("fastboot-inspect");
  Options options;
  CLI::App app;
  tools::prepare(&app, "fastboot-inspect");
  add_options(&app, &options);
  if (const auto exit = tools::parse(&app, argc, argv, &diagnostics)) return *exit;
  if (options.files.empty()) {
    diagnostics.error("no file to show; usage: fastboot-inspect [OPTION...] FILE...");
    return tools::kExitTrouble;
  }
  tools::Output out;
  return tools::finish(&out, inspect::inspect(options, &out, &diagnostics), &diagnostics);
}

}  // namespace

int main(int argc, char** argv) { return fastboot::tools::guarded("fastboot-inspect", run, argc, argv); }
