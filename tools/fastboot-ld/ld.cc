// Read, check, link, shrink, write. Nothing is written before everything is known but the bytes themselves.
#include "fastboot-ld/ld.h"

#include <algorithm>
#include <filesystem>

#include "fastboot-ld/report.h"
#include "format/temporary_file.h"
#include "format/writer.h"
#include "reloc/symbols.h"

namespace fastboot::ld {
namespace {

namespace fs = std::filesystem;
using format::Error;
using format::fail;
using format::Result;
using wire::Code;

class Job {
 public:
  Job(const Options& options, Report* report, tools::Diagnostics* diagnostics)
      : options_(options), report_(*report), diagnostics_(*diagnostics) {}

  // The exit code.
  int run() {
    if (!open_inputs()) return exit_;
    reloc::LinkOptions options;
    if (auto ready = prepare(&options); !ready) return stop(ready.error());
    std::vector<Error> problems;
    if (!reloc::link(report_.inputs, options, &report_.linked, &problems)) {
      for (const Error& problem : problems) stop(problem);
      return exit_;
    }
    if (auto done = shrink(); !done) return stop(done.error());
    return write();
  }

  std::optional<std::string> map() const { return map_; }

 private:
  int stop(const Error& error) {
    diagnostics_.error(error);
    report_.problems.push_back(error);
    exit_ = std::max<int>(exit_, tools::exit_for(error.code));
    return exit_;
  }

  // All of them, so that all that is wrong is said at once.
  bool open_inputs() {
    for (const std::string& path : options_.inputs) {
      auto input = reloc::open_input(path);
      if (!input) {
        if (input.error().file.empty()) input.error().file = path;
        stop(input.error());
        continue;
      }
      std::error_code trouble;
      if (fs::equivalent(path, options_.output, trouble)) {
        stop(Error{Code::bad_argument,
                   "is an input, which is never overwritten; name another with -o",
                   options_.output,
                   {},
                   std::nullopt});
      }
      report_.inputs.push_back(std::move(*input));
    }
    return exit_ == tools::kExitOk;
  }

  Result<void> prepare(reloc::LinkOptions* options) const {
    options->name = options_.soname.empty() ? fs::path(options_.output).stem().string() : options_.soname;
    if (options_.address) options->address = format::ImageAddress(*options_.address);
    options->no_undefined = options_.no_undefined;
    for (const std::string& rename : options_.renames) {
      const size_t colon = rename.find(':');
      const size_t equals = rename.find('=');
      options->renames.push_back(
          {rename.substr(0, colon), rename.substr(colon + 1, equals - colon - 1), rename.substr(equals + 1)});
    }
    if (options_.program.empty()) return {};
    options->program = options_.program;
    const auto symbols = reloc::Symbols::read(options_.program);
    if (!symbols) return tl::unexpected(symbols.error());
    options->build_id = symbols->build_id();
    if (!options->build_id.empty()) return {};
    return fail(Code::no_build_id, "has no build-id, so that no image can be bound to it; link it with --build-id",
                options_.program);
  }

  Result<void> shrink() {
    if (!options_.icf && !options_.gc_roots) return {};
    auto shrunk = reloc::shrink(&report_.linked.model, {options_.icf, options_.gc_roots, options_.keep});
    if (!shrunk) return tl::unexpected(shrunk.error());
    report_.shrunk = *shrunk;
    return {};
  }

  // The map's file is begun before the output is written, so that a place that cannot be written is found out in time.
  int write() {
    std::optional<format::TemporaryFile> map;
    if (!options_.map.empty() && options_.map != "-") {
      auto file = format::TemporaryFile::create(options_.map);
      if (!file) return stop(file.error());
      map.emplace(std::move(*file));
    }
    if (auto written = format::write(report_.linked.model, options_.output); !written) return stop(written.error());
    auto reader = format::Reader::open(options_.output);
    if (!reader) {
      Error error = reader.error();
      error.message += "; it was written whole, and cannot be described";
      return stop(error);
    }
    report_.written.emplace(std::move(*reader));
    if (!map) {
      if (!options_.map.empty()) map_ = map_of(report_, options_);
      return tools::kExitOk;
    }
    const std::string& text = map_.emplace(map_of(report_, options_));
    auto written = map->write(format::FileOffset(0), {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    if (written) written = map->commit(0644);
    if (written) return tools::kExitOk;
    Error error = written.error();
    error.message += "; " + options_.output + " is not concerned: it was written whole";
    return stop(error);
  }

  const Options& options_;
  Report& report_;
  tools::Diagnostics& diagnostics_;
  int exit_ = tools::kExitOk;
  std::optional<std::string> map_;
};

}  // namespace

int link(const Options& options, tools::Output* out, tools::Diagnostics* diagnostics) {
  Report report;
  Job job(options, &report, diagnostics);
  const int exit = job.run();
  if (options.json) {
    print_json(report, options, out);
  } else if (report.written && options.map == "-") {
    out->write(*job.map());
  } else if (report.written && !options.quiet) {
    print_summary(report, options, out);
  }
  return exit;
}

}  // namespace fastboot::ld
