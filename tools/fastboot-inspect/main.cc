// fastboot-inspect: what readelf is for object files, for snapshots.
#include <CLI/CLI.hpp>

#include "common/command_line.h"
#include "fastboot-inspect/check.h"
#include "fastboot-inspect/inspect.h"

namespace {

using fastboot::inspect::Options;
namespace tools = fastboot::tools;

// Options as they are typed, where Options has them in another form.
struct Words {
  bool all = false;
  bool headers = false;
  std::string relocs;
};

void add_options(CLI::App* app, Options* options, Words* words) {
  app->description("Show what is in Fastboot snapshots.");
  app->footer(
      "With no option, a summary. Exit status: 0 sound, 1 damaged or refused, 2 trouble.\n"
      "@FILE stands for the words of FILE. Manual: fastboot-inspect(1), fastboot-snapshot(5).");
  app->add_flag("-a,--all", words->all, "all of -h -l -S -s -r -n -d --roots --bindings");
  app->add_flag("-h,--file-header", options->header, "the ELF file header and the snapshot's header");
  app->add_flag("-l,--program-headers,--segments", options->segments, "the program headers");
  app->add_flag("-S,--section-headers,--sections", options->sections, "the section headers");
  app->add_flag("-e,--headers", words->headers, "all headers: -h -l -S");
  app->add_flag("-s,--syms,--symbols,--dyn-syms", options->symbols, "the symbols: roots defined, targets undefined");
  tools::add_optional(app, "-r,--relocs", "all", &words->relocs,
                      "the relocations by class: internal, code, static, raw, cross; words of the image only if named")
      ->option_text("[=CLASS,...]");
  app->add_flag("-n,--notes", options->notes, "the notes");
  app->add_flag("-d,--dynamic", options->dynamic, "the dynamic section, and the images needed and linked in");
  app->add_flag("--roots", options->roots, "the roots with their types");
  app->add_flag("--bindings", options->bindings, "where the targets lie, and sidecar files for other builds");
  app->add_flag("--objects", options->objects, "closures and bytes by constructor, module and package");
  fastboot::inspect::add_graph_options(app, &options->graph);
  app->add_option("-x,--hex-dump", options->hex_dumps, "the bytes of a section, given by name or number")
      ->type_name("SECTION")
      ->allow_extra_args(false);
  app->add_option("-p,--string-dump", options->string_dumps, "the strings in a section")
      ->type_name("SECTION")
      ->allow_extra_args(false);
  tools::add_optional(app, "--check", "structure", &options->check, "check that the file is what it says it is")
      ->option_text("[=metadata|data|structure]");
  app->add_flag("--warm", options->warm, "read the file again, so that it maps in large pages");
  app->add_option("--verify-signature", options->verify_signature,
                  "verify that the whole file is as this key's owner signed it")
      ->type_name("NAME.pub");
  app->add_flag("--json", options->json, "one JSON document instead of text");
  app->add_flag("-W,--wide", options->wide, "do not cut long names");
  app->add_flag("-C,--demangle", options->decode, "decode GHC's Z-encoded names");
  app->add_option("FILE", options->files, "snapshots to show")->type_name("");
}

// Nothing, or what is wrong with the command line.
std::string check(Options* options, const Words& words) {
  using namespace fastboot::inspect;
  if (words.headers || words.all) options->header = options->segments = options->sections = true;
  if (words.all) options->symbols = options->notes = options->dynamic = options->roots = options->bindings = true;
  if (words.all) options->relocs.parse("all");
  if (!words.relocs.empty()) {
    if (std::string wrong = options->relocs.parse(words.relocs); !wrong.empty()) return wrong;
  }
  if (!options->check.empty()) {
    if (std::string wrong = unknown_level(options->check); !wrong.empty()) return wrong;
  }
  if (options->files.empty()) return "no file to show";
  options->graph.wide = options->wide;
  if (std::string wrong = unfit_files(options->graph, options->files); !wrong.empty()) return wrong;
  return {};
}

int run(int argc, char** argv) {
  using namespace fastboot;
  tools::Diagnostics diagnostics("fastboot-inspect");
  Options options;
  Words words;
  CLI::App app;
  tools::prepare(&app, "fastboot-inspect", "-v,--version");
  add_options(&app, &options, &words);
  if (const auto exit = tools::parse(&app, argc, argv, &diagnostics)) return *exit;
  if (const std::string wrong = check(&options, words); !wrong.empty()) {
    diagnostics.error(wrong + "; usage: fastboot-inspect [OPTION...] FILE...");
    return tools::kExitTrouble;
  }
  tools::Output out;
  if (!options.verify_signature.empty())
    return tools::finish(&out, inspect::verify_signatures(options, &out, &diagnostics), &diagnostics);
  return tools::finish(&out, inspect::inspect(options, &out, &diagnostics), &diagnostics);
}

}  // namespace

int main(int argc, char** argv) { return fastboot::tools::guarded("fastboot-inspect", run, argc, argv); }
