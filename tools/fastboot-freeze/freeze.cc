// From a command line to a snapshot: run, choose, name, write, tell. Each step gives what the next one needs or an
// error, and nothing but the last write touches the output, so the old file stays in every failure.
#include "fastboot-freeze/freeze.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "fastboot-freeze/capture.h"
#include "fastboot-freeze/program.h"
#include "fastboot-freeze/report.h"
#include "format/embed.h"
#include "format/signature.h"
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

constexpr const char* kListName = "roots.list";

// Beside the exit codes of all tools, one for each thing that a program may do wrong; fastboot-freeze(1) lists them.
int exit_for(const Error& error) {
  switch (error.code) {
    case Code::not_executable:  // says nothing about what it would freeze
      return tools::kExitTrouble;
    case Code::program_failed:
      return 3;
    case Code::program_timed_out:
      return 4;
    case Code::froze_nothing:
      return 5;
    case Code::not_linked:
      return 6;
    case Code::not_frozen:
      return 7;
    default:
      return tools::exit_for(error.code);
  }
}

// --- what PROGRAM did ----------------------------------------------------------------------------

// "; 'dict' could not be frozen: error 301: ..." for each image that the program's runtime gave up.
std::string quoted(const std::vector<NotCaptured>& failures) {
  std::string text;
  for (const NotCaptured& each : failures) {
    text += fmt::format("{}image '{}' could not be frozen: {}", text.empty() ? "" : "; ", each.image, each.message);
  }
  return text;
}

Result<void> judge(const Ended& ended, const std::vector<NotCaptured>& failures, const Options& options,
                   const std::string& program) {
  if (ended.interrupted != 0) {
    return fail(Code::program_failed,
                fmt::format("stopped because signal {} ({}) came; nothing was written", ended.interrupted,
                            strsignal(ended.interrupted)),
                program);
  }
  if (ended.timed_out) {
    return fail(
        Code::program_timed_out,
        fmt::format(
            "did not end within {} seconds and was stopped (--timeout); nothing was written: give it more time, "
            "or look at what it waits for",
            options.timeout),
        program);
  }
  const std::string advice = failures.empty() ? "nothing was written; run it by itself to see why"
                                              : "nothing was written; " + quoted(failures);
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

// --- what it froze -------------------------------------------------------------------------------

// Why nothing? A program without the runtime never will; one with it did not this time.
Failure froze_nothing(const std::string& program) {
  const auto symbols = reloc::Symbols::read(program);
  // With -dynamic the runtime is in a library of its own, and the program refers to the package's Haskell part.
  const bool linked = symbols && (symbols->mentions("fastboot_freeze_walk") || symbols->mentions("fastbootzm"));
  if (linked) {
    return fail(
        Code::froze_nothing,
        "ended well and froze nothing; it has to call freeze, or use a value that is frozen, on the way that these "
        "arguments take",
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
  return fail(Code::not_linked,
              "is not linked with Fastboot's runtime (it has no symbol fastboot_freeze_walk), so it froze nothing; "
              "import Fastboot "
              "and build it with ghc $(fastboot-config --ghc-flags)",
              program);
}

// A program that declares roots defines this symbol; one without it would run its main instead of answering. Linked
// with -dynamic, it refers to the package and no more can be told; nor where the file has no symbols, or is a script.
Result<void> can_answer(const std::string& program) {
  constexpr std::string_view kAnswer = "fastboot_answer_roots";
  const auto symbols = reloc::Symbols::read(program);
  if (!symbols || !symbols->has_symtab()) return {};
  const auto all = symbols->all();
  const bool defined =
      std::any_of(all.begin(), all.end(), [&](const reloc::Symbol& symbol) { return symbol.name == kAnswer; });
  if (defined || (!symbols->mentions(kAnswer) && symbols->mentions("fastbootzm"))) return {};
  return fail(
      Code::not_linked,
      "declares no roots (it does not define fastboot_answer_roots), so it was not run; import Fastboot.Declare "
      "and build it with ghc $(fastboot-config --ghc-flags)",
      program);
}

std::string names_of(const std::vector<Captured>& images) {
  std::string names;
  for (const Captured& each : images) names += (names.empty() ? "" : ", ") + each.image;
  return names;
}

Result<Captured> choose(const CaptureDirectory& directory, const Options& options, const std::string& program) {
  const std::vector<Captured> images = directory.images();
  std::vector<NotCaptured> failures = directory.failures();
  if (!options.image.empty())
    std::erase_if(failures, [&](const NotCaptured& each) { return each.image != options.image; });
  // The image that is wanted is among these, or may be.
  if (!failures.empty()) return fail(Code::not_frozen, "ended well, but " + quoted(failures), program);
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

// --- the snapshot --------------------------------------------------------------------------------

class Freezer {
 public:
  Freezer(const Options& options, tools::Diagnostics* diagnostics) : options_(options), diagnostics_(*diagnostics) {}

  // Fills `report` as far as it gets.
  Result<void> run(Report* report) {
    const auto program = find_program(options_.program);
    if (!program) return tl::unexpected(program.error());
    report->program = *program;
    if (!options_.sign.empty()) {
      auto key = format::SecretKey::read(options_.sign);
      if (!key) return tl::unexpected(key.error());
      key_.emplace(std::move(*key));
    }
    if (options_.list_roots || !options_.roots.empty()) {
      if (auto able = can_answer(*program); !able) return able;
    }
    if (auto sound = find_needed(); !sound) return sound;
    const auto directory = CaptureDirectory::create(options_.list_roots ? scratch_path() : place());
    if (!directory) return tl::unexpected(directory.error());
    const auto ended = run_program(
        {*program, options_.program, options_.arguments, environment(directory->path()), options_.timeout}, signals_);
    if (!ended) return tl::unexpected(ended.error());
    interrupted_ = ended->interrupted;
    if (auto well = judge(*ended, directory->failures(), options_, *program); !well) return well;
    if (options_.list_roots) return take_list(*directory, report);
    const auto chosen = choose(*directory, options_, *program);
    if (!chosen) return tl::unexpected(chosen.error());
    return take(*chosen, directory->path(), report);
  }

  // The signal that ended this, also one that came too late to stop anything.
  int signal() const { return interrupted_ != 0 ? interrupted_ : signals_.pending(); }

 private:
  // PROGRAM may run in another directory, and a snapshot that cannot be read would be told of late.
  Result<void> find_needed() {
    for (const std::string& path : options_.needs) {
      const auto reader = format::Reader::open(path);
      if (!reader) return tl::unexpected(reader.error());
      const std::string absolute = std::filesystem::absolute(path).string();
      if (absolute.find(':') != std::string::npos) {
        return fail(Code::bad_argument, fmt::format("its path {} has a colon; move it", absolute), path);
      }
      needed_ += (needed_.empty() ? "" : ":") + absolute;
    }
    return {};
  }

  // Beside this file everything is made that becomes part of it.
  const std::string& place() const { return options_.output.empty() ? options_.embed : options_.output; }

  // A list of roots needs no place of its own.
  static std::string scratch_path() {
    const char* directory = getenv("TMPDIR");
    return fmt::format("{}/roots", directory == nullptr || directory[0] == '\0' ? "/tmp" : directory);
  }

  std::vector<std::pair<std::string, std::string>> environment(const std::string& directory) const {
    std::vector<std::pair<std::string, std::string>> told;
    if (options_.list_roots) {
      told.emplace_back("FASTBOOT_LIST_ROOTS", directory + "/" + kListName);
      return told;
    }
    told.emplace_back("FASTBOOT_CAPTURE", directory);
    if (!needed_.empty()) told.emplace_back("FASTBOOT_NEEDS", needed_);
    if (!options_.force.empty()) told.emplace_back("FASTBOOT_FORCE", options_.force);
    if (options_.roots.empty()) return told;
    told.emplace_back("FASTBOOT_ROOTS", fmt::format("{}", fmt::join(options_.roots, ",")));
    told.emplace_back("FASTBOOT_IMAGE", options_.soname.empty() ? stem(place()) : options_.soname);
    return told;
  }

  static std::string stem(const std::string& path) {
    const std::string name = path.substr(path.rfind('/') + 1);
    return name.ends_with(".snap") && name.size() > 5 ? name.substr(0, name.size() - 5) : name;
  }

  // What the runtime wrote: "NAME<tab>TYPE" in each line.
  Result<void> take_list(const CaptureDirectory& directory, Report* report) const {
    std::ifstream file(directory.path() + "/" + kListName);
    if (!file) {
      return fail(Code::froze_nothing,
                  "ended well and listed no roots: its main was run instead, for its runtime is of another version, or "
                  "it has a main of its own in C",
                  report->program);
    }
    report->declared.emplace();
    for (std::string line; std::getline(file, line);) {
      const size_t tab = line.find('\t');
      report->declared->push_back({line.substr(0, tab), tab == std::string::npos ? "" : line.substr(tab + 1)});
    }
    return {};
  }

  // `directory`: for a snapshot that is only embedded.
  Result<void> take(const Captured& captured, const std::string& directory, Report* report) {
    const auto reader = format::Reader::open(captured.path);
    if (!reader) return tl::unexpected(reader.error());
    auto model = reader->model();
    if (!model) return tl::unexpected(model.error());
    if (auto known = format::check_version(*model, captured.path); !known) return known;
    const auto modules = reloc::open_modules(*model);
    if (!modules) return tl::unexpected(modules.error());
    for (const reloc::ModuleFile& module : *modules) {
      if (module.problem.code != Code::ok) warn(module.problem, report);
    }
    report->annotation = reloc::annotate(&*model, *modules);
    if (!options_.soname.empty()) model->image_name = options_.soname;
    if (options_.address != 0) model->slot_address = format::ImageAddress(options_.address);
    add_fingerprints(&*model, report);
    interrupted_ = signals_.pending();
    if (interrupted_ != 0) {
      return fail(Code::program_failed,
                  fmt::format("not written, because signal {} ({}) came", interrupted_, strsignal(interrupted_)),
                  place());
    }
    const std::string output = options_.output.empty() ? directory + "/embedded" : options_.output;
    if (auto written = format::write(*model, output, key_ ? &*key_ : nullptr); !written) return written;
    if (auto described = describe(output, report); !described || options_.embed.empty()) return described;
    return embed(*model, output, report);
  }

  // The file that was run may be a script, or have been replaced: a snapshot is of no use in another program.
  Result<void> embed(const format::Model& model, const std::string& snapshot, Report* report) const {
    const auto symbols = reloc::Symbols::read(report->program);
    if (!symbols) return tl::unexpected(symbols.error());
    if (model.modules.size() != 1 || model.modules.front().build_id != symbols->build_id()) {
      return fail(Code::wrong_build,
                  fmt::format("is not what froze: the snapshot belongs to {}; name that program, linked statically",
                              model.modules.empty() ? "nothing" : model.modules.front().path),
                  report->program);
    }
    if (auto done = format::embed(report->program, snapshot, options_.embed); !done) {
      report->snapshot.reset();
      return done;
    }
    report->embedded = options_.embed;
    return {};
  }

  // From the file as it is now, which also proves that it can be read.
  Result<void> describe(const std::string& output, Report* report) const {
    auto reader = format::Reader::open(output);
    if (!reader) {
      Error error = reader.error();
      if (output == options_.output) error.message += "; it was written whole, and cannot be described";
      return tl::unexpected(std::move(error));
    }
    report->snapshot.emplace(std::move(*reader));
    report->place = place();
    return {};
  }

  // What migration compares. A program whose index cannot be made has had its warning, or has no symbols at all.
  void add_fingerprints(format::Model* model, Report* report) {
    const uint32_t module = reloc::program_module(*model);
    if (module >= model->modules.size()) return;
    const auto index = reloc::ProgramIndex::read(model->modules[module].path);
    if (!index && index.error().code == Code::not_readable) {
      report->problems.push_back(index.error());
      Error warning = index.error();
      warning.message += "; the snapshot is complete, but has no fingerprints, so fastboot-migrate can carry less over";
      diagnostics_.warning(warning);
    }
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
  std::optional<format::SecretKey> key_;
  int interrupted_ = 0;
  std::string needed_;  // absolute paths, separated by colons
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
  } else if (options.list_roots) {
    if (!options.json) print_list(report, out);
  } else if (!options.quiet) {
    diagnostics->note(one_line(report));
  }
  if (options.json) print_json(report, finish.exit == tools::kExitOk, out);
  finish.signal = freezer.signal();
  return finish;
}

int make_keys(const Options& options, tools::Diagnostics* diagnostics) {
  if (auto made = format::make_keys(options.make_key); !made) {
    diagnostics->error(made.error());
    return tools::exit_for(made.error().code);
  }
  if (!options.quiet) {
    diagnostics->note(fmt::format("made {0}.key, which signs and is to be kept secret, and {0}.pub, which verifies",
                                  options.make_key));
  }
  return tools::kExitOk;
}

}  // namespace fastboot::freeze
