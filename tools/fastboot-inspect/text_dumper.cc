#include "fastboot-inspect/text_dumper.h"

#include "common/table.h"
#include "fastboot-inspect/names.h"
#include "reloc/zdecode.h"

namespace fastboot::inspect {

using format::Reader;

void TextDumper::begin_file(const std::string& path) {
  if (options_.files.size() > 1 && !options_.summary()) out_.print("\nFile: {}\n", tools::printable(path));
}

void TextDumper::field(const char* title, const std::string& value) {
  out_.print("  {:<35}{}\n", fmt::format("{}:", title), value);
}

std::string TextDumper::name(std::optional<std::string_view> text) { return tools::printable(checked(text)); }

std::string TextDumper::cut(const std::string& text, size_t width) const {
  if (options_.wide || tools::display_width(text) <= width) return text;
  size_t end = width - 5;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "[...]";
}

std::string TextDumper::decoded(std::string name) const {
  return options_.decode ? reloc::decode_symbol(name) : std::move(name);
}

std::string TextDumper::symbol_name(const Reader& reader, uint64_t index) const {
  return decoded(name(reader.symbol_name(index)));
}

std::string TextDumper::target_name(const Reader& reader, uint64_t index) const {
  return decoded(name(reader.target_name(index)));
}

bool TextDumper::unreadable(const Reader& reader, wire::TableKind kind, const void* table, const char* title) {
  if (table != nullptr || reader.view().table(kind).size == 0) return false;
  out_.print("\n{}: {}\n", title, kCorrupt);
  return true;
}

std::unique_ptr<Dumper> make_text_dumper(const Options& options, tools::Output* out) {
  return std::make_unique<TextDumper>(options, out);
}

}  // namespace fastboot::inspect
