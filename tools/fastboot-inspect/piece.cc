#include "fastboot-inspect/piece.h"

#include <algorithm>
#include <charconv>

#include "common/command_line.h"

namespace fastboot::inspect {

using format::FileOffset;
using format::ImageAddress;
using format::Reader;
using format::Section;

namespace {

// What the file holds of a range that its header promises.
Piece piece(const Reader& reader, std::string name, uint64_t address, uint64_t offset, uint64_t size) {
  const uint64_t there = offset > reader.file_size() ? 0 : std::min(size, reader.file_size() - offset);
  return {std::move(name), ImageAddress(address), FileOffset(offset), true, reader.bytes(FileOffset(offset), there),
          there < size};
}

Piece section_piece(const Reader& reader, const Section& section) {
  const Elf64_Shdr& header = section.header;
  const bool in_file = header.sh_type != SHT_NOBITS && header.sh_type != SHT_NULL;
  if (!in_file) return {section.name, ImageAddress(header.sh_addr), FileOffset(header.sh_offset), false, {}, false};
  return piece(reader, section.name, header.sh_addr, header.sh_offset, header.sh_size);
}

// A table of ours, through the segment that holds it.
std::optional<Piece> table_piece(const Reader& reader, const std::string& name) {
  const auto* known = std::find_if(std::begin(format::kTableSections), std::end(format::kTableSections),
                                   [&](const auto& entry) { return name == entry.name; });
  if (known == std::end(format::kTableSections)) return std::nullopt;
  const wire::View& view = reader.view();
  const wire::Table& table = view.table(known->kind);
  if (table.size == 0) return std::nullopt;
  if (known->kind == wire::TableKind::info) return Piece{name, ImageAddress(table.address), {}, false, {}, false};
  for (const wire::Segment* segment : {&view.hot, &view.link, &view.lazy, &view.data, &view.cold}) {
    if (table.address < segment->address || table.address - segment->address >= segment->file_size) continue;
    return piece(reader, name, table.address, segment->offset + (table.address - segment->address), table.size);
  }
  return std::nullopt;
}

std::optional<uint64_t> number(const std::string& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

format::Result<Piece> find_piece(const Reader& reader, const std::vector<Section>& sections,
                                 const std::string& wanted) {
  if (const auto index = number(wanted)) {
    if (*index < sections.size()) return section_piece(reader, sections[*index]);
    return format::fail(wire::Code::bad_argument,
                        fmt::format("there is no section {}: the file has {}", *index, sections.size()), reader.path());
  }
  std::vector<std::string> names;
  for (const Section& section : sections) {
    if (section.name == wanted) return section_piece(reader, section);
    names.push_back(section.name);
  }
  if (auto table = table_piece(reader, wanted)) return *std::move(table);
  for (const auto& entry : format::kTableSections) names.emplace_back(entry.name);
  const auto near = tools::nearest(wanted, names);
  return format::fail(wire::Code::bad_argument,
                      fmt::format("there is no section '{}'{}", wanted,
                                  near ? fmt::format(", did you mean '{}'?", *near) : "; -S lists them"),
                      reader.path());
}

}  // namespace fastboot::inspect
