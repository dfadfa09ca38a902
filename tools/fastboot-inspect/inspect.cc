// Opens each file leniently, so that a damaged one still shows what can be read, and hands its parts to a Dumper.
#include "fastboot-inspect/inspect.h"

#include <algorithm>

#include "fastboot-inspect/diff.h"
#include "fastboot-inspect/dumper.h"
#include "fastboot-inspect/graph_analyses.h"

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
    if (options_.graph.diff) {
      shown(options_.files[1], [&] { diff(options_.files[0], options_.files[1]); });
    } else {
      for (const std::string& path : options_.files) shown(path, [&] { file(path); });
    }
    dumper_.end_run();
    return exit_;
  }

 private:
  template <class F>
  void shown(const std::string& path, F&& show) {
    dumper_.begin_file(path);
    show();
    dumper_.problems(problems_);
    problems_.clear();
    dumper_.end_file();
  }

  void file(const std::string& path) {
    const auto reader = Reader::open(path, format::Mode::lenient);
    if (!reader) return error(reader.error());
    for (const Error& damage : reader->damage()) warn(damage);
    sections_ = read_sections(*reader);
    if (options_.summary()) dumper_.summary(*reader);
    if (options_.header) dumper_.header(*reader);
    if (options_.segments) dumper_.segments(*reader, sections_);
    if (options_.sections) dumper_.sections(*reader, sections_);
    if (options_.symbols) dumper_.symbols(*reader);
    if (options_.relocs.any()) relocs(*reader);
    if (options_.notes) dumper_.notes(*reader);
    if (options_.dynamic) dynamic(*reader);
    if (options_.roots) dumper_.roots(*reader);
    if (options_.bindings) bindings(*reader);
    if (options_.objects) objects(*reader);
    if (options_.graph.any()) graph(*reader);
    if (!options_.hex_dumps.empty()) dumper_.hex_dumps(pieces(*reader, options_.hex_dumps));
    if (!options_.string_dumps.empty()) dumper_.string_dumps(pieces(*reader, options_.string_dumps));
    if (!options_.check.empty()) check(*reader);
    if (options_.warm) warm(*reader);
    for (const Error& failure : dumper_.take_failures()) warn(in_file(failure, *reader));
  }

  // Read where something needs them: a summary does not, and files without section headers are sound.
  std::vector<format::Section> read_sections(const Reader& reader) {
    const bool needed =
        options_.sections || options_.segments || !options_.hex_dumps.empty() || !options_.string_dumps.empty();
    if (!needed) return {};
    auto sections = reader.sections();
    if (sections) return std::move(*sections);
    warn(sections.error());
    return {};
  }

  uint64_t count(const Reader& reader, format::RebaseCursor cursor) {
    uint64_t words = 0;
    for (;; ++words) {
      const auto next = cursor.next();
      if (!next) warn(in_file(next.error(), reader));
      if (!next || !*next) return words;
    }
  }

  std::vector<uint64_t> cross_counts(const Reader& reader) {
    std::vector<uint64_t> words;
    for (uint64_t i = 0; i < reader.view().needed_count; ++i) words.push_back(count(reader, reader.cross_cursor(i)));
    return words;
  }

  std::optional<ImageWords> image_words(const Reader& reader, std::optional<uint64_t> needed) {
    auto words = ImageWords::make(reader, needed);
    if (words) return std::move(*words);
    warn(words.error());
    return std::nullopt;
  }

  void relocs(const Reader& reader) {
    RelocStreams streams;
    const size_t before = problems_.size();
    streams.internal = count(reader, reader.rebase_cursor());
    streams.cross = cross_counts(reader);
    if (options_.relocs.names(RelocClass::internal)) {
      if (auto words = image_words(reader, std::nullopt)) streams.internal_words = std::move(words);
    }
    for (uint64_t i = 0; options_.relocs.names(RelocClass::cross) && i < streams.cross.size(); ++i) {
      if (auto words = image_words(reader, i)) streams.cross_words.push_back(std::move(*words));
    }
    const bool told = problems_.size() != before;
    dumper_.relocs(reader, &streams);
    if (told) dumper_.take_failures();  // what is wrong with a stream was said when its words were counted
  }

  void dynamic(const Reader& reader) { dumper_.dynamic(reader, cross_counts(reader)); }

  void bindings(const Reader& reader) {
    const auto sidecars = format::find_sidecars(reader);
    for (const format::Sidecar& sidecar : sidecars) {
      if (sidecar.problem) warn(*sidecar.problem);
    }
    dumper_.bindings(reader, sidecars);
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

  std::vector<Piece> pieces(const Reader& reader, const std::vector<std::string>& wanted) {
    std::vector<Piece> found;
    for (const std::string& name : wanted) {
      auto piece = find_piece(reader, sections_, name);
      if (!piece) {
        error(piece.error());
        continue;
      }
      if (piece->cut) {
        warn(Error{wire::Code::truncated, "the file ends before the section does; freeze it again", reader.path(),
                   piece->name, piece->offset});
      }
      found.push_back(std::move(*piece));
    }
    return found;
  }

  void check(const Reader& reader) {
    const auto parts = inspect::check(reader, options_.check);
    // Damage that opening found has been told; the part `metadata` repeats it.
    const size_t told = reader.damage().size();
    for (const CheckedPart& part : parts) {
      const size_t skip = &part == parts.data() ? std::min(told, part.problems.size()) : 0;
      for (size_t i = skip; i < part.problems.size(); ++i) warn(part.problems[i]);
    }
    dumper_.check(reader, parts);
  }

  // What is asked for and is not in the file is the user's mistake, and not damage.
  void graph(const Reader& reader) {
    analyse(reader, options_.graph,
            {[&](const Analysis& analysis) { dumper_.analysis(analysis); },
             [&](const Error& trouble) { trouble.code == wire::Code::corrupt ? warn(trouble) : error(trouble); }});
  }

  // The files are two: the older and the newer one.
  void diff(const std::string& older, const std::string& newer) {
    const auto a = Reader::open(older);
    if (!a) return error(a.error());
    const auto b = Reader::open(newer);
    if (!b) return error(b.error());
    const auto found = Diff::make(*a, *b);
    if (!found) return error(found.error());
    dumper_.analysis(*found);
    if (found->differs()) exit_ = std::max<int>(exit_, tools::kExitRefused);
  }

  void warm(const Reader& reader) {
    const auto warmed = inspect::warm(reader);
    if (!warmed) return error(warmed.error());
    dumper_.warm(reader, *warmed);
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
  std::vector<format::Section> sections_;
  int exit_ = tools::kExitOk;
};

}  // namespace

int inspect(const Options& options, tools::Output* out, tools::Diagnostics* diagnostics) {
  const auto dumper = options.json ? make_json_dumper(options, out) : make_text_dumper(options, out);
  return Inspector(options, dumper.get(), out, diagnostics).run();
}

}  // namespace fastboot::inspect
