// Names of numbers in the file, and what both output styles compute alike.
#pragma once

#include <cstdint>
#include <string>

#include "format/heap.h"
#include "format/reader.h"

namespace fastboot::inspect {

inline constexpr const char* kCorrupt = "<corrupt>";

std::string section_type(uint32_t type);
std::string section_flags(uint64_t flags);
std::string symbol_type(uint8_t info);
std::string symbol_binding(uint8_t info);
std::string relocation_type(uint64_t info);
std::string segment_type(uint32_t type);
// "RW " as readelf prints it.
std::string segment_flags(uint32_t flags);
// "hot", "link", "lazy", "data" or "cold": what a PT_LOAD of the snapshot is; empty for others.
std::string segment_part(const format::Reader& reader, const Elf64_Phdr& phdr);
// Is the section part of the segment, as readelf sees it?
bool lies_in(const Elf64_Shdr& section, const Elf64_Phdr& segment);
// "NEEDED"
std::string dynamic_tag(int64_t tag);
// The text that the entry's value is the place of, where it is.
std::optional<std::string> dynamic_text(const format::Reader& reader, const Elf64_Dyn& entry);
// Of DT_FLAGS and DT_FLAGS_1: names separated by spaces.
std::string dynamic_flags(const Elf64_Dyn& entry);
std::string target_kind(uint16_t kind);
std::string table_name(uint32_t kind);
// "9.0.2"
std::string ghc_version(uint32_t version);
// "threaded debug"; "vanilla" for no bits
std::string rts_way(uint32_t way);
std::string object_model(uint32_t model);

// Hexadecimal; empty: the target has none.
std::string target_fingerprint(const wire::Target& target);
std::string build_id(const wire::BindingModule& module);
// A text of a checked binding.
std::optional<std::string_view> binding_string(const wire::Binding& binding, uint64_t offset);

// One line of --objects.
struct ObjectRow {
  uint32_t target = 0;
  format::Census::Count count;
};
// Largest first; only targets that closures have.
std::vector<ObjectRow> object_rows(const format::Census& census);

std::string checked(std::optional<std::string_view> text);

}  // namespace fastboot::inspect
