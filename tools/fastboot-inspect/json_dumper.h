// Output for programs: one document for the run. docs/JSON.md and docs/fastboot-inspect.schema.json describe it; a
// change that takes something away or gives it another meaning raises kSchemaVersion. The class's methods are in
// several files, by subject, as those of TextDumper are.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/json.h"
#include "fastboot-inspect/dumper.h"

namespace fastboot::inspect {

inline constexpr uint64_t kSchemaVersion = 2;

class JsonDumper : public Dumper {
 public:
  JsonDumper(const Options& options, tools::Output* out) : options_(options), json_(out) {}

  void begin_run() override;
  void end_run() override;
  void begin_file(const std::string& path) override;
  void end_file() override;
  void problems(const std::vector<format::Error>& problems) override;

  void summary(const format::Reader& reader) override;
  void header(const format::Reader& reader) override;
  void segments(const format::Reader& reader, const std::vector<format::Section>& sections) override;
  void sections(const format::Reader& reader, const std::vector<format::Section>& sections) override;
  void symbols(const format::Reader& reader) override;
  void relocs(const format::Reader& reader, RelocStreams* streams) override;
  void notes(const format::Reader& reader) override;
  void dynamic(const format::Reader& reader, const std::vector<uint64_t>& words) override;
  void roots(const format::Reader& reader) override;
  void bindings(const format::Reader& reader, const std::vector<format::Sidecar>& sidecars) override;
  void objects(const format::Reader& reader, const format::Census& census) override;
  void analysis(const Analysis& analysis) override { analysis.json(&json_); }
  void hex_dumps(const std::vector<Piece>& pieces) override;
  void string_dumps(const std::vector<Piece>& pieces) override;
  void check(const format::Reader& reader, const std::vector<CheckedPart>& parts) override;
  void warm(const format::Reader& reader, const Warmed& warmed) override;

 private:
  // A string that cannot be read is null.
  void string(std::string_view key, std::optional<std::string_view> text);
  // The key `decoded`, under -C.
  void decoded(std::optional<std::string_view> symbol);
  // Starts the array of a table; null, and false, where the table is there and cannot be read.
  bool begin_table(std::string_view key, const format::Reader& reader, wire::TableKind kind, const void* table);

  void snapshot(const format::Reader& reader);  // what summary and header have in common
  void note(std::string_view owner, uint64_t type, uint64_t bytes);
  void reloc_entry(const format::Reader& reader, const RelocEntry& entry);
  void cross_streams(const format::Reader& reader, RelocStreams* streams);
  void image_words(const format::Reader& reader, ImageWords* words);
  void needed_images(const format::Reader& reader, const std::vector<uint64_t>& words);
  void members(const format::Reader& reader);
  void modules(const wire::Binding& binding);

  const Options& options_;
  tools::Json json_;
};

}  // namespace fastboot::inspect
