#include "format/wire/emit.h"

#include "format/wire/hash.h"
#include "format/wire/parse.h"

namespace fastboot::wire {
namespace {

constexpr uint64_t kBuildIdNoteSize = sizeof(Elf64_Nhdr) + 4 + kContentIdSize;
constexpr uint64_t kNoteNameSize = 12;  // "Fastboot" with its NUL, padded to 4
constexpr uint64_t kFastbootNoteSize = sizeof(Elf64_Nhdr) + kNoteNameSize + sizeof(Header);
constexpr uint64_t kSignatureNoteSize = sizeof(Elf64_Nhdr) + kNoteNameSize + sizeof(Signature);
static_assert(kFastbootNoteSize % 4 == 0 && kSignatureNoteSize % 4 == 0);

// Our own notes: the header's, and the signature's.
uint64_t own_notes_size(const SnapshotInput& input) {
  return kFastbootNoteSize + (input.signature == nullptr ? 0 : kSignatureNoteSize);
}
constexpr uint16_t kMaxSegments = 10;

// Sections in file order. What is absent in a given snapshot has index 0.
enum Section : uint32_t {
  kSecNull,
  kSecBuildId,
  kSecNote,
  kSecGnuHash,
  kSecDynsym,
  kSecDynstr,
  kSecRela,
  kSecDynamic,
  kSecTargets,
  kSecBitmaps,
  kSecRoots,
  kSecNeeded,
  kSecMembers,
  kSecBinding,
  kSecGot,
  kSecInfo,
  kSecLazy,
  kSecData,
  kSecRebase,
  kSecCross,
  kSecHash,
  kSecShstrtab,
  kSectionCount
};

constexpr const char* kSectionNames[kSectionCount] = {"",
                                                      ".note.gnu.build-id",
                                                      ".note.fastboot",
                                                      ".gnu.hash",
                                                      ".dynsym",
                                                      ".dynstr",
                                                      ".rela.dyn",
                                                      ".dynamic",
                                                      ".fastboot.targets",
                                                      ".fastboot.bitmaps",
                                                      ".fastboot.roots",
                                                      ".fastboot.needed",
                                                      ".fastboot.members",
                                                      ".fastboot.binding",
                                                      ".got",
                                                      ".fastboot.info",
                                                      ".fastboot.lazy",
                                                      ".fastboot.data",
                                                      ".fastboot.rebase",
                                                      ".fastboot.cross",
                                                      ".fastboot.hash",
                                                      ".shstrtab"};

uint32_t string_hash(const char* name) {
  uint32_t hash = 5381;  // the GNU hash function of .gnu.hash
  for (; *name != '\0'; ++name) hash = hash * 33 + static_cast<uint8_t>(*name);
  return hash;
}

// Finds a symbol name among those already given out, so that there is one symbol for each distinct name.
class NameTable {
 public:
  explicit NameTable(uint64_t expected) {
    while (mask_ + 1 < expected * 2) mask_ = mask_ * 2 + 1;
    slots_.grow((mask_ + 1) * sizeof(uint32_t));
  }
  bool failed() const { return slots_.failed(); }

  // Returns the symbol index of `name`, or 0 after recording `index` for it.
  uint32_t find_or_add(const char* name, uint32_t index, const Buffer& symbols, const Buffer& strings) {
    auto* slots = slots_.at<uint32_t>(0);
    for (uint64_t i = string_hash(name) & mask_;; i = (i + 1) & mask_) {
      if (slots[i] == 0) {
        slots[i] = index;
        return 0;
      }
      const auto* symbol = reinterpret_cast<const Elf64_Sym*>(symbols.data()) + slots[i];
      if (strcmp(reinterpret_cast<const char*>(strings.data()) + symbol->st_name, name) == 0) return slots[i];
    }
  }

 private:
  uint64_t mask_ = 15;
  Buffer slots_;
};

// The parts of the hot metadata whose sizes do not follow from counts alone.
struct Parts {
  Buffer strings, symbols, targets, roots, needed, members, binding, hash;
  uint32_t soname = 0;
  uint32_t undefined_symbols = 0;  // with the null symbol

  bool failed() const {
    return strings.failed() || symbols.failed() || targets.failed() || roots.failed() || needed.failed() ||
           members.failed() || binding.failed() || hash.failed();
  }
};

void add_symbol(Parts* parts, const char* name, uint8_t type, uint16_t section, uint64_t value, uint64_t size) {
  Elf64_Sym symbol = {};
  symbol.st_name = parts->strings.append_string(name);
  symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, type);
  symbol.st_shndx = section;
  symbol.st_value = value;
  symbol.st_size = size;
  parts->symbols.append(&symbol, sizeof symbol);
}

void build_targets(const SnapshotInput& input, Parts* parts) {
  NameTable names(input.target_count + 1);
  if (names.failed()) return;
  for (uint64_t i = 0; i < input.target_count; ++i) {
    const TargetInput& target = input.targets[i];
    char numbered[32];
    const char* name = target.symbol;
    if (name == nullptr) {
      snprintf(numbered, sizeof numbered, "fb.t.%llu", static_cast<unsigned long long>(i));
      name = numbered;
    }
    const auto next = static_cast<uint32_t>(parts->symbols.size() / sizeof(Elf64_Sym));
    uint32_t symbol = names.find_or_add(name, next, parts->symbols, parts->strings);
    if (symbol == 0) {
      const auto kind = static_cast<TargetKind>(target.record.kind);
      const bool object = kind == TargetKind::static_closure || kind == TargetKind::static_root;
      add_symbol(parts, name, object ? STT_OBJECT : STT_NOTYPE, SHN_UNDEF, 0, 0);
      symbol = next;
    }
    Target record = target.record;
    record.symbol = symbol;
    record.name = target.name == nullptr ? 0 : parts->strings.append_string(target.name);
    parts->targets.append(&record, sizeof record);
  }
}

uint16_t section_of(const SnapshotInput& input, const Layout& layout, uint64_t address, const uint32_t* index) {
  const bool lazy = address >= layout.lazy_address && address < layout.lazy_address + input.lazy_size;
  return static_cast<uint16_t>(lazy ? index[kSecLazy] : index[kSecData]);
}

void build_roots(const SnapshotInput& input, const Layout& layout, const uint32_t* section_index, Parts* parts) {
  for (uint64_t i = 0; i < input.root_count; ++i) {
    const RootInput& root = input.roots[i];
    Root record = {};
    record.name = parts->strings.append_string(root.name);
    record.type_name = parts->strings.append_string(root.type_name);
    record.address = root.address;
    record.size = root.size;
    record.type_fingerprint[0] = root.type_fingerprint[0];
    record.type_fingerprint[1] = root.type_fingerprint[1];
    record.tag = root.tag;
    record.symbol = static_cast<uint32_t>(parts->symbols.size() / sizeof(Elf64_Sym));
    // "fb.root.NAME": a root called `index` would otherwise be libc's.
    const char prefix[] = "fb.root.";
    Elf64_Sym symbol = {};
    symbol.st_name = static_cast<uint32_t>(parts->strings.append(prefix, sizeof prefix - 1));
    parts->strings.append_string(root.name);
    symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT);
    symbol.st_shndx = section_of(input, layout, root.address, section_index);
    symbol.st_value = root.address;
    symbol.st_size = root.size;
    parts->symbols.append(&symbol, sizeof symbol);
    parts->roots.append(&record, sizeof record);
  }
}

// Words of all cross streams.
uint64_t cross_words(const SnapshotInput& input) {
  uint64_t words = 0;
  for (uint64_t i = 0; i < input.needed_count; ++i) words += input.needed[i].record.cross_count;
  return words;
}

void build_needed(const SnapshotInput& input, Parts* parts) {
  uint64_t first = 0;
  for (uint64_t i = 0; i < input.needed_count; ++i) {
    Needed record = input.needed[i].record;
    record.name = parts->strings.append_string(input.needed[i].name);
    record.cross_first = first;
    first += record.cross_count;
    parts->needed.append(&record, sizeof record);
  }
  for (uint64_t i = 0; i < input.member_count; ++i) {
    Member record = input.members[i].record;
    record.name = parts->strings.append_string(input.members[i].name);
    parts->members.append(&record, sizeof record);
  }
}

// .gnu.hash over the defined symbols, which stand last. One bucket: a snapshot has a handful of roots, and nothing
// looks them up through the dynamic loader.
void build_gnu_hash(Parts* parts) {
  const auto total = static_cast<uint32_t>(parts->symbols.size() / sizeof(Elf64_Sym));
  const uint32_t first = parts->undefined_symbols;
  const uint32_t words[4] = {1, first, 1, 6};  // buckets, first hashed symbol, bloom words, bloom shift
  parts->hash.append(words, sizeof words);
  uint64_t bloom = 0;
  for (uint32_t i = first; i < total; ++i) {
    const uint32_t hash = string_hash(parts->strings.at<char>(parts->symbols.at<Elf64_Sym>(0)[i].st_name));
    bloom |= uint64_t{1} << (hash % 64) | uint64_t{1} << ((hash >> 6) % 64);
  }
  parts->hash.append(&bloom, sizeof bloom);
  const uint32_t bucket = first < total ? first : 0;
  parts->hash.append(&bucket, sizeof bucket);
  for (uint32_t i = first; i < total; ++i) {
    uint32_t hash = string_hash(parts->strings.at<char>(parts->symbols.at<Elf64_Sym>(0)[i].st_name)) & ~1u;
    if (i + 1 == total) hash |= 1;
    parts->hash.append(&hash, sizeof hash);
  }
}

void number_sections(const SnapshotInput& input, uint32_t index[kSectionCount]) {
  uint32_t next = 0;
  for (uint32_t i = 0; i < kSectionCount; ++i) {
    const bool absent = (i == kSecBitmaps && input.bitmap_count == 0) || (i == kSecLazy && input.lazy_size == 0) ||
                        (i == kSecInfo && input.info_size == 0) ||
                        ((i == kSecNeeded || i == kSecCross) && input.needed_count == 0) ||
                        (i == kSecMembers && input.member_count == 0);
    index[i] = absent ? 0 : next++;
  }
}

bool build_parts(const SnapshotInput& input, const Layout& layout, Parts* parts, Error* error) {
  uint32_t section_index[kSectionCount];
  number_sections(input, section_index);
  parts->strings.grow(1);  // offset 0 is the empty string
  parts->symbols.grow(sizeof(Elf64_Sym));
  parts->soname = parts->strings.append_string(input.image_name);
  build_targets(input, parts);
  parts->undefined_symbols = static_cast<uint32_t>(parts->symbols.size() / sizeof(Elf64_Sym));
  build_roots(input, layout, section_index, parts);
  build_needed(input, parts);
  emit_binding(input, &parts->binding);
  if (!parts->failed()) build_gnu_hash(parts);
  if (parts->failed()) return fail(error, Code::out_of_memory, "no memory for the snapshot's metadata");
  if (parts->strings.size() > UINT32_MAX) {
    return fail(error, Code::image_too_large, "names take %llu bytes, and the format holds 4 GiB",
                static_cast<unsigned long long>(parts->strings.size()));
  }
  return true;
}

uint16_t segment_count(const SnapshotInput& input) {
  // PHDR, hot, link, data, cold, DYNAMIC, NOTE, GNU_STACK, and lazy where there is one
  return static_cast<uint16_t>(input.lazy_size == 0 ? 8 : 9);
}

// Offsets of the pieces of the hot metadata.
struct Hot {
  uint64_t build_id, note, hash, symbols, strings, rela, dynamic, targets, bitmaps, roots, needed, members, binding,
      end;
  uint64_t rela_count, dynamic_count;
};

Hot plan_hot(const SnapshotInput& input, const Parts& parts) {
  Hot hot = {};
  hot.build_id = sizeof(Elf64_Ehdr) + segment_count(input) * sizeof(Elf64_Phdr);
  hot.note = round_up(hot.build_id + kBuildIdNoteSize, 8);
  // The build-id's note must end where the other begins, for the two are one PT_NOTE: 36 bytes, so start it at 4 mod 8.
  hot.build_id = hot.note - kBuildIdNoteSize;
  hot.hash = hot.note + own_notes_size(input);
  hot.hash = round_up(hot.hash, 8);
  hot.symbols = round_up(hot.hash + parts.hash.size(), 8);
  hot.strings = hot.symbols + parts.symbols.size();
  hot.rela = round_up(hot.strings + parts.strings.size(), 8);
  hot.rela_count = input.target_count + input.raw_count;
  hot.dynamic = hot.rela + hot.rela_count * sizeof(Elf64_Rela);
  hot.dynamic_count = 12 + input.needed_count;
  hot.targets = hot.dynamic + hot.dynamic_count * sizeof(Elf64_Dyn);
  hot.bitmaps = hot.targets + parts.targets.size();
  hot.roots = hot.bitmaps + input.bitmap_count * 8;
  hot.needed = hot.roots + parts.roots.size();
  hot.members = hot.needed + parts.needed.size();
  hot.binding = hot.members + parts.members.size();
  hot.end = hot.binding + parts.binding.size();
  return hot;
}

uint64_t cold_size(const Layout& layout) { return layout.rebase_size + layout.cross_size + layout.hashes_size; }

void plan_segments(const SnapshotInput& input, const Hot& hot, Layout* layout) {
  const uint64_t slot = input.slot_address;
  constexpr uint64_t kMegablock = uint64_t{1} << 20;
  layout->hot_size = hot.end;
  layout->link_offset = round_up(hot.end, kPageSize);
  const uint64_t link = layout->link_offset > kLinkOffset ? layout->link_offset : kLinkOffset;
  const uint64_t words = round_up(input.target_count * 8, kInfoAlign);
  layout->link_address = slot + link;
  layout->link_table_size = words > kMinLinkTable ? words : kMinLinkTable;
  layout->info_address = layout->link_address + layout->link_table_size;
  // The segment takes whole pages; one, as a rule: each that a thaw writes to costs it a page fault.
  layout->info_size = round_up(layout->link_table_size + input.info_size, kPageSize) - layout->link_table_size;
  uint64_t address = layout->info_address + layout->info_size;
  uint64_t offset = round_up(layout->link_offset + layout->link_table_size, kPageSize);
  if (input.lazy_size != 0) {
    address = round_up(address, kMegablock);
    layout->lazy_offset = offset;
    layout->lazy_address = address;
    offset += input.lazy_size;
    address += input.lazy_size;
  }
  layout->data_address = round_up(address, kHugePageSize);
  layout->data_offset = input.data_size >= kHugePageSize ? round_up(offset, kHugePageSize) : offset;
  layout->cold_offset = layout->data_offset + input.data_size;
  layout->cold_address = layout->data_address + input.data_size;
  layout->rebase_size = input.rebase_size;
  layout->cross_size = cross_words(input) * 8;
  layout->hashes_size = (chunk_count(input.lazy_size) + chunk_count(input.data_size) + chunk_count(input.rebase_size) +
                         chunk_count(layout->cross_size)) *
                        kHashSize;
  layout->tail_offset = layout->cold_offset + cold_size(*layout);
  const uint64_t end = layout->cold_address + cold_size(*layout) - slot;
  layout->slot_size = input.slot_size != 0 ? input.slot_size : round_up(end, kSlotUnit);
}

uint64_t section_names_size(const uint32_t index[kSectionCount]) {
  uint64_t size = 0;
  for (uint32_t i = 0; i < kSectionCount; ++i) {
    if (i == 0 || index[i] != 0) size += strlen(kSectionNames[i]) + 1;
  }
  return size;
}

bool plan_all(const SnapshotInput& input, Layout* layout, Parts* parts, Hot* hot, Error* error) {
  if (input.data_size % kPageSize != 0 || input.lazy_size % kPageSize != 0 || input.rebase_size % 8 != 0) {
    return fail(error, Code::bad_argument, "segment sizes must be whole pages, and the rebase stream whole words");
  }
  *layout = Layout{};
  if (!build_parts(input, *layout, parts, error)) return false;
  *hot = plan_hot(input, *parts);
  plan_segments(input, *hot, layout);
  uint32_t index[kSectionCount];
  number_sections(input, index);
  const uint64_t headers = round_up(layout->tail_offset + section_names_size(index), 8);
  layout->file_size = round_up(headers + (index[kSecShstrtab] + 1) * sizeof(Elf64_Shdr), kPageSize);
  const uint64_t end = layout->cold_address + cold_size(*layout) - input.slot_address;
  if (end > layout->slot_size) {
    return fail(error, Code::image_too_large,
                "the image takes 0x%llx bytes, and its slot has 0x%llx; give it a larger slot",
                static_cast<unsigned long long>(end), static_cast<unsigned long long>(layout->slot_size));
  }
  return true;
}

void put_program_headers(const SnapshotInput& input, const Layout& layout, const Hot& hot, Buffer* out) {
  const uint64_t slot = input.slot_address;
  Elf64_Phdr list[kMaxSegments] = {};
  uint16_t n = 0;
  const auto add = [&](uint32_t type, uint32_t flags, uint64_t offset, uint64_t address, uint64_t file_size,
                       uint64_t size, uint64_t align) {
    list[n++] = Elf64_Phdr{type, flags, offset, address, address, file_size, size, align};
  };
  const uint64_t headers = segment_count(input) * sizeof(Elf64_Phdr);
  add(PT_PHDR, PF_R, sizeof(Elf64_Ehdr), slot + sizeof(Elf64_Ehdr), headers, headers, 8);
  add(PT_LOAD, PF_R, 0, slot, hot.end, hot.end, kPageSize);
  add(PT_LOAD, PF_R | PF_W, layout.link_offset, layout.link_address, layout.link_table_size,
      layout.link_table_size + layout.info_size, kPageSize);
  if (input.lazy_size != 0) {
    add(PT_LOAD, PF_R | PF_W, layout.lazy_offset, layout.lazy_address, input.lazy_size, input.lazy_size, kPageSize);
  }
  add(PT_LOAD, PF_R, layout.data_offset, layout.data_address, input.data_size, input.data_size,
      input.data_size >= kHugePageSize ? kHugePageSize : kPageSize);
  const uint64_t cold = cold_size(layout);
  add(PT_LOAD, PF_R, layout.cold_offset, layout.cold_address, cold, cold, kPageSize);
  const uint64_t dynamic = hot.dynamic_count * sizeof(Elf64_Dyn);
  add(PT_DYNAMIC, PF_R, hot.dynamic, slot + hot.dynamic, dynamic, dynamic, 8);
  const uint64_t notes = kBuildIdNoteSize + own_notes_size(input);
  add(PT_NOTE, PF_R, hot.build_id, slot + hot.build_id, notes, notes, 4);
  add(PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 16);
  memcpy(out->at<uint8_t>(sizeof(Elf64_Ehdr)), list, headers);
}

void put_elf_header(const SnapshotInput& input, const Layout& layout, uint64_t section_headers, uint16_t sections,
                    Buffer* out) {
  auto* ehdr = out->at<Elf64_Ehdr>(0);
  memcpy(ehdr->e_ident, ELFMAG, SELFMAG);
  ehdr->e_ident[EI_CLASS] = ELFCLASS64;
  ehdr->e_ident[EI_DATA] = ELFDATA2LSB;
  ehdr->e_ident[EI_VERSION] = EV_CURRENT;
  ehdr->e_ident[EI_OSABI] = ELFOSABI_NONE;
  ehdr->e_type = ET_DYN;
  ehdr->e_machine = EM_X86_64;
  ehdr->e_version = EV_CURRENT;
  ehdr->e_phoff = sizeof(Elf64_Ehdr);
  ehdr->e_shoff = section_headers;
  ehdr->e_ehsize = sizeof(Elf64_Ehdr);
  ehdr->e_phentsize = sizeof(Elf64_Phdr);
  ehdr->e_phnum = segment_count(input);
  ehdr->e_shentsize = sizeof(Elf64_Shdr);
  ehdr->e_shnum = sections;
  ehdr->e_shstrndx = static_cast<uint16_t>(sections - 1);
  static_cast<void>(layout);
}

void put_relocations(const SnapshotInput& input, const Layout& layout, const Hot& hot, Parts* parts, Buffer* out) {
  auto* rela = out->at<Elf64_Rela>(hot.rela);
  const auto* targets = parts->targets.at<Target>(0);
  for (uint64_t i = 0; i < input.target_count; ++i) {
    *rela++ = Elf64_Rela{layout.link_address + i * 8, ELF64_R_INFO(uint64_t{targets[i].symbol}, R_X86_64_GLOB_DAT), 0};
  }
  for (uint64_t i = 0; i < input.raw_count; ++i) {
    const RawReference& raw = input.raws[i];
    *rela++ = Elf64_Rela{raw.address, ELF64_R_INFO(uint64_t{targets[raw.target].symbol}, R_X86_64_64), raw.addend};
  }
}

void put_dynamic(const SnapshotInput& input, const Hot& hot, Parts& parts, Buffer* out) {
  const uint64_t slot = input.slot_address;
  const struct {
    int64_t tag;
    uint64_t value;
  } list[] = {{DT_SONAME, parts.soname},
              {DT_GNU_HASH, slot + hot.hash},
              {DT_STRTAB, slot + hot.strings},
              {DT_SYMTAB, slot + hot.symbols},
              {DT_STRSZ, parts.strings.size()},
              {DT_SYMENT, sizeof(Elf64_Sym)},
              {DT_RELA, slot + hot.rela},
              {DT_RELASZ, hot.rela_count * sizeof(Elf64_Rela)},
              {DT_RELAENT, sizeof(Elf64_Rela)},
              // Raw references are relocations in read-only data: tools want to be told.
              {DT_FLAGS, uint64_t{DF_BIND_NOW} | (input.raw_count == 0 ? 0 : DF_TEXTREL)},
              {DT_FLAGS_1, DF_1_NOOPEN}};
  static_assert(sizeof list / sizeof list[0] == 11);  // and the one that ends the table
  auto* dynamic = out->at<Elf64_Dyn>(hot.dynamic);
  const auto put = [&](int64_t tag, uint64_t value) {
    dynamic->d_tag = tag;
    dynamic->d_un.d_val = value;
    ++dynamic;
  };
  put(list[0].tag, list[0].value);
  for (uint64_t i = 0; i < input.needed_count; ++i) put(DT_NEEDED, parts.needed.at<Needed>(0)[i].name);
  for (uint64_t i = 1; i < sizeof list / sizeof list[0]; ++i) put(list[i].tag, list[i].value);
}

void fill_tables(const SnapshotInput& input, const Layout& layout, const Hot& hot, const Parts& parts, Header* header) {
  const uint64_t slot = input.slot_address;
  const auto put = [&](TableKind kind, uint64_t address, uint32_t entry_size, uint64_t size) {
    Table& table = header->tables[static_cast<uint32_t>(kind) - 1];
    table.kind = static_cast<uint32_t>(kind);
    table.entry_size = entry_size;
    table.address = size == 0 ? 0 : address;
    table.size = size;
    table.count = size / entry_size;
  };
  put(TableKind::dynsym, slot + hot.symbols, sizeof(Elf64_Sym), parts.symbols.size());
  put(TableKind::dynstr, slot + hot.strings, 1, parts.strings.size());
  put(TableKind::gnu_hash, slot + hot.hash, 1, parts.hash.size());
  put(TableKind::rela, slot + hot.rela, sizeof(Elf64_Rela), hot.rela_count * sizeof(Elf64_Rela));
  put(TableKind::dynamic, slot + hot.dynamic, sizeof(Elf64_Dyn), hot.dynamic_count * sizeof(Elf64_Dyn));
  put(TableKind::targets, slot + hot.targets, sizeof(Target), parts.targets.size());
  put(TableKind::bitmaps, slot + hot.bitmaps, 8, input.bitmap_count * 8);
  put(TableKind::roots, slot + hot.roots, sizeof(Root), parts.roots.size());
  put(TableKind::binding, slot + hot.binding, 1, parts.binding.size());
  put(TableKind::link_table, layout.link_address, 8, layout.link_table_size);
  header->tables[static_cast<uint32_t>(TableKind::link_table) - 1].count = input.target_count;
  put(TableKind::info, layout.info_address, 1, input.info_size);
  put(TableKind::lazy, layout.lazy_address, 1, input.lazy_size);
  put(TableKind::data, layout.data_address, 1, input.data_size);
  put(TableKind::rebase, layout.cold_address, 8, layout.rebase_size);
  put(TableKind::chunk_hashes, layout.cold_address + layout.rebase_size + layout.cross_size, kHashSize,
      layout.hashes_size);
  put(TableKind::needed, slot + hot.needed, sizeof(Needed), parts.needed.size());
  put(TableKind::cross, layout.cold_address + layout.rebase_size, 8, layout.cross_size);
  put(TableKind::members, slot + hot.members, sizeof(Member), parts.members.size());
}

void put_notes(const SnapshotInput& input, const Layout& layout, const Hot& hot, const Parts& parts,
               const uint8_t* chunk_hashes, Buffer* out) {
  auto* build_id = out->at<Elf64_Nhdr>(hot.build_id);
  *build_id = Elf64_Nhdr{4, kContentIdSize, NT_GNU_BUILD_ID};
  memcpy(build_id + 1, "GNU", 4);
  auto* note = out->at<Elf64_Nhdr>(hot.note);
  *note = Elf64_Nhdr{sizeof kNoteOwner, sizeof(Header), kNoteType};
  memcpy(note + 1, kNoteOwner, sizeof kNoteOwner);

  if (input.signature != nullptr) {
    auto* signature = out->at<Elf64_Nhdr>(hot.note + kFastbootNoteSize);
    *signature = Elf64_Nhdr{sizeof kNoteOwner, sizeof(Signature), kSignatureNoteType};
    memcpy(signature + 1, kNoteOwner, sizeof kNoteOwner);
    memcpy(reinterpret_cast<uint8_t*>(signature + 1) + kNoteNameSize, input.signature, sizeof(Signature));
  }

  auto* header = out->at<Header>(hot.note + sizeof(Elf64_Nhdr) + kNoteNameSize);
  header->format_major = kFormatMajor;
  header->format_minor = kFormatMinor;
  header->header_size = sizeof(Header);
  header->object_model = static_cast<uint32_t>(input.object_model);
  header->hot_size = hot.end;
  header->slot_address = input.slot_address;
  header->slot_size = layout.slot_size;
  header->ghc_version = input.ghc_version;
  header->rts_way = input.rts_way;
  header->heap = input.heap;
  header->closures = input.closures;
  header->lazy_closures = input.lazy_closures;
  hash128(chunk_hashes, layout.hashes_size, header->data_hash);
  header->image_name = parts.soname;
  header->table_count = kTableCount;
  fill_tables(input, layout, hot, parts, header);
}

// Content id first, for the metadata hash covers it.
bool seal(const Hot& hot, uint64_t file_size, Buffer* out, Error* error) {
  View view;
  if (!parse(out->data(), out->size(), file_size, false, &view, error)) return false;
  const uint64_t at = hot.note + sizeof(Elf64_Nhdr) + kNoteNameSize;
  auto* header = out->at<Header>(at);
  content_id(view, header->content_id);
  memcpy(out->data() + hot.build_id + sizeof(Elf64_Nhdr) + 4, header->content_id, kContentIdSize);
  metadata_hash(out->data(), hot.end, at, header->metadata_hash);
  return true;
}

struct SectionWriter {
  Elf64_Shdr list[kSectionCount] = {};
  uint32_t count = 0;
  Buffer names;

  void add(Section section, uint32_t type, uint64_t flags, uint64_t address, uint64_t offset, uint64_t size,
           uint32_t link, uint32_t info, uint64_t align, uint64_t entry_size) {
    Elf64_Shdr& header = list[count++];
    header.sh_name = names.append_string(kSectionNames[section]);
    header.sh_type = type;
    header.sh_flags = flags;
    header.sh_addr = address;
    header.sh_offset = offset;
    header.sh_size = size;
    header.sh_link = link;
    header.sh_info = info;
    header.sh_addralign = align;
    header.sh_entsize = entry_size;
  }
};

void list_sections(const SnapshotInput& input, const Layout& layout, const Hot& hot, const Parts& parts,
                   SectionWriter* out) {
  const uint64_t slot = input.slot_address;
  uint32_t index[kSectionCount];
  number_sections(input, index);
  const auto hot_section = [&](Section section, uint32_t type, uint64_t offset, uint64_t size, uint32_t link,
                               uint32_t info, uint64_t align, uint64_t entry_size) {
    out->add(section, type, SHF_ALLOC, slot + offset, offset, size, link, info, align, entry_size);
  };
  out->add(kSecNull, SHT_NULL, 0, 0, 0, 0, 0, 0, 0, 0);
  hot_section(kSecBuildId, SHT_NOTE, hot.build_id, kBuildIdNoteSize, 0, 0, 4, 0);
  hot_section(kSecNote, SHT_NOTE, hot.note, own_notes_size(input), 0, 0, 4, 0);
  hot_section(kSecGnuHash, SHT_GNU_HASH, hot.hash, parts.hash.size(), index[kSecDynsym], 0, 8, 0);
  hot_section(kSecDynsym, SHT_DYNSYM, hot.symbols, parts.symbols.size(), index[kSecDynstr], 1, 8, sizeof(Elf64_Sym));
  hot_section(kSecDynstr, SHT_STRTAB, hot.strings, parts.strings.size(), 0, 0, 1, 0);
  hot_section(kSecRela, SHT_RELA, hot.rela, hot.rela_count * sizeof(Elf64_Rela), index[kSecDynsym], 0, 8,
              sizeof(Elf64_Rela));
  hot_section(kSecDynamic, SHT_DYNAMIC, hot.dynamic, hot.dynamic_count * sizeof(Elf64_Dyn), index[kSecDynstr], 0, 8,
              sizeof(Elf64_Dyn));
  hot_section(kSecTargets, SHT_PROGBITS, hot.targets, parts.targets.size(), 0, 0, 8, 0);
  if (index[kSecBitmaps] != 0) hot_section(kSecBitmaps, SHT_PROGBITS, hot.bitmaps, input.bitmap_count * 8, 0, 0, 8, 0);
  hot_section(kSecRoots, SHT_PROGBITS, hot.roots, parts.roots.size(), 0, 0, 8, 0);
  if (index[kSecNeeded] != 0) hot_section(kSecNeeded, SHT_PROGBITS, hot.needed, parts.needed.size(), 0, 0, 8, 0);
  if (index[kSecMembers] != 0) hot_section(kSecMembers, SHT_PROGBITS, hot.members, parts.members.size(), 0, 0, 8, 0);
  hot_section(kSecBinding, SHT_PROGBITS, hot.binding, parts.binding.size(), 0, 0, 8, 0);
  out->add(kSecGot, SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, layout.link_address, layout.link_offset,
           layout.link_table_size, 0, 0, 8, 8);
  if (index[kSecInfo] != 0) {
    out->add(kSecInfo, SHT_NOBITS, SHF_ALLOC, layout.info_address, layout.link_offset + layout.link_table_size,
             layout.info_size, 0, 0, kInfoAlign, 0);
  }
  if (index[kSecLazy] != 0) {
    out->add(kSecLazy, SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, layout.lazy_address, layout.lazy_offset, input.lazy_size, 0,
             0, kPageSize, 0);
  }
  out->add(kSecData, SHT_PROGBITS, SHF_ALLOC, layout.data_address, layout.data_offset, input.data_size, 0, 0, kPageSize,
           0);
  out->add(kSecRebase, SHT_PROGBITS, SHF_ALLOC, layout.cold_address, layout.cold_offset, layout.rebase_size, 0, 0, 8,
           0);
  const uint64_t hashes = layout.rebase_size + layout.cross_size;
  if (index[kSecCross] != 0) {
    out->add(kSecCross, SHT_PROGBITS, SHF_ALLOC, layout.cold_address + layout.rebase_size,
             layout.cold_offset + layout.rebase_size, layout.cross_size, 0, 0, 8, 0);
  }
  out->add(kSecHash, SHT_PROGBITS, SHF_ALLOC, layout.cold_address + hashes, layout.cold_offset + hashes,
           layout.hashes_size, 0, 0, 8, 0);
}

uint16_t put_tail(const SnapshotInput& input, const Layout& layout, const Hot& hot, const Parts& parts, Buffer* tail,
                  uint64_t* headers_offset) {
  SectionWriter sections;
  list_sections(input, layout, hot, parts, &sections);
  const uint64_t names_size = sections.names.size() + strlen(kSectionNames[kSecShstrtab]) + 1;
  sections.add(kSecShstrtab, SHT_STRTAB, 0, 0, layout.tail_offset, names_size, 0, 0, 1, 0);
  tail->append(sections.names.data(), sections.names.size());
  tail->grow(round_up(layout.tail_offset + tail->size(), 8) - layout.tail_offset - tail->size());
  *headers_offset = layout.tail_offset + tail->size();
  tail->append(sections.list, sections.count * sizeof(Elf64_Shdr));
  tail->grow(layout.file_size - layout.tail_offset - tail->size());
  return static_cast<uint16_t>(sections.count);
}

}  // namespace

bool plan(const SnapshotInput& input, Layout* layout, Error* error) {
  Parts parts;
  Hot hot;
  return plan_all(input, layout, &parts, &hot, error);
}

bool emit(const SnapshotInput& input, const Layout& layout, const uint8_t* chunk_hashes, Buffer* out, Buffer* tail,
          Error* error) {
  Parts parts;
  if (!build_parts(input, layout, &parts, error)) return false;
  const Hot hot = plan_hot(input, parts);
  if (hot.end != layout.hot_size) {
    return fail(error, Code::bad_argument, "the metadata takes %llu bytes, and %llu were planned",
                static_cast<unsigned long long>(hot.end), static_cast<unsigned long long>(layout.hot_size));
  }
  out->grow(hot.end);
  uint64_t section_headers = 0;
  const uint16_t sections = put_tail(input, layout, hot, parts, tail, &section_headers);
  if (out->failed() || tail->failed()) return fail(error, Code::out_of_memory, "no memory for the snapshot's metadata");
  put_elf_header(input, layout, section_headers, sections, out);
  put_program_headers(input, layout, hot, out);
  put_notes(input, layout, hot, parts, chunk_hashes, out);
  memcpy(out->data() + hot.hash, parts.hash.data(), parts.hash.size());
  memcpy(out->data() + hot.symbols, parts.symbols.data(), parts.symbols.size());
  memcpy(out->data() + hot.strings, parts.strings.data(), parts.strings.size());
  put_relocations(input, layout, hot, &parts, out);
  put_dynamic(input, hot, parts, out);
  if (parts.targets.size() != 0) memcpy(out->data() + hot.targets, parts.targets.data(), parts.targets.size());
  if (input.bitmap_count != 0) memcpy(out->data() + hot.bitmaps, input.bitmaps, input.bitmap_count * 8);
  if (parts.roots.size() != 0) memcpy(out->data() + hot.roots, parts.roots.data(), parts.roots.size());
  if (parts.needed.size() != 0) memcpy(out->data() + hot.needed, parts.needed.data(), parts.needed.size());
  if (parts.members.size() != 0) memcpy(out->data() + hot.members, parts.members.data(), parts.members.size());
  memcpy(out->data() + hot.binding, parts.binding.data(), parts.binding.size());
  return seal(hot, layout.file_size, out, error);
}

void emit_binding(const SnapshotInput& input, Buffer* out) {
  BindingHeader header = {};
  header.module_count = static_cast<uint32_t>(input.module_count);
  const uint64_t entries = input.entry_count == 0 ? input.target_count : input.entry_count;
  header.entry_count = static_cast<uint32_t>(entries);
  for (uint64_t i = 0; i < input.module_count; ++i) {
    header.strings_size += static_cast<uint32_t>(strlen(input.modules[i].path) + 1);
  }
  out->append(&header, sizeof header);
  uint32_t path = 0;
  for (uint64_t i = 0; i < input.module_count; ++i) {
    BindingModule module = {};
    if (input.modules[i].build_id_size != 0) {
      memcpy(module.build_id, input.modules[i].build_id, input.modules[i].build_id_size);
    }
    module.build_id_size = input.modules[i].build_id_size;
    module.path = path;
    path += static_cast<uint32_t>(strlen(input.modules[i].path) + 1);
    out->append(&module, sizeof module);
  }
  out->append(input.entries, entries * sizeof(BindingEntry));
  for (uint64_t i = 0; i < input.module_count; ++i) out->append_string(input.modules[i].path);
}

}  // namespace fastboot::wire
