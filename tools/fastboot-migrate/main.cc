// fastboot-migrate: carries a snapshot over to another build of the program.
#include <CLI/CLI.hpp>

#include <map>

#include "common/command_line.h"
#include "fastboot-migrate/migrate.h"

namespace {

using fastboot::migrate::Options;

void add_options(CLI::App* app, Options* options) {
  app->description("Carry OLD.snap over to PROGRAM, another build of the program that froze it.");
  app->footer(
      "Each thing of the program that the image needs is found again by what it is; what is not certain is refused.\n"
      "Exit status: 0 all found, and written where asked; 1 refused, nothing written; 2 trouble.\n"
      "@FILE stands for the words of FILE. Manual: fastboot-migrate(1).");
  app->add_option("-o,--output", options->output, "write a whole snapshot for PROGRAM")->type_name("NEW.snap");
  app->add_flag("--add", options->add, "write a small file beside OLD.snap, so that it serves PROGRAM, too");
  app->add_flag("--dry-run", options->dry_run, "only say what would become of each target");
  app->add_option("--old", options->old_program, "the program that froze OLD.snap, where it is not to be found")
      ->type_name("PROGRAM");
  app->add_option("--allow-changed", options->allow_changed, "take the new code of this name, though it is other code")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app->add_option("--map-unit", options->map_units, "take PROGRAM's unit NEW for what was OLD")
      ->type_name("OLD=NEW")
      ->allow_extra_args(false);
  app->add_flag("--strict", options->strict, "refuse also where a function that is called by name has changed");
  app->add_flag("--retag", options->retag,
                "let constructors have other numbers, and rewrite the pointers that hold them");
  app->add_option("--sign", options->sign, "sign the new snapshot with this secret key")->type_name("NAME.key");
  app->add_flag("--json", options->json, "the plan as a JSON document on standard output");
  app->add_flag("-q,--quiet", options->quiet, "do not print what was done");
  app->add_option("OLD.snap", options->snapshot, "the snapshot; it is only read")->type_name("");
  app->add_option("PROGRAM", options->program, "the new build")->type_name("");
}

// Nothing, or what is wrong with the command line.
std::string check(const Options& options) {
  if (options.snapshot.empty()) return "no snapshot to carry over";
  if (options.program.empty()) return "no program to carry it over to";
  if (options.output.empty() && !options.add && !options.dry_run)
    return "nothing to do: -o NEW.snap, --add or --dry-run says what";
  if (!options.output.empty() && options.add) return "-o writes a whole snapshot and --add a binding: give one of them";
  if (!options.sign.empty() && options.output.empty()) return "--sign signs a whole snapshot: name it with -o";
  if (options.retag && options.add)
    return "--retag changes the image, and --add leaves it as it is: write a snapshot with -o";
  std::map<std::string, std::string> units;
  for (const std::string& unit : options.map_units) {
    const size_t equals = unit.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == unit.size())
      return "--map-unit takes OLD=NEW, as in --map-unit shop-1.0=shop-1.1";
    const auto [known, fresh] = units.emplace(unit.substr(equals + 1), unit.substr(0, equals));
    if (!fresh && known->second != unit.substr(0, equals))
      return "--map-unit takes " + known->first + " for " + known->second + ", and for another unit";
  }
  return {};
}

int run(int argc, char** argv) {
  using namespace fastboot;
  tools::Diagnostics diagnostics("fastboot-migrate");
  Options options;
  CLI::App app;
  tools::prepare(&app, "fastboot-migrate");
  add_options(&app, &options);
  if (const auto exit = tools::parse(&app, argc, argv, &diagnostics)) return *exit;
  if (const std::string wrong = check(options); !wrong.empty()) {
    diagnostics.error(wrong + "; usage: fastboot-migrate [OPTION...] OLD.snap PROGRAM");
    return tools::kExitTrouble;
  }
  tools::Output out;
  return tools::finish(&out, migrate::migrate(options, &out, &diagnostics), &diagnostics);
}

}  // namespace

int main(int argc, char** argv) { return fastboot::tools::guarded("fastboot-migrate", run, argc, argv); }
