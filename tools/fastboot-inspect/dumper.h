// One interface under both output styles. inspect.cc calls the parts that were asked for, in a fixed order.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "common/output.h"
#include "fastboot-inspect/analysis.h"
#include "fastboot-inspect/check.h"
#include "fastboot-inspect/options.h"
#include "fastboot-inspect/piece.h"
#include "fastboot-inspect/warm.h"
#include "format/heap.h"
#include "format/reader.h"
#include "format/sidecar.h"

namespace fastboot::inspect {

class Dumper {
 public:
  virtual ~Dumper() = default;
  virtual void begin_run() {}
  virtual void end_run() {}
  // A file, whether it can be read or not.
  virtual void begin_file(const std::string& path) = 0;
  virtual void end_file() {}
  // Errors and damage of the present file. Text output leaves them to standard error.
  virtual void problems(const std::vector<format::Error>& problems) = 0;

  virtual void summary(const format::Reader& reader) = 0;
  virtual void header(const format::Reader& reader) = 0;
  virtual void segments(const format::Reader& reader, const std::vector<format::Section>& sections) = 0;
  virtual void sections(const format::Reader& reader, const std::vector<format::Section>& sections) = 0;
  virtual void symbols(const format::Reader& reader) = 0;
  virtual void relocs(const format::Reader& reader, RelocStreams* streams) = 0;
  virtual void notes(const format::Reader& reader) = 0;
  // `words`: how many words of the image point into each needed one.
  virtual void dynamic(const format::Reader& reader, const std::vector<uint64_t>& words) = 0;
  virtual void roots(const format::Reader& reader) = 0;
  virtual void bindings(const format::Reader& reader, const std::vector<format::Sidecar>& sidecars) = 0;
  virtual void objects(const format::Reader& reader, const format::Census& census) = 0;
  virtual void analysis(const Analysis& analysis) = 0;
  // What can be read of the pieces, in hexadecimal or as strings.
  virtual void hex_dumps(const std::vector<Piece>& pieces) = 0;
  virtual void string_dumps(const std::vector<Piece>& pieces) = 0;
  virtual void check(const format::Reader& reader, const std::vector<CheckedPart>& parts) = 0;
  virtual void warm(const format::Reader& reader, const Warmed& warmed) = 0;

  // What could not be read while it was shown, since this was last asked.
  std::vector<format::Error> take_failures() { return std::exchange(failures_, {}); }

 protected:
  void note_failure(const format::Result<void>& result) {
    if (!result) failures_.push_back(result.error());
  }

 private:
  std::vector<format::Error> failures_;
};

std::unique_ptr<Dumper> make_text_dumper(const Options& options, tools::Output* out);
std::unique_ptr<Dumper> make_json_dumper(const Options& options, tools::Output* out);

}  // namespace fastboot::inspect
