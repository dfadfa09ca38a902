// Opens each file leniently, so that a damaged one still shows what can be read, and hands its parts to a Dumper.
#include "fastboot-inspect/inspect.h"

#include <algorithm>

#include "fastboot-inspect/dumper.h"

namespace fastboot::inspect {
namespace {

using format::Error;
using format::Reader;

Error in_file(Error error, const Reader& reader) {
  if (error.file.empty()) error.file = reader.path();
  return error;
}

class Inspector {
 public:
  Inspector(const Options& options, Dumper* dumper, tools::Output* out, tools::Diagnostics* diagnostics)
      : options_(options), dumper_(*dumper), out_(*out), diagnostics_(*diagnostics) {}

  int run() {
    dumper_.begin_run();
    for (const std::string& path : options_.files) {
      dumper_.begin_file(path);
      file(path);
      dumper_.problems(problems_);
      problems_.clear();
      dumper_.end_file();
    }
    dumper_.end_run();
    return exit_;
  }

 private:
  void file(const std::string& path) {
    const auto reader = Reader::open(path, format::Mode::lenient);
    if (!reader) return error(reader.error());
    for (const Error& damage : reader->damage()) warn(damage);
    if (options_.summary()) dumper_.summary(*reader);
    if (options_.header) dumper_.header(*reader);
    if (options_.sections) sections(*reader);
    if (options_.symbols) dumper_.symbols(*reader);
    if (options_.relocs) relocs(*reader);
    if (options_.notes) dumper_.notes(*reader);
    if (options_.dynamic) dynamic(*reader);
    if (options_.roots) dumper_.roots(*reader);
    if (options_.objects) objects(*reader);
  }

  void sections(const Reader& reader) {
    const auto sections = reader.sections();
    if (!sections) return warn(sections.error());
    dumper_.sections(reader, *sections);
  }

  uint64_t count(const Reader& reader, format::RebaseCursor cursor) {
    uint64_t words = 0;
    for (;; ++words) {
      const auto next = cursor.next();
      if (!next) warn(in_file(next.error(), reader));
      if (!next || !*next) return words;
    }
  }

  void relocs(const Reader& reader) { dumper_.relocs(reader, count(reader, reader.rebase_cursor())); }

  void dynamic(const Reader& reader) {
    std::vector<uint64_t> words;
    for (uint64_t i = 0; i < reader.view().needed_count; ++i) words.push_back(count(reader, reader.cross_cursor(i)));
    dumper_.dynamic(reader, words);
  }

  void objects(const Reader& reader) {
    std::vector<Error> damage;
    const auto census = format::take_census(reader, &damage);
    if (!census) return warn(census.error());
    for (const Error& each : damage) warn(each);
    if (damage.empty() && census->all.closures != reader.view().header->closures) {
      warn(Error{wire::Code::corrupt,
                 fmt::format("{} closures found, and the header says {}", census->all.closures,
                             reader.view().header->closures),
                 reader.path(),
                 {},
                 std::nullopt});
    }
    dumper_.objects(reader, *census);
  }

  void error(const Error& error) {
    report(error);
    diagnostics_.error(error);
    exit_ = std::max<int>(exit_, tools::exit_for(error.code));
  }
  // The file is damaged, and the rest of it is shown.
  void warn(const Error& error) {
    report(error);
    diagnostics_.warning(error);
    exit_ = std::max<int>(exit_, tools::kExitRefused);
  }
  // What was printed so far comes before the message where both go to one terminal.
  void report(const Error& error) {
    problems_.push_back(error);
    if (!options_.json) out_.flush();
  }

  const Options& options_;
  Dumper& dumper_;
  tools::Output& out_;
  tools::Diagnostics& diagnostics_;
  std::vector<Error> problems_;
  int exit_ = tools::kExitOk;
};

}  // namespace

int inspect(const Options& options, tools::Output* out, tools::Diagnostics* diagnostics) {
  const auto dumper = options.json ? make_json_dumper(options, out) : make_text_dumper(options, out);
  return Inspector(options, dumper.get(), out, diagnostics).run();
}

}  // namespace fastboot::inspect
