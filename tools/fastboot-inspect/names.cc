#include "fastboot-inspect/names.h"

#include <algorithm>

namespace fastboot::inspect {

using wire::TargetKind;

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

std::string dynamic_tag(int64_t tag) {
  static constexpr std::pair<int64_t, const char*> kTags[] = {
      {DT_NULL, "NULL"},      {DT_NEEDED, "NEEDED"}, {DT_SONAME, "SONAME"},   {DT_GNU_HASH, "GNU_HASH"},
      {DT_STRTAB, "STRTAB"},  {DT_SYMTAB, "SYMTAB"}, {DT_STRSZ, "STRSZ"},     {DT_SYMENT, "SYMENT"},
      {DT_RELA, "RELA"},      {DT_RELASZ, "RELASZ"}, {DT_RELAENT, "RELAENT"}, {DT_FLAGS, "FLAGS"},
      {DT_FLAGS_1, "FLAGS_1"}};
  for (const auto& [known, name] : kTags) {
    if (known == tag) return name;
  }
  return fmt::format("<unknown: {:x}>", tag);
}

std::optional<std::string> dynamic_text(const format::Reader& reader, const Elf64_Dyn& entry) {
  if (entry.d_tag != DT_NEEDED && entry.d_tag != DT_SONAME) return std::nullopt;
  return checked(reader.string(entry.d_un.d_val));
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

// Each link-table word has one relocation, in order; what follows them are raw words of the image.
std::string relocation_class(const format::Reader& reader, uint64_t index) {
  const wire::View& view = reader.view();
  if (index >= view.target_count) return "raw";
  switch (static_cast<TargetKind>(view.targets[index].kind)) {
    case TargetKind::constructor:
    case TargetKind::rts:
      return "info";
    case TargetKind::function:
    case TargetKind::thunk:
    case TargetKind::slow_entry:
    case TargetKind::trampoline:
      return "code";
    case TargetKind::static_closure:
    case TargetKind::static_root:
      return "static";
    case TargetKind::image:
      return "image";
    case TargetKind::raw_address:
      return "raw";
  }
  return kCorrupt;
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
