// One interface under both output styles. inspect.cc calls the parts that were asked for, in a fixed order.
#pragma once

#include <memory>

#include "common/output.h"
#include "fastboot-inspect/options.h"
#include "format/heap.h"
#include "format/reader.h"

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
  virtual void sections(const format::Reader& reader, const std::vector<format::Section>& sections) = 0;
  virtual void symbols(const format::Reader& reader) = 0;
  // `internal`: words that the rebase stream names.
  virtual void relocs(const format::Reader& reader, uint64_t internal) = 0;
  virtual void notes(const format::Reader& reader) = 0;
  // `words`: how many words of the image point into each needed one.
  virtual void dynamic(const format::Reader& reader, const std::vector<uint64_t>& words) = 0;
  virtual void roots(const format::Reader& reader) = 0;
  virtual void objects(const format::Reader& reader, const format::Census& census) = 0;
};

std::unique_ptr<Dumper> make_text_dumper(const Options& options, tools::Output* out);
std::unique_ptr<Dumper> make_json_dumper(const Options& options, tools::Output* out);

}  // namespace fastboot::inspect
