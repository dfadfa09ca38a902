#include "fault/damage_fields.h"

#include <elf.h>

#include <algorithm>
#include <cstddef>
#include <stdexcept>

#include "format/wire/parse.h"

namespace fastboot::damage {

using wire::Table;
using wire::TableKind;

namespace {

struct Part {
  const char* name;
  size_t offset, size;
  Class cls;
};
#define PART(type, field, cls) \
  { #field, offsetof(type, field), sizeof(type::field), Class::cls }

constexpr Part kEhdr[] = {{"e_ident", 0, 8, Class::checked},
                          {"e_ident ABI version", 8, 1, Class::written},
                          // ELF tells readers to ignore it.
                          {"e_ident padding", 9, 7, Class::hint},
                          PART(Elf64_Ehdr, e_type, checked),
                          PART(Elf64_Ehdr, e_machine, checked),
                          PART(Elf64_Ehdr, e_version, checked),
                          PART(Elf64_Ehdr, e_entry, checked),
                          PART(Elf64_Ehdr, e_phoff, checked),
                          PART(Elf64_Ehdr, e_shoff, strips),
                          PART(Elf64_Ehdr, e_flags, checked),
                          PART(Elf64_Ehdr, e_ehsize, checked),
                          PART(Elf64_Ehdr, e_phentsize, checked),
                          PART(Elf64_Ehdr, e_phnum, checked),
                          PART(Elf64_Ehdr, e_shentsize, strips),
                          PART(Elf64_Ehdr, e_shnum, strips),
                          PART(Elf64_Ehdr, e_shstrndx, strips)};

// The parts of an image. A thaw maps pages, whatever alignment is asked for.
constexpr Part kLoad[] = {PART(Elf64_Phdr, p_type, checked),   PART(Elf64_Phdr, p_flags, checked),
                          PART(Elf64_Phdr, p_offset, checked), PART(Elf64_Phdr, p_vaddr, checked),
                          PART(Elf64_Phdr, p_paddr, checked),  PART(Elf64_Phdr, p_filesz, checked),
                          PART(Elf64_Phdr, p_memsz, checked),  PART(Elf64_Phdr, p_align, written)};
constexpr Part kNotePhdr[] = {PART(Elf64_Phdr, p_type, checked),   PART(Elf64_Phdr, p_flags, written),
                              PART(Elf64_Phdr, p_offset, checked), PART(Elf64_Phdr, p_vaddr, written),
                              PART(Elf64_Phdr, p_paddr, written),  PART(Elf64_Phdr, p_filesz, checked),
                              PART(Elf64_Phdr, p_memsz, written),  PART(Elf64_Phdr, p_align, written)};
// For ELF tools: what the others lead to, a thaw finds by the header.
constexpr Part kOtherPhdr[] = {PART(Elf64_Phdr, p_type, written),   PART(Elf64_Phdr, p_flags, written),
                               PART(Elf64_Phdr, p_offset, written), PART(Elf64_Phdr, p_vaddr, written),
                               PART(Elf64_Phdr, p_paddr, written),  PART(Elf64_Phdr, p_filesz, written),
                               PART(Elf64_Phdr, p_memsz, written),  PART(Elf64_Phdr, p_align, written)};

constexpr Part kBuildIdNote[] = {{"note header", 0, 16, Class::written}, {"id", 16, 20, Class::written}};
constexpr Part kNote[] = {{"note header", 0, sizeof(Elf64_Nhdr), Class::checked},
                          {"owner", 12, sizeof wire::kNoteOwner, Class::checked},
                          {"padding", 12 + sizeof wire::kNoteOwner, 12 - sizeof wire::kNoteOwner, Class::written}};

constexpr Part kHeader[] = {
    PART(wire::Header, format_major, checked),  // Readers take any.
    PART(wire::Header, format_minor, hint), PART(wire::Header, header_size, checked),
    PART(wire::Header, object_model, checked), PART(wire::Header, metadata_hash, checked),
    // Names the directory of sidecars.
    PART(wire::Header, content_id, told), PART(wire::Header, flags, written), PART(wire::Header, hot_size, checked),
    PART(wire::Header, slot_address, checked), PART(wire::Header, slot_size, told),
    PART(wire::Header, ghc_version, process), PART(wire::Header, rts_way, process), PART(wire::Header, heap, checked),
    PART(wire::Header, closures, told), PART(wire::Header, lazy_closures, told), PART(wire::Header, data_hash, told),
    PART(wire::Header, image_name, checked), PART(wire::Header, table_count, checked)};

constexpr Part kTable[] = {PART(Table, kind, checked), PART(Table, entry_size, checked), PART(Table, address, checked),
                           PART(Table, size, checked), PART(Table, count, checked)};

constexpr Part kSymbol[] = {PART(Elf64_Sym, st_name, written),  PART(Elf64_Sym, st_info, written),
                            PART(Elf64_Sym, st_other, written), PART(Elf64_Sym, st_shndx, written),
                            PART(Elf64_Sym, st_value, written), PART(Elf64_Sym, st_size, written)};
constexpr Part kRela[] = {PART(Elf64_Rela, r_offset, told), PART(Elf64_Rela, r_info, told),
                          PART(Elf64_Rela, r_addend, told)};
constexpr Part kDyn[] = {{"d_tag", 0, 8, Class::written}, {"d_val", 8, 8, Class::written}};
constexpr Part kTarget[] = {
    PART(wire::Target, kind, told),    PART(wire::Target, flags, told),      PART(wire::Target, symbol, told),
    PART(wire::Target, name, told),    PART(wire::Target, parent, told),     PART(wire::Target, closure_type, told),
    PART(wire::Target, con_tag, told), PART(wire::Target, layout, told),     PART(wire::Target, fun_type, told),
    PART(wire::Target, arity, told),   PART(wire::Target, bitmap, told),     PART(wire::Target, info_offset, told),
    PART(wire::Target, uses, told),    PART(wire::Target, fingerprint, told)};
constexpr Part kRoot[] = {
    PART(wire::Root, name, told),     PART(wire::Root, type_name, told),        PART(wire::Root, address, checked),
    PART(wire::Root, size, checked),  PART(wire::Root, type_fingerprint, told), PART(wire::Root, tag, told),
    PART(wire::Root, symbol, checked)};
constexpr Part kNeeded[] = {PART(wire::Needed, name, told),         PART(wire::Needed, content_id, told),
                            PART(wire::Needed, slot_address, told), PART(wire::Needed, size, told),
                            PART(wire::Needed, cross_first, told),  PART(wire::Needed, cross_count, told),
                            PART(wire::Needed, reserved, written)};

// A binding is not part of what the image is, so the content id leaves it out: metadata_hash alone covers it.
constexpr Part kBindingHeader[] = {
    PART(wire::BindingHeader, module_count, checked), PART(wire::BindingHeader, entry_count, checked),
    PART(wire::BindingHeader, strings_size, checked), PART(wire::BindingHeader, reserved, written)};
constexpr Part kModule[] = {PART(wire::BindingModule, build_id, bound), PART(wire::BindingModule, build_id_size, bound),
                            PART(wire::BindingModule, path, written)};
constexpr Part kEntry[] = {PART(wire::BindingEntry, offset, bound), PART(wire::BindingEntry, module, bound),
                           PART(wire::BindingEntry, reserved, written)};
#undef PART

class Lister {
 public:
  explicit Lister(const Bytes& file) : file_(file) {
    wire::Error error;
    if (!wire::parse(file.data(), file.size(), file.size(), true, &view_, &error))
      throw std::runtime_error(error.message);
  }

  std::vector<Field> run() {
    add("ehdr", 0, kEhdr);
    for (uint16_t i = 0; i < view_.ehdr->e_phnum; ++i) program_header(i);
    const auto header = static_cast<size_t>(reinterpret_cast<const uint8_t*>(view_.header) - file_.data());
    add("build-id", header - sizeof(Elf64_Nhdr) - 12 - 36, kBuildIdNote);
    add("note", header - sizeof(Elf64_Nhdr) - 12, kNote);
    add("header", header, kHeader);
    for (uint32_t i = 0; i < wire::kTableCount; ++i) {
      add("table(" + std::to_string(i + 1) + ")", header + offsetof(wire::Header, tables) + i * sizeof(Table), kTable);
    }
    records<Elf64_Sym>(TableKind::dynsym, "dynsym", kSymbol);
    bytes(TableKind::dynstr, "dynstr", Class::told);
    bytes(TableKind::gnu_hash, "gnu_hash", Class::written);
    records<Elf64_Rela>(TableKind::rela, "rela", kRela);
    records<Elf64_Dyn>(TableKind::dynamic, "dynamic", kDyn);
    records<wire::Target>(TableKind::targets, "target", kTarget);
    bytes(TableKind::bitmaps, "bitmaps", Class::told);
    records<wire::Root>(TableKind::roots, "root", kRoot);
    records<wire::Needed>(TableKind::needed, "needed", kNeeded);
    bytes(TableKind::members, "members", Class::told);
    binding();
    return in_order();
  }

 private:
  template <size_t N>
  void add(const std::string& record, size_t at, const Part (&parts)[N]) {
    for (const Part& part : parts) fields_.push_back({record + "." + part.name, at + part.offset, part.size, part.cls});
  }

  void program_header(uint16_t i) {
    const Elf64_Phdr& phdr = view_.phdrs[i];
    const size_t at = view_.ehdr->e_phoff + i * sizeof phdr;
    if (phdr.p_type == PT_LOAD) return add("phdr(load)", at, kLoad);
    if (phdr.p_type == PT_NOTE) return add("phdr(note)", at, kNotePhdr);
    add("phdr(other)", at, kOtherPhdr);
  }

  size_t place(TableKind kind) const { return view_.table(kind).address - view_.hot.address; }
  template <class T, size_t N>
  void records(TableKind kind, const char* name, const Part (&parts)[N]) {
    for (uint64_t i = 0; i < view_.table(kind).count; ++i) add(name, place(kind) + i * sizeof(T), parts);
  }
  void bytes(TableKind kind, const char* name, Class cls) {
    if (view_.table(kind).size != 0) fields_.push_back({name, place(kind), view_.table(kind).size, cls});
  }

  void binding() {
    size_t at = place(TableKind::binding);
    add("binding", at, kBindingHeader);
    at += sizeof(wire::BindingHeader);
    for (uint32_t i = 0; i < view_.binding->module_count; ++i, at += sizeof(wire::BindingModule)) {
      add("module", at, kModule);
    }
    for (uint32_t i = 0; i < view_.binding->entry_count; ++i, at += sizeof(wire::BindingEntry))
      add("entry", at, kEntry);
    fields_.push_back({"binding strings", at, view_.binding->strings_size, Class::hint});
  }

  // Section headers and their names.
  Field tail() const {
    const size_t end = view_.cold.offset + view_.cold.file_size;
    return {"section headers", end, view_.ehdr->e_shoff + view_.ehdr->e_shnum * sizeof(Elf64_Shdr) - end,
            Class::strips};
  }

  // What is between them are zeros that align the next.
  std::vector<Field> in_order() {
    std::sort(fields_.begin(), fields_.end(), [](const Field& a, const Field& b) { return a.offset < b.offset; });
    std::vector<Field> all;
    size_t end = 0;
    for (Field& field : fields_) {
      if (field.offset < end) throw std::runtime_error(field.name + " overlaps " + all.back().name);
      if (field.offset > end) all.push_back({"gap", end, field.offset - end, Class::written});
      end = field.offset + field.size;
      all.push_back(std::move(field));
    }
    if (end > view_.header->hot_size) throw std::runtime_error("fields behind the metadata");
    if (end < view_.header->hot_size) all.push_back({"gap", end, view_.header->hot_size - end, Class::written});
    all.push_back(tail());
    return all;
  }

  const Bytes& file_;
  wire::View view_;
  std::vector<Field> fields_;
};

}  // namespace

const char* class_name(Class cls) {
  constexpr const char* kNames[] = {"checked", "process", "told", "bound", "written", "hint", "strips"};
  return kNames[static_cast<size_t>(cls)];
}

std::vector<Field> fields_of(const Bytes& file) { return Lister(file).run(); }

}  // namespace fastboot::damage
