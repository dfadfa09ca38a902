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
// "NEEDED"
std::string dynamic_tag(int64_t tag);
// The text that the entry's value is the place of, where it is.
std::optional<std::string> dynamic_text(const format::Reader& reader, const Elf64_Dyn& entry);
std::string target_kind(uint16_t kind);
std::string table_name(uint32_t kind);
// "9.0.2"
std::string ghc_version(uint32_t version);
// "threaded debug"; "vanilla" for no bits
std::string rts_way(uint32_t way);
std::string object_model(uint32_t model);

// What a relocation is for, as --relocs tells them apart.
std::string relocation_class(const format::Reader& reader, uint64_t index);

// One line of --objects.
struct ObjectRow {
  uint32_t target = 0;
  format::Census::Count count;
};
// Largest first; only targets that closures have.
std::vector<ObjectRow> object_rows(const format::Census& census);

std::string checked(std::optional<std::string_view> text);

}  // namespace fastboot::inspect
