// Plan, check, write. Nothing is written before every target has its place.
#include "fastboot-migrate/migrate.h"

#include <algorithm>
#include <filesystem>

#include "fastboot-migrate/report.h"
#include "format/sidecar.h"
#include "format/signature.h"
#include "format/writer.h"
#include "reloc/plan.h"
#include "reloc/retag.h"
#include "reloc/shared_libraries.h"
#include "reloc/type_names.h"

namespace fastboot::migrate {
namespace {

using format::Error;
using format::fail;
using format::Model;
using format::Reader;
using format::Result;
using reloc::ProgramIndex;
using wire::Code;

// A program that cannot be read says nothing about the snapshot.
int exit_for(const Error& error, bool program) {
  if (program) return error.code == Code::wrong_build ? tools::kExitRefused : tools::kExitTrouble;
  return tools::exit_for(error.code);
}

reloc::UnitMap units_of(const Options& options) {
  reloc::UnitMap units;
  for (const std::string& pair : options.map_units) {
    const size_t equals = pair.find('=');
    units[pair.substr(equals + 1)] = pair.substr(0, equals);
  }
  return units;
}

class Migrator {
 public:
  Migrator(const Options& options, Report* report, tools::Diagnostics* diagnostics)
      : options_(options), report_(*report), diagnostics_(*diagnostics) {}

  // The exit code; `report` is filled as far as it gets.
  int run() {
    auto reader = Reader::open(options_.snapshot);
    if (!reader) return stop(reader.error(), false);
    auto model = reader->model();
    if (!model) return stop(model.error(), false);
    report_.model = std::move(*model);
    const auto constructors = reloc::only_constructors(*report_.model);
    const auto now = constructors ? ProgramIndex::read_constructors(options_.program, *constructors, units_of(options_))
                                  : ProgramIndex::read(options_.program, units_of(options_));
    if (!now) return stop(now.error(), true);
    report_.program = now->path();
    report_.build_id = now->build_id();
    if (const auto same = check_way(*now); !same) return stop(same.error(), false);
    const auto old = find_old(constructors);
    if (!old) return stop(old.error(), true);
    if (*old && !reloc::has_fingerprints(*report_.model)) reloc::add_fingerprints(&*report_.model, **old);
    const reloc::PlanOptions plan_options = {
        .allow_changed = {options_.allow_changed.begin(), options_.allow_changed.end()},
        .strict = options_.strict,
        .retag = options_.retag,
        .mapped_units = old_units(),
        .libraries = libraries()};
    report_.plan = reloc::make_plan(*report_.model, *old ? &**old : nullptr, *now, plan_options);
    check_allowed();
    if (!report_.plan->resolved()) return refuse(*reader);
    if (const auto renamed = rename_types(); !renamed) return stop(renamed.error(), false);
    if (options_.dry_run) return tools::kExitOk;
    const auto written = write(*reader, *now);
    return written ? tools::kExitOk : stop(written.error(), false);
  }

 private:
  int stop(const Error& error, bool program) {
    diagnostics_.error(error);
    report_.problems.push_back(error);
    return exit_for(error, program);
  }

  Result<void> check_way(const ProgramIndex& now) const {
    if (now.ghc_version() != report_.model->ghc_version) {
      return fail(
          Code::wrong_ghc_version,
          fmt::format("{} is made by GHC {}, and the snapshot was frozen by {}: closures of one mean nothing to the "
                      "other; freeze it again",
                      options_.program, reloc::ghc_version_text(now.ghc_version()),
                      reloc::ghc_version_text(report_.model->ghc_version)),
          options_.snapshot);
    }
    if (now.rts_way() != report_.model->rts_way) {
      return fail(
          Code::wrong_rts_way,
          fmt::format("{} has the {} runtime system, and the snapshot was frozen under the {} one; link it alike, "
                      "or freeze it again",
                      options_.program, reloc::rts_way_text(now.rts_way()),
                      reloc::rts_way_text(report_.model->rts_way)),
          options_.snapshot);
    }
    return {};
  }

  // Those that the new program is started with; an image of a program that is linked statically needs none.
  std::vector<format::ModelModule> libraries() const {
    std::vector<format::ModelModule> result;
    if ((report_.model->rts_way & wire::kWayDynamic) == 0) return result;
    const auto symbols = reloc::Symbols::read(options_.program);
    if (!symbols) return result;
    const reloc::SharedLibraries found(*symbols);
    for (const reloc::Symbols& library : found.all()) result.push_back({library.build_id(), library.path()});
    return result;
  }

  // What is known of the build that froze: by --old, from the cache, or from the program where the snapshot says that
  // it was. Nothing: then the snapshot's own fingerprints must do, as they do for constructors; of code it tells what
  // is near.
  Result<std::optional<ProgramIndex>> find_old(const std::optional<std::set<std::string>>& constructors) const {
    const Model& model = *report_.model;
    const uint32_t module = reloc::program_module(model);
    if (module >= model.modules.size()) return std::nullopt;
    const format::ModelModule& recorded = model.modules[module];
    const bool given = !options_.old_program.empty();
    if (!given && constructors && reloc::has_fingerprints(model)) return std::nullopt;
    if (!given) {
      if (auto known = ProgramIndex::cached(recorded.build_id)) return std::optional<ProgramIndex>(std::move(*known));
    }
    const std::string& path = given ? options_.old_program : recorded.path;
    auto index = constructors ? ProgramIndex::read_constructors(path, *constructors) : ProgramIndex::read(path);
    if (index && index->build_id() == recorded.build_id) return std::optional<ProgramIndex>(std::move(*index));
    if (!given) return std::nullopt;
    if (!index) return tl::unexpected(index.error());
    return fail(Code::wrong_build,
                fmt::format("its build-id is {}, and {} was frozen by {} ({}); give --old the program that froze it",
                            hex(index->build_id()), options_.snapshot, hex(recorded.build_id), recorded.path),
                options_.old_program);
  }

  static std::string hex(const std::vector<uint8_t>& id) {
    return id.empty() ? "none" : format::to_hex(id.data(), id.size());
  }

  void check_allowed() {
    for (const std::string& name : options_.allow_changed) {
      bool known = false;
      for (const auto& target : report_.plan->targets) known |= target.name == name;
      if (known) continue;
      diagnostics_.warning(fmt::format("--allow-changed '{}': no target of the snapshot has that name", name));
    }
    for (const auto& target : report_.plan->targets) {
      if (target.allowed) diagnostics_.warning(fmt::format("{}: {}", target.name, target.reason));
    }
  }

  std::set<std::string> old_units() const {
    std::set<std::string> result;
    for (const auto& [now, old] : units_of(options_)) result.insert(old);
    return result;
  }

  // A program thaws a root at its type only, and the type is another where its unit has another name.
  Result<void> rename_types() {
    if (options_.map_units.empty()) return {};
    const auto program = reloc::Symbols::read(options_.program);
    if (!program) return tl::unexpected(program.error());
    auto changed = reloc::rename_types(&*report_.model, *program, units_of(options_));
    if (!changed) {
      changed.error().file = options_.snapshot;
      return tl::unexpected(changed.error());
    }
    if (*changed == 0 || !options_.add) return {};
    return fail(Code::bad_argument,
                "--map-unit gives the type of a root another name, which is in the image, and --add leaves that as it "
                "is: write a snapshot with -o",
                options_.snapshot);
  }

  int refuse(const Reader& reader) {
    std::set<uint32_t> lost;
    for (uint32_t i = 0; i < report_.plan->targets.size(); ++i) {
      if (!report_.plan->targets[i].bound()) lost.insert(i);
    }
    report_.uses = trace(reader, lost);
    Error error;
    error.code = Code::target_mismatch;
    error.file = options_.snapshot;
    error.message =
        report_.plan->has_fingerprints
            ? fmt::format(
                  "{} of {} targets are not in {} as they were; nothing was written: freeze it again with that program",
                  lost.size(), report_.plan->targets.size(), options_.program)
            : fmt::format(
                  "the snapshot has no fingerprints of the program that froze it, and neither that program nor its "
                  "index "
                  "was found; give --old PROGRAM, or make snapshots by fastboot-freeze, which records them");
    return stop(error, false);
  }

  // What was allowed to be other code is that code from now on.
  void renew_fingerprints(Model* model, const ProgramIndex& now) const {
    Model fresh = *model;
    reloc::add_fingerprints(&fresh, now);
    for (size_t i = 0; i < report_.plan->targets.size(); ++i) {
      if (report_.plan->targets[i].allowed) model->targets[i].record = fresh.targets[i].record;
    }
  }

  Result<void> write(const Reader& reader, const ProgramIndex& now) {
    std::error_code trouble;
    const auto absolute = std::filesystem::canonical(options_.program, trouble);
    std::vector<format::ModelModule> modules = {{report_.build_id, trouble ? options_.program : absolute.string()}};
    modules.insert(modules.end(), report_.plan->libraries.begin(), report_.plan->libraries.end());
    if (options_.add) {
      const std::string path = format::sidecar_path(options_.snapshot, reader.content_id(), report_.build_id);
      auto written = format::write_sidecar(reader.content_id(), modules, report_.plan->entries(), path);
      if (written) report_.written = path;
      return written;
    }
    if (std::filesystem::equivalent(options_.snapshot, options_.output, trouble)) {
      return fail(Code::bad_argument, "is the snapshot that is read, which is never overwritten; name another with -o",
                  options_.output);
    }
    if (auto known = format::check_version(*report_.model, options_.snapshot); !known) return known;
    Model model = *report_.model;
    model.modules = modules;
    model.entries = report_.plan->entries();
    renew_fingerprints(&model, now);
    if (auto done = retag(&model); !done) return done;
    const auto key = read_key();
    if (!key) return tl::unexpected(key.error());
    const bool was_signed = model.signature.has_value();
    // Who signed did not say where things lie in this program.
    if (was_signed) std::fill(std::begin(model.signature->binding), std::end(model.signature->binding), uint8_t{0});
    auto written = format::write(model, options_.output, *key ? &**key : nullptr);
    if (!written) return written;
    report_.written = options_.output;
    return was_signed && !*key ? tell_of_signature() : written;
  }

  Result<std::optional<format::SecretKey>> read_key() const {
    if (options_.sign.empty()) return std::nullopt;
    auto key = format::SecretKey::read(options_.sign);
    if (!key) return tl::unexpected(key.error());
    return std::optional<format::SecretKey>(std::move(*key));
  }

  Result<void> tell_of_signature() const {
    const auto written = Reader::open(options_.output);
    if (!written) return tl::unexpected(written.error());
    diagnostics_.warning(
        written->view().signature == nullptr
            ? fmt::format("{}: the image is not the one that was signed, so it is not signed; --sign KEY signs it",
                          options_.output)
            : fmt::format("{}: its image is signed as before, and its binding is not; --sign KEY signs both",
                          options_.output));
    return {};
  }

  Result<void> retag(Model* model) {
    std::map<uint32_t, uint32_t> tags;
    for (uint32_t i = 0; i < report_.plan->targets.size(); ++i) {
      if (report_.plan->targets[i].retagged) tags[i] = report_.plan->targets[i].con_tag;
    }
    if (tags.empty()) return {};
    auto done = reloc::retag(model, tags);
    if (!done) {
      done.error().file = options_.snapshot;
      return tl::unexpected(done.error());
    }
    report_.retagged = *done;
    return {};
  }

  const Options& options_;
  Report& report_;
  tools::Diagnostics& diagnostics_;
};

}  // namespace

int migrate(const Options& options, tools::Output* out, tools::Diagnostics* diagnostics) {
  Report report;
  const int exit = Migrator(options, &report, diagnostics).run();
  if (options.json) {
    print_json(report, options, exit == tools::kExitOk, out);
  } else if (report.plan && (options.dry_run || !report.plan->resolved() || !options.quiet)) {
    print_plan(report, options.dry_run, out);
    out->print("{}: {}{}\n", options.snapshot, summary(report),
               report.written.empty() ? "" : "; wrote " + report.written);
  }
  return exit;
}

}  // namespace fastboot::migrate
