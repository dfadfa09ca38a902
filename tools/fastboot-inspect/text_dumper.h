// Output for people, in the form that readelf's users know. The class's methods are in several files, by subject:
// text_elf.cc has what every ELF file has, text_relocs.cc, text_image.cc and text_dumps.cc the rest.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fastboot-inspect/dumper.h"

namespace fastboot::inspect {

class TextDumper : public Dumper {
 public:
  TextDumper(const Options& options, tools::Output* out) : options_(options), out_(*out) {}

  void begin_file(const std::string& path) override;
  void problems(const std::vector<format::Error>&) override {}

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
  void analysis(const Analysis& analysis) override { analysis.text(&out_); }
  void hex_dumps(const std::vector<Piece>& pieces) override;
  void string_dumps(const std::vector<Piece>& pieces) override;
  void check(const format::Reader& reader, const std::vector<CheckedPart>& parts) override;
  void warm(const format::Reader& reader, const Warmed& warmed) override;

 private:
  // "  Title:        value"
  void field(const char* title, const std::string& value);
  // Text from the file, safe for a terminal; "<corrupt>" for none.
  static std::string name(std::optional<std::string_view> text);
  // Without -W a line has the width of a terminal, as readelf's.
  std::string cut(const std::string& text, size_t width) const;
  // Whole and, where that was asked for, decoded.
  std::string symbol_name(const format::Reader& reader, uint64_t index) const;
  std::string target_name(const format::Reader& reader, uint64_t index) const;
  std::string decoded(std::string name) const;

  void summarize_roots(const format::Reader& reader);
  void summarize_targets(const format::Reader& reader);
  void snapshot_header(const wire::Header& header, const format::Reader& reader);
  void tables(const wire::Header& header);
  void section_mapping(const format::Reader& reader, const std::vector<format::Section>& sections);
  void dynamic_entries(const format::Reader& reader);
  std::string dynamic_value(const format::Reader& reader, const Elf64_Dyn& entry) const;
  void reloc_entry(const format::Reader& reader, const RelocEntry& entry);
  std::string reloc_target(const format::Reader& reader, const RelocEntry& entry) const;
  void image_words(const format::Reader& reader, ImageWords* words);
  void needed_images(const format::Reader& reader, const std::vector<uint64_t>& words);
  void members(const format::Reader& reader);
  void modules(const wire::Binding& binding);
  void binding_entries(const format::Reader& reader);
  // True, and says so, where a table is there and cannot be read.
  bool unreadable(const format::Reader& reader, wire::TableKind kind, const void* table, const char* title);

  const Options& options_;
  tools::Output& out_;
};

}  // namespace fastboot::inspect
