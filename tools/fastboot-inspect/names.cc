#include "fastboot-inspect/names.h"

#include <algorithm>
#include <cstring>

namespace fastboot::inspect {

std::string section_type(uint32_t type) {
  switch (type) {
    case SHT_NULL:
      return "NULL";
    case SHT_PROGBITS:
      return "PROGBITS";
    case SHT_SYMTAB:
      return "SYMTAB";
    case SHT_STRTAB:
      return "STRTAB";
    case SHT_RELA:
      return "RELA";
    case SHT_DYNAMIC:
      return "DYNAMIC";
    case SHT_NOTE:
      return "NOTE";
    case SHT_NOBITS:
      return "NOBITS";
    case SHT_DYNSYM:
      return "DYNSYM";
    case SHT_GNU_HASH:
      return "GNU_HASH";
    default:
      return fmt::format("{:#x}", type);
  }
}

std::string section_flags(uint64_t flags) {
  std::string text;
  if ((flags & SHF_WRITE) != 0) text += 'W';
  if ((flags & SHF_ALLOC) != 0) text += 'A';
  if ((flags & SHF_EXECINSTR) != 0) text += 'X';
  return text;
}

std::string symbol_type(uint8_t info) {
  switch (ELF64_ST_TYPE(info)) {
    case STT_NOTYPE:
      return "NOTYPE";
    case STT_OBJECT:
      return "OBJECT";
    case STT_FUNC:
      return "FUNC";
    case STT_SECTION:
      return "SECTION";
    default:
      return fmt::format("{}", ELF64_ST_TYPE(info));
  }
}

std::string symbol_binding(uint8_t info) {
  switch (ELF64_ST_BIND(info)) {
    case STB_LOCAL:
      return "LOCAL";
    case STB_GLOBAL:
      return "GLOBAL";
    case STB_WEAK:
      return "WEAK";
    default:
      return fmt::format("{}", ELF64_ST_BIND(info));
  }
}

std::string relocation_type(uint64_t info) {
  switch (ELF64_R_TYPE(info)) {
    case R_X86_64_64:
      return "R_X86_64_64";
    case R_X86_64_GLOB_DAT:
      return "R_X86_64_GLOB_DAT";
    default:
      return fmt::format("{}", ELF64_R_TYPE(info));
  }
}

std::string segment_type(uint32_t type) {
  switch (type) {
    case PT_NULL:
      return "NULL";
    case PT_LOAD:
      return "LOAD";
    case PT_DYNAMIC:
      return "DYNAMIC";
    case PT_NOTE:
      return "NOTE";
    case PT_PHDR:
      return "PHDR";
    case PT_GNU_STACK:
      return "GNU_STACK";
    default:
      return fmt::format("{:#x}", type);
  }
}

std::string segment_flags(uint32_t flags) {
  return {(flags & PF_R) != 0 ? 'R' : ' ', (flags & PF_W) != 0 ? 'W' : ' ', (flags & PF_X) != 0 ? 'E' : ' '};
}

std::string segment_part(const format::Reader& reader, const Elf64_Phdr& phdr) {
  if (phdr.p_type != PT_LOAD) return {};
  const wire::View& view = reader.view();
  const std::pair<const wire::Segment*, const char*> parts[] = {
      {&view.hot, "hot"}, {&view.link, "link"}, {&view.lazy, "lazy"}, {&view.data, "data"}, {&view.cold, "cold"}};
  for (const auto& [segment, part] : parts) {
    if (segment->size != 0 && segment->address == phdr.p_vaddr) return part;
  }
  return {};
}

bool lies_in(const Elf64_Shdr& section, const Elf64_Phdr& segment) {
  if (section.sh_type == SHT_NULL || (section.sh_flags & SHF_ALLOC) == 0) return false;
  if (segment.p_type == PT_GNU_STACK || section.sh_addr < segment.p_vaddr) return false;
  const uint64_t within = section.sh_addr - segment.p_vaddr;
  return within < segment.p_memsz && section.sh_size <= segment.p_memsz - within;
}

std::string dynamic_tag(int64_t tag) {
  static constexpr std::pair<int64_t, const char*> kTags[] = {
      {DT_NULL, "NULL"},      {DT_NEEDED, "NEEDED"}, {DT_SONAME, "SONAME"},   {DT_GNU_HASH, "GNU_HASH"},
      {DT_STRTAB, "STRTAB"},  {DT_SYMTAB, "SYMTAB"}, {DT_STRSZ, "STRSZ"},     {DT_SYMENT, "SYMENT"},
      {DT_RELA, "RELA"},      {DT_RELASZ, "RELASZ"}, {DT_RELAENT, "RELAENT"}, {DT_FLAGS, "FLAGS"},
      {DT_FLAGS_1, "FLAGS_1"}};
  for (const auto& [known, name] : kTags) {
    if (known == tag) return name;
  }
  return fmt::format("<unknown: {:x}>", static_cast<uint64_t>(tag));
}

std::optional<std::string> dynamic_text(const format::Reader& reader, const Elf64_Dyn& entry) {
  if (entry.d_tag != DT_NEEDED && entry.d_tag != DT_SONAME) return std::nullopt;
  return checked(reader.string(entry.d_un.d_val));
}

std::string dynamic_flags(const Elf64_Dyn& entry) {
  static constexpr std::pair<uint64_t, const char*> kFlags[] = {{DF_TEXTREL, "TEXTREL"}, {DF_BIND_NOW, "BIND_NOW"}};
  static constexpr std::pair<uint64_t, const char*> kFlags1[] = {{DF_1_NOOPEN, "NOOPEN"}};
  std::string text;
  uint64_t rest = entry.d_un.d_val;
  const auto add = [&](uint64_t bit, const char* name) {
    if ((rest & bit) == 0) return;
    text += (text.empty() ? "" : " ") + std::string(name);
    rest &= ~bit;
  };
  if (entry.d_tag == DT_FLAGS) {
    for (const auto& [bit, name] : kFlags) add(bit, name);
  } else {
    for (const auto& [bit, name] : kFlags1) add(bit, name);
  }
  if (rest != 0) text += fmt::format("{}{:#x}", text.empty() ? "" : " ", rest);
  return text;
}

std::string target_kind(uint16_t kind) {
  static constexpr const char* kNames[] = {"constructor", "function",   "thunk",      "rts",   "static closure",
                                           "static root", "slow entry", "trampoline", "image", "raw address"};
  return kind >= 1 && kind <= std::size(kNames) ? kNames[kind - 1] : kCorrupt;
}

std::string table_name(uint32_t kind) {
  static constexpr const char* kNames[] = {"dynsym",  "dynstr", "gnu_hash",     "rela",       "dynamic", "targets",
                                           "bitmaps", "roots",  "binding",      "link_table", "info",    "lazy",
                                           "data",    "rebase", "chunk_hashes", "needed",     "cross",   "members"};
  static_assert(std::size(kNames) == wire::kTableCount);
  return kind >= 1 && kind <= std::size(kNames) ? kNames[kind - 1] : kCorrupt;
}

std::string ghc_version(uint32_t version) {
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

std::string rts_way(uint32_t way) {
  static constexpr std::pair<uint32_t, const char*> kWays[] = {{wire::kWayThreaded, "threaded"},
                                                               {wire::kWayDebug, "debug"},
                                                               {wire::kWayEventlog, "eventlog"},
                                                               {wire::kWayProfiled, "profiled"},
                                                               {wire::kWayDynamic, "dynamic"}};
  std::string text;
  for (const auto& [bit, name] : kWays) {
    if ((way & bit) == 0) continue;
    text += (text.empty() ? "" : " ") + std::string(name);
    way &= ~bit;
  }
  if (way != 0) text += fmt::format("{}unknown {:#x}", text.empty() ? "" : " ", way);
  return text.empty() ? "vanilla" : text;
}

std::string object_model(uint32_t model) {
  return model == static_cast<uint32_t>(wire::ObjectModel::ghc) ? "ghc" : fmt::format("unknown {}", model);
}

std::string target_fingerprint(const wire::Target& target) {
  if ((target.flags & wire::kTargetHasFingerprint) == 0) return {};
  return format::to_hex(target.fingerprint, sizeof target.fingerprint);
}

std::string build_id(const wire::BindingModule& module) {
  return format::to_hex(module.build_id, std::min(module.build_id_size, wire::kMaxBuildId));
}

std::optional<std::string_view> binding_string(const wire::Binding& binding, uint64_t offset) {
  const uint32_t size = binding.header->strings_size;
  if (offset >= size) return std::nullopt;
  const void* const end = memchr(binding.strings + offset, 0, size - offset);
  if (end == nullptr) return std::nullopt;
  return std::string_view(binding.strings + offset, static_cast<const char*>(end));
}

std::vector<ObjectRow> object_rows(const format::Census& census) {
  std::vector<ObjectRow> rows;
  for (uint32_t i = 0; i < census.by_target.size(); ++i) {
    if (census.by_target[i].closures != 0) rows.push_back({i, census.by_target[i]});
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const ObjectRow& a, const ObjectRow& b) { return a.count.bytes > b.count.bytes; });
  return rows;
}

std::string checked(std::optional<std::string_view> text) { return text ? std::string(*text) : kCorrupt; }

}  // namespace fastboot::inspect
