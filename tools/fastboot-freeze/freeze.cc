// From a command line to a snapshot: run, choose, name, write, tell. Each step gives what the next one needs or an
// error, and nothing but the last write touches the output, so the old file stays in every failure.
#include "fastboot-freeze/freeze.h"

#include <algorithm>
#include <cstring>

#include "fastboot-freeze/capture.h"
#include "fastboot-freeze/program.h"
#include "fastboot-freeze/report.h"
#include "format/writer.h"
#include "reloc/annotate.h"
#include "reloc/plan.h"

namespace fastboot::freeze {
namespace {

using format::Error;
using format::fail;
using format::Failure;
using format::Result;
using wire::Code;

// A program that cannot be started says nothing about what it would freeze.
int exit_for(const Error& error) {
  return error.code == Code::not_executable ? tools::kExitTrouble : tools::exit_for(error.code);
}

// --- what PROGRAM did
// -------------------------------------------------------------------------------------------------

Result<void> judge(const Ended& ended, const Options& options, const std::string& program) {
  if (ended.interrupted != 0) {
    return fail(Code::program_failed,
                fmt::format("stopped because signal {} ({}) came; nothing was written", ended.interrupted,
                            strsignal(ended.interrupted)),
                program);
  }
  if (ended.timed_out) {
    return fail(
        Code::program_failed,
        fmt::format(
            "did not end within {} seconds and was stopped (--timeout); nothing was written: give it more time, "
            "or look at what it waits for",
            options.timeout),
        program);
  }
  const std::string advice = "nothing was written; run it by itself to see why";
  if (ended.signal != 0) {
    return fail(Code::program_failed,
                fmt::format("was killed by signal {} ({}), expected exit status 0; {}", ended.signal,
                            strsignal(ended.signal), advice),
                program);
  }
  if (ended.exit_status != 0) {
    return fail(Code::program_failed,
                fmt::format("ended with exit status {}, expected 0; {}", ended.exit_status, advice), program);
  }
  return {};
}

// --- what it froze
// ----------------------------------------------------------------------------------------------------

// Why nothing? A program without the runtime never will; one with it did not this time.
Failure froze_nothing(const std::string& program) {
  const auto symbols = reloc::Symbols::read(program);
  // With -dynamic the runtime is in a library of its own, and the program refers to the package's Haskell part.
  const bool linked = symbols && (symbols->mentions("fastboot_freeze_walk") || symbols->mentions("fastbootzm"));
  if (linked) {
    return fail(
        Code::froze_nothing,
        "ended well and froze nothing; it has to call freeze, or use a value that is frozen, on the way that these "
        "arguments take (FASTBOOT_TRACE=1 in the environment tells why a value cannot be frozen)",
        program);
  }
  const Result<void> known = symbols ? symbols->require_symtab() : tl::unexpected(symbols.error());
  if (!known) {
    return fail(
        Code::froze_nothing,
        fmt::format("ended well and froze nothing; whether it is linked with Fastboot's runtime cannot be told: {}",
                    known.error().message),
        program);
  }
  return fail(Code::froze_nothing,
              "is not linked with Fastboot's runtime (it has no symbol fastboot_freeze_walk), so it froze nothing; "
              "import Fastboot "
              "and build it with ghc $(fastboot-config --ghc-flags)",
              program);
}

std::string names_of(const std::vector<Captured>& images) {
  std::string names;
  for (const Captured& each : images) names += (names.empty() ? "" : ", ") + each.image;
  return names;
}

Result<Captured> choose(const std::vector<Captured>& images, const Options& options, const std::string& program) {
  if (images.empty()) return froze_nothing(program);
  if (options.image.empty()) {
    if (images.size() == 1) return images.front();
    return fail(
        Code::froze_several,
        fmt::format("froze {} images ({}), expected one; choose with --image NAME", images.size(), names_of(images)),
        program);
  }
  const auto chosen =
      std::find_if(images.begin(), images.end(), [&](const Captured& each) { return each.image == options.image; });
  if (chosen != images.end()) return *chosen;
  return fail(Code::froze_nothing,
              fmt::format("froze {}, and no image '{}' as --image asks", names_of(images), options.image), program);
}

// --- the snapshot
// -----------------------------------------------------------------------------------------------------

class Freezer {
 public:
  Freezer(const Options& options, tools::Diagnostics* diagnostics) : options_(options), diagnostics_(*diagnostics) {}

  // Fills `report` as far as it gets.
  Result<void> run(Report* report) {
    const auto program = find_program(options_.program);
    if (!program) return tl::unexpected(program.error());
    report->program = *program;
    const auto directory = CaptureDirectory::create(options_.output);
    if (!directory) return tl::unexpected(directory.error());
    const auto ended =
        run_program({*program, options_.program, options_.arguments, directory->path(), options_.timeout}, signals_);
    if (!ended) return tl::unexpected(ended.error());
    interrupted_ = ended->interrupted;
    if (auto well = judge(*ended, options_, *program); !well) return well;
    const auto chosen = choose(directory->images(), options_, *program);
    if (!chosen) return tl::unexpected(chosen.error());
    return take(*chosen, report);
  }

  // The signal that ended this, also one that came too late to stop anything.
  int signal() const { return interrupted_ != 0 ? interrupted_ : signals_.pending(); }

 private:
  Result<void> take(const Captured& captured, Report* report) {
    const auto reader = format::Reader::open(captured.path);
    if (!reader) return tl::unexpected(reader.error());
    auto model = reader->model();
    if (!model) return tl::unexpected(model.error());
    const auto modules = reloc::open_modules(*model);
    if (!modules) return tl::unexpected(modules.error());
    for (const reloc::ModuleFile& module : *modules) {
      if (module.problem.code != Code::ok) warn(module.problem, report);
    }
    report->annotation = reloc::annotate(&*model, *modules);
    add_fingerprints(&*model, report);
    interrupted_ = signals_.pending();
    if (interrupted_ != 0) {
      return fail(Code::program_failed,
                  fmt::format("not written, because signal {} ({}) came", interrupted_, strsignal(interrupted_)),
                  options_.output);
    }
    if (auto written = format::write(*model, options_.output); !written) return written;
    return describe(report);
  }

  // From the file as it is now, which also proves that it can be read.
  Result<void> describe(Report* report) const {
    auto reader = format::Reader::open(options_.output);
    if (!reader) return tl::unexpected(reader.error());
    report->snapshot.emplace(std::move(*reader));
    return {};
  }

  // What migration compares. A program whose index cannot be made has had its warning, or has no symbols at all.
  static void add_fingerprints(format::Model* model, Report* report) {
    const uint32_t module = reloc::program_module(*model);
    if (module >= model->modules.size()) return;
    const auto index = reloc::ProgramIndex::read(model->modules[module].path);
    if (index && index->build_id() == model->modules[module].build_id)
      report->fingerprints = reloc::add_fingerprints(model, *index);
  }

  void warn(const Error& problem, Report* report) {
    report->problems.push_back(problem);
    Error warning = problem;
    warning.message += "; the snapshot is complete, but only its constructors have names";
    diagnostics_.warning(warning);
  }

  const Options& options_;
  tools::Diagnostics& diagnostics_;
  const Signals signals_;
  int interrupted_ = 0;
};

}  // namespace

Finish freeze(const Options& options, tools::Output* out, tools::Diagnostics* diagnostics) {
  Finish finish;
  Report report;
  Freezer freezer(options, diagnostics);
  if (auto done = freezer.run(&report); !done) {
    report.problems.push_back(done.error());
    diagnostics->error(done.error());
    finish.exit = exit_for(done.error());
  } else if (!options.quiet) {
    diagnostics->note(one_line(report));
  }
  if (options.json) print_json(report, finish.exit == tools::kExitOk, out);
  finish.signal = freezer.signal();
  return finish;
}

}  // namespace fastboot::freeze
