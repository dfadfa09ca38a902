// Finding info tables without symbols: every 8-aligned address of code that occurs as a 4-byte value in code, as the
// target of a lea, or as a word of data, and whose words make an info table.
#include "reloc/program_file.h"

#include <algorithm>
#include <cstring>

#include "format/ghc_closures.h"

namespace fastboot::reloc {

namespace ghc = format::ghc;

namespace {

constexpr uint32_t kRetSmall = 30;
constexpr uint32_t kRetBig = 31;
constexpr uint32_t kRetFun = 32;
constexpr uint32_t kMostType = 63;
constexpr uint32_t kMostFunType = 31;
constexpr uint64_t kMostFields = 4096;
constexpr uint64_t kStandardTable = 16;
constexpr uint64_t kFarthest = uint64_t{1} << 32;

template <class T>
T load(const uint8_t* at) {
  T value;
  memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

bool InfoTable::general() const { return ghc::is_function(type) && fun_type <= 1; }

uint64_t InfoTable::words_before() const {
  if (ghc::is_function(type)) return general() ? 40 : 24;
  return ghc::is_constructor(type) ? 24 : kStandardTable;
}

ProgramFile::ProgramFile(Symbols symbols, Symbols names)
    : symbols_(std::move(symbols)), names_(std::move(names)), libraries_(symbols_) {
  for (const SectionBytes& section : symbols_.sections()) {
    if (!section.loaded || section.size == 0 || section.address.value() + section.size < section.size) continue;
    sections_.push_back(&section);
    low_ = std::min(low_, section.address.value() & ~uint64_t{7});
  }
  // Code reaches 2 GiB. What claims to lie farther off would only take memory here.
  std::erase_if(sections_, [&](const SectionBytes* s) { return s->address.value() + s->size - low_ > kFarthest; });
  for (const SectionBytes* section : sections_) high_ = std::max(high_, section->address.value() + section->size);
  std::sort(sections_.begin(), sections_.end(),
            [](const SectionBytes* a, const SectionBytes* b) { return a->address < b->address; });
  if (!sections_.empty()) {
    considered_.resize(high_ - low_);
    info_set_.resize(high_ - low_);
  }
  find_infos();
  find_closures();
}

const SectionBytes* ProgramFile::section_at(uint64_t address) const {
  const auto after = std::partition_point(sections_.begin(), sections_.end(),
                                          [&](const SectionBytes* s) { return s->address.value() <= address; });
  if (after == sections_.begin()) return nullptr;
  const SectionBytes* section = *std::prev(after);
  return address - section->address.value() < section->size ? section : nullptr;
}

std::span<const uint8_t> ProgramFile::bytes_at(uint64_t address) const {
  const SectionBytes* section = section_at(address);
  if (section == nullptr) return {};
  const uint64_t offset = address - section->address.value();
  return offset < section->bytes.size() ? section->bytes.subspan(offset) : std::span<const uint8_t>();
}

std::optional<uint64_t> ProgramFile::word_at(uint64_t address) const {
  if (const auto relative = symbols_.relative_words(); !relative.empty()) {
    const auto at = std::partition_point(relative.begin(), relative.end(),
                                         [&](const RelativeWord& word) { return word.slot.value() < address; });
    if (at != relative.end() && at->slot.value() == address) return at->address;
  }
  const auto bytes = bytes_at(address);
  if (bytes.size() < 8) return std::nullopt;
  return load<uint64_t>(bytes.data());
}

std::optional<uint32_t> ProgramFile::half_at(uint64_t address) const {
  const auto bytes = bytes_at(address);
  if (bytes.size() < 4) return std::nullopt;
  return load<uint32_t>(bytes.data());
}

std::optional<std::string_view> ProgramFile::text_at(uint64_t address) const {
  const auto bytes = bytes_at(address);
  const auto* end = static_cast<const uint8_t*>(bytes.empty() ? nullptr : memchr(bytes.data(), 0, bytes.size()));
  if (end == nullptr) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(end - bytes.data()));
}

const Import* ProgramFile::import_of(uint64_t slot) const {
  const auto imports = symbols_.imports();
  const auto at = std::partition_point(imports.begin(), imports.end(),
                                       [&](const Import& import) { return import.slot.value() < slot; });
  return at != imports.end() && at->slot.value() == slot ? &*at : nullptr;
}

std::string_view ProgramFile::import_at(uint64_t slot) const {
  const Import* import = import_of(slot);
  return import == nullptr ? std::string_view() : import->name;
}

std::optional<InfoTable> ProgramFile::table_of_closure(uint64_t address) const {
  if (const Import* import = import_of(address)) return libraries_.constructor(import->name);
  const auto header = word_at(address);
  return header && is_info(*header) ? std::optional(info(*header)) : std::nullopt;
}

std::string_view ProgramFile::stub_import(uint64_t address) const {
  // [endbr64] [bnd] jmp *slot(%rip)
  const auto bytes = bytes_at(address);
  for (uint64_t i = 0; i < 8 && i + 6 <= bytes.size(); ++i) {
    if (bytes[i] != 0xff || bytes[i + 1] != 0x25) continue;
    return import_at(address + i + 6 + static_cast<uint64_t>(int64_t{load<int32_t>(bytes.data() + i + 2)}));
  }
  return {};
}

InfoTable ProgramFile::info(uint64_t entry) const {
  InfoTable table;
  table.layout = word_at(entry - 16).value_or(0);
  table.type = half_at(entry - 8).value_or(0);
  table.srt = static_cast<int32_t>(half_at(entry - 4).value_or(0));
  if (ghc::is_function(table.type)) {
    table.fun_type = half_at(entry - 24).value_or(0);
    table.arity = half_at(entry - 20).value_or(0);
    if (table.general()) {
      table.bitmap = word_at(entry - 32).value_or(0);
      table.slow_offset = static_cast<int32_t>(half_at(entry - 40).value_or(0));
    }
  }
  if (ghc::is_constructor(table.type)) {
    const auto offset = static_cast<int32_t>(half_at(entry - 24).value_or(0));
    table.description = text_at(entry + static_cast<uint64_t>(int64_t{offset})).value_or("");
  }
  return table;
}

bool ProgramFile::is_table(uint64_t entry, bool named) const {
  const SectionBytes* section = section_at(entry);
  if (section == nullptr || section->kind != SectionKind::code || entry % 8 != 0) return false;
  if (entry - section->address.value() < kStandardTable) return false;
  const InfoTable table = info(entry);
  if (table.type == 0 || table.type > kMostType) return false;
  const auto srt_is_closure = [&] {
    if (table.srt == 0) return true;
    const SectionBytes* to = section_at(entry + static_cast<uint64_t>(int64_t{table.srt}));
    return to != nullptr && to->kind == SectionKind::data;
  };
  const bool small = table.pointers() < kMostFields && table.others() < kMostFields;
  if (ghc::is_constructor(table.type)) {
    return small && table.srt >= 0 && table.srt < (1 << 20) && table.description.find(':') != std::string_view::npos;
  }
  if (ghc::is_function(table.type)) {
    return small && srt_is_closure() && table.fun_type < kMostFunType && table.arity > 0 && table.arity < 256;
  }
  if (ghc::is_thunk(table.type) || table.type == ghc::kThunkStatic) return small && srt_is_closure();
  if (table.type == ghc::kThunkSelector) return table.layout < kMostFields && srt_is_closure();
  if (table.type == kRetSmall) return (table.layout & 63) <= 58 && srt_is_closure();
  if (table.type == kRetBig || table.type == kRetFun) return srt_is_closure();
  return named;  // the RTS's own kinds
}

void ProgramFile::consider(uint64_t address) {
  if (address % 8 != 0 || !considered_.insert(address, low_) || !is_table(address, false)) return;
  info_set_.insert(address, low_);
  infos_.push_back(address);
}

void ProgramFile::find_infos() {
  const auto refer = [&](uint64_t address) {
    if (address < low_ || address >= high_) return;
    const SectionBytes* section = section_at(address);
    if (section == nullptr) return;
    if (section->kind == SectionKind::code) consider(address);
    if (section->kind == SectionKind::read_only) referenced_.push_back(address);
  };
  for (const SectionBytes* section : sections_) {
    const uint8_t* bytes = section->bytes.data();
    const uint64_t size = section->bytes.size();
    if (section->kind == SectionKind::code) {
      for (uint64_t i = 0; i + 4 <= size; ++i) {
        refer(load<uint32_t>(bytes + i));
        // lea disp32(%rip), and loads: the address is relative to the instruction's end, which is the field's.
        if (i >= 1 && (bytes[i - 1] & 0xc7) == 0x05) {
          refer(section->address.value() + i + 4 + static_cast<uint64_t>(int64_t{load<int32_t>(bytes + i)}));
        }
      }
    } else if (section->kind == SectionKind::data || section->name.starts_with(".rodata")) {
      for (uint64_t i = (8 - section->address.value() % 8) % 8; i + 8 <= size; i += 8) refer(load<uint64_t>(bytes + i));
    }
  }
  for (const RelativeWord& word : symbols_.relative_words()) refer(word.address);
  for (const Symbol& symbol : names_.all()) {
    const uint64_t address = symbol.address.value();
    if (symbol.section == SectionKind::read_only) referenced_.push_back(address);
    if (symbol.section != SectionKind::code || !symbol.name.ends_with("_info") || is_info(address)) continue;
    if (!is_table(address, true)) continue;
    info_set_.insert(address, low_);
    infos_.push_back(address);
  }
  std::sort(infos_.begin(), infos_.end());
  std::sort(referenced_.begin(), referenced_.end());
  referenced_.erase(std::unique(referenced_.begin(), referenced_.end()), referenced_.end());
}

void ProgramFile::find_closures() {
  for (const SectionBytes* section : sections_) {
    if (section->kind != SectionKind::data) continue;
    const uint64_t size = section->bytes.size();
    for (uint64_t i = (8 - section->address.value() % 8) % 8; i + 8 <= size; i += 8) {
      add_closure(load<uint64_t>(section->bytes.data() + i), section->address.value() + i);
    }
  }
  for (const RelativeWord& word : symbols_.relative_words()) {
    const SectionBytes* section = section_at(word.slot.value());
    if (section != nullptr && section->kind == SectionKind::data) add_closure(word.address, word.slot.value());
  }
}

void ProgramFile::add_closure(uint64_t header, uint64_t address) {
  if (header % 8 != 0 || !is_info(header)) return;
  const uint32_t type = info(header).type;
  if (type == ghc::kFunStatic || type == ghc::kThunkStatic) closures_.emplace(header, address);
}

uint64_t ProgramFile::closure_of(uint64_t info) const {
  const auto found = closures_.find(info);
  return found == closures_.end() ? 0 : found->second;
}

uint64_t ProgramFile::next_table_after(uint64_t address) const {
  const auto next = std::upper_bound(infos_.begin(), infos_.end(), address);
  return next == infos_.end() ? high_ : *next - info(*next).words_before();
}

uint64_t ProgramFile::next_referenced(uint64_t address) const {
  const auto next = std::upper_bound(referenced_.begin(), referenced_.end(), address);
  const SectionBytes* section = section_at(address);
  const uint64_t end = section == nullptr ? address : section->address.value() + section->size;
  return next == referenced_.end() ? end : std::min(*next, end);
}

}  // namespace fastboot::reloc
