#include "format/salvage.h"

#include <algorithm>
#include <cstring>

namespace fastboot::format {
namespace {

using wire::Code;
using wire::TableKind;

using wire::kNoteBeforeHeader;

class Salvager {
 public:
  Salvager(std::span<const uint8_t> bytes, uint64_t file_size, const std::string& path, std::vector<Error>* damage)
      : bytes_(bytes), file_size_(file_size), path_(path), damage_(*damage) {}

  Result<wire::View> run() {
    view_.bytes = bytes_.data();
    view_.ehdr = at<Elf64_Ehdr>(0, 1);
    view_.header = find_header();
    if (view_.ehdr == nullptr || view_.header == nullptr) {
      return fail(Code::not_a_snapshot, "no Fastboot header can be found in the file's first bytes", path_);
    }
    find_program_headers();
    find_segments();
    table(TableKind::dynsym, ".dynsym", &view_.symbols, &view_.symbol_count);
    table(TableKind::dynstr, ".dynstr", &view_.strings, &view_.strings_size);
    table(TableKind::rela, ".rela.dyn", &view_.relas, &view_.rela_count);
    table(TableKind::dynamic, ".dynamic", &view_.dynamic, &view_.dynamic_count);
    table(TableKind::targets, ".fastboot.targets", &view_.targets, &view_.target_count);
    table(TableKind::bitmaps, ".fastboot.bitmaps", &view_.bitmaps, &view_.bitmap_count);
    table(TableKind::roots, ".fastboot.roots", &view_.roots, &view_.root_count);
    table(TableKind::needed, ".fastboot.needed", &view_.needed, &view_.needed_count);
    table(TableKind::members, ".fastboot.members", &view_.members, &view_.member_count);
    find_binding();
    return view_;
  }

 private:
  template <class T>
  const T* at(uint64_t offset, uint64_t count) const {
    if (offset % alignof(T) != 0 || offset > bytes_.size() || count > (bytes_.size() - offset) / sizeof(T))
      return nullptr;
    return reinterpret_cast<const T*>(bytes_.data() + offset);
  }

  void report(const char* section, std::string message) {
    damage_.push_back(Error{Code::corrupt, std::move(message), path_, section, std::nullopt});
  }

  // By its owner's name, since the program headers that lead to it may be what is damaged.
  const wire::Header* find_header() const {
    const uint64_t end = std::min<uint64_t>(bytes_.size(), wire::kProbeSize);
    for (uint64_t offset = sizeof(Elf64_Ehdr); offset + kNoteBeforeHeader <= end; offset += 8) {
      if (memcmp(bytes_.data() + offset + sizeof(Elf64_Nhdr), wire::kNoteOwner, sizeof wire::kNoteOwner) == 0) {
        return at<wire::Header>(offset + kNoteBeforeHeader, 1);
      }
    }
    return nullptr;
  }

  void find_program_headers() {
    const Elf64_Ehdr& ehdr = *view_.ehdr;
    if (ehdr.e_phentsize == sizeof(Elf64_Phdr) && ehdr.e_phnum <= 64) {
      view_.phdrs = at<Elf64_Phdr>(ehdr.e_phoff, ehdr.e_phnum);
    }
    if (view_.phdrs == nullptr) report("", "the program headers cannot be read");
  }

  wire::Segment segment_at(uint64_t address) const {
    for (uint16_t i = 0; view_.phdrs != nullptr && i < view_.ehdr->e_phnum; ++i) {
      const Elf64_Phdr& phdr = view_.phdrs[i];
      if (phdr.p_type != PT_LOAD || phdr.p_vaddr != address || phdr.p_offset > file_size_) continue;
      if (phdr.p_vaddr + phdr.p_memsz < phdr.p_vaddr) continue;
      const uint64_t there = std::min({phdr.p_filesz, phdr.p_memsz, file_size_ - phdr.p_offset});
      return {phdr.p_offset, phdr.p_vaddr, there, phdr.p_memsz};
    }
    return {};
  }

  void find_segments() {
    const uint64_t hot = std::min<uint64_t>(view_.header->hot_size, bytes_.size());
    view_.hot = {0, view_.header->slot_address, hot, hot};
    view_.link = segment_at(view_.table(TableKind::link_table).address);
    if (view_.table(TableKind::lazy).size != 0) view_.lazy = segment_at(view_.table(TableKind::lazy).address);
    view_.data = segment_at(view_.table(TableKind::data).address);
    const TableKind first = view_.table(TableKind::rebase).size != 0 ? TableKind::rebase : TableKind::chunk_hashes;
    view_.cold = segment_at(view_.table(first).address);
    // Only what the file holds can be looked at.
    view_.lazy.size = view_.lazy.file_size;
    view_.data.size = view_.data.file_size;
  }

  template <class T>
  void table(TableKind kind, const char* section, const T** out, uint64_t* count) {
    const wire::Table& table = view_.table(kind);
    if (table.size == 0) return;
    *out = at<T>(table.address - view_.header->slot_address, table.count);
    if (*out == nullptr) {
      report(section, fmt::format("{} entries at {:#x} lie outside the {:#x} bytes of metadata that can be read",
                                  table.count, table.address, bytes_.size()));
      return;
    }
    *count = table.count;
  }

  void find_binding() {
    const wire::Table& table = view_.table(TableKind::binding);
    const uint64_t offset = table.address - view_.header->slot_address;
    const auto* header = at<wire::BindingHeader>(offset, 1);
    const uint8_t* all = at<uint8_t>(offset, table.size);
    const bool fits = header != nullptr && all != nullptr && table.size >= sizeof *header &&
                      header->entry_count == view_.target_count && header->strings_size != 0 &&
                      sizeof *header + uint64_t{header->module_count} * sizeof(wire::BindingModule) +
                              uint64_t{header->entry_count} * sizeof(wire::BindingEntry) + header->strings_size ==
                          table.size;
    if (!fits) {
      report(".fastboot.binding", fmt::format("{:#x} bytes at {:#x} are not a binding", table.size, table.address));
      return;
    }
    view_.binding = header;
    view_.modules = reinterpret_cast<const wire::BindingModule*>(header + 1);
    view_.entries = reinterpret_cast<const wire::BindingEntry*>(view_.modules + header->module_count);
    view_.binding_strings = reinterpret_cast<const char*>(view_.entries + header->entry_count);
  }

  std::span<const uint8_t> bytes_;
  uint64_t file_size_;
  const std::string& path_;
  std::vector<Error>& damage_;
  wire::View view_;
};

}  // namespace

Result<wire::View> salvage(std::span<const uint8_t> bytes, uint64_t file_size, const std::string& path,
                           std::vector<Error>* damage) {
  return Salvager(bytes, file_size, path, damage).run();
}

}  // namespace fastboot::format
