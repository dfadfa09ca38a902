#include "format/wire/parse.h"

#include "format/wire/hash.h"
#include "format/wire/placement_of_code.h"

// Ends the messages about files that are something else.
#define FASTBOOT_WHAT_TO_DO "; give the path of a snapshot, or freeze it again"

namespace fastboot::wire {
namespace {

using ull = unsigned long long;

constexpr uint16_t kMaxSegments = 16;

bool add_overflows(uint64_t a, uint64_t b) { return a + b < a; }

// Offset arithmetic over the caller's bytes. Everything that is read goes through here.
struct Cursor {
  const uint8_t* bytes;
  uint64_t size;

  template <class T>
  const T* at(uint64_t offset, uint64_t count = 1) const {
    if (offset % alignof(T) != 0 || offset > size || count > (size - offset) / sizeof(T)) return nullptr;
    return reinterpret_cast<const T*>(bytes + offset);
  }
};

bool check_ident(const Elf64_Ehdr& ehdr, Error* error) {
  if (memcmp(ehdr.e_ident, ELFMAG, SELFMAG) != 0) {
    return fail(error, Code::not_a_snapshot,
                "not a snapshot: the file starts with bytes %02x %02x %02x %02x, and an ELF file with 7f 45 4c "
                "46" FASTBOOT_WHAT_TO_DO,
                ehdr.e_ident[0], ehdr.e_ident[1], ehdr.e_ident[2], ehdr.e_ident[3]);
  }
  if (ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_ident[EI_DATA] != ELFDATA2LSB ||
      ehdr.e_ident[EI_VERSION] != EV_CURRENT || ehdr.e_version != EV_CURRENT || ehdr.e_machine != EM_X86_64) {
    return fail(error, Code::not_a_snapshot,
                "not a snapshot for this machine: ELF class %u, data %u, machine %u; expected 2, 1, %u "
                "(x86-64)" FASTBOOT_WHAT_TO_DO,
                ehdr.e_ident[EI_CLASS], ehdr.e_ident[EI_DATA], ehdr.e_machine, EM_X86_64);
  }
  if (ehdr.e_type != ET_DYN || ehdr.e_entry != 0 || ehdr.e_ident[EI_OSABI] != ELFOSABI_NONE || ehdr.e_flags != 0) {
    return fail(
        error, Code::not_a_snapshot,
        "not a snapshot: ELF type %u, entry 0x%llx, OS ABI %u; expected 3 (shared object), 0, 0" FASTBOOT_WHAT_TO_DO,
        ehdr.e_type, static_cast<ull>(ehdr.e_entry), ehdr.e_ident[EI_OSABI]);
  }
  return true;
}

bool check_program_header_place(const Elf64_Ehdr& ehdr, Error* error) {
  if (ehdr.e_phentsize != sizeof(Elf64_Phdr) || ehdr.e_phoff != sizeof(Elf64_Ehdr) ||
      ehdr.e_ehsize != sizeof(Elf64_Ehdr)) {
    return fail(error, Code::corrupt, "program headers of %u bytes at offset 0x%llx; expected %zu bytes at 0x40",
                ehdr.e_phentsize, static_cast<ull>(ehdr.e_phoff), sizeof(Elf64_Phdr));
  }
  if (ehdr.e_phnum == 0 || ehdr.e_phnum > kMaxSegments) {
    return fail(error, Code::corrupt, "%u program headers; expected 1 to %u", ehdr.e_phnum, kMaxSegments);
  }
  if (ehdr.e_shnum == 0 && ehdr.e_shoff != 0) {
    return fail(error, Code::corrupt, "no section headers at offset 0x%llx", static_cast<ull>(ehdr.e_shoff));
  }
  return true;
}

// Goes over the notes in the bytes that PT_NOTE names, as far as the cursor has them, and calls visit(note,
// descriptor's offset) for Fastboot's own, until it says false. *reached: the end was.
template <class Visit>
bool for_own_notes(const Cursor& cursor, const Elf64_Phdr& phdr, Visit visit, bool* reached, Error* error) {
  uint64_t offset = phdr.p_offset;
  if (add_overflows(offset, phdr.p_filesz)) return fail(error, Code::corrupt, "the note segment's end wraps around");
  const uint64_t end = offset + phdr.p_filesz;
  *reached = false;
  while (offset < end && end - offset >= sizeof(Elf64_Nhdr)) {
    const auto* note = cursor.at<Elf64_Nhdr>(offset);
    if (note == nullptr) return true;
    const uint64_t name = round_up(note->n_namesz, 4);
    const uint64_t desc = round_up(note->n_descsz, 4);
    if (name + desc > end - offset - sizeof(Elf64_Nhdr)) {
      return fail(error, Code::corrupt, "the note at 0x%llx reaches past its segment's end at 0x%llx",
                  static_cast<ull>(offset), static_cast<ull>(end));
    }
    const auto* owner = cursor.at<char>(offset + sizeof(Elf64_Nhdr), name);
    if (owner == nullptr) return true;
    if (note->n_namesz == sizeof kNoteOwner && memcmp(owner, kNoteOwner, sizeof kNoteOwner) == 0 &&
        !visit(*note, offset + sizeof(Elf64_Nhdr) + name)) {
      return false;
    }
    offset += sizeof(Elf64_Nhdr) + name + desc;
  }
  *reached = true;
  return true;
}

// Finds the note that holds the header. Sets *at to the descriptor's offset.
bool find_note(const Cursor& cursor, const Elf64_Phdr& phdr, uint64_t* at, uint32_t* size, Error* error) {
  bool found = false;
  bool reached = false;
  const auto visit = [&](const Elf64_Nhdr& note, uint64_t descriptor) {
    if (note.n_type != kNoteType) return true;
    if (found) return fail(error, Code::corrupt, "two Fastboot notes; expected one");
    found = true;
    *at = descriptor;
    *size = note.n_descsz;
    return true;
  };
  if (!for_own_notes(cursor, phdr, visit, &reached, error)) return false;
  if (!found && !reached && cursor.size < kProbeSize)
    return fail(error, Code::truncated, "the file ends within its notes");
  if (!found)
    return fail(error, Code::not_a_snapshot, "not a snapshot: an ELF file without Fastboot's note" FASTBOOT_WHAT_TO_DO);
  return true;
}

// The note that holds the signature, if there is one. To be called when the hash has been checked.
bool find_signature(const Cursor& cursor, View* view, Error* error) {
  bool reached = false;
  const auto visit = [&](const Elf64_Nhdr& note, uint64_t descriptor) {
    if (note.n_type != kSignatureNoteType) return true;
    if (view->signature != nullptr) return fail(error, Code::corrupt, "two signatures; expected one at most");
    view->signature = note.n_descsz == sizeof(Signature) ? cursor.at<Signature>(descriptor) : nullptr;
    return view->signature != nullptr ||
           fail(error, Code::corrupt, "a signature of %u bytes; expected %zu", note.n_descsz, sizeof(Signature));
  };
  for (uint16_t i = 0; i < view->ehdr->e_phnum; ++i) {
    if (view->phdrs[i].p_type == PT_NOTE) return for_own_notes(cursor, view->phdrs[i], visit, &reached, error);
  }
  return true;
}

bool find_header(const Cursor& cursor, uint64_t file_size, uint64_t* at, Error* error) {
  const auto* ehdr = cursor.at<Elf64_Ehdr>(0);
  if (ehdr == nullptr) {
    // Too short for an ELF header: the start of one, or something else altogether?
    Elf64_Ehdr start = {};
    if (cursor.bytes != nullptr) memcpy(&start, cursor.bytes, cursor.size < sizeof start ? cursor.size : sizeof start);
    if (memcmp(start.e_ident, ELFMAG, cursor.size < SELFMAG ? cursor.size : SELFMAG) != 0)
      return check_ident(start, error);
    return fail(error, file_size == 0 ? Code::empty_file : Code::truncated,
                "the file has %llu bytes, and an ELF header 64; freeze it again", static_cast<ull>(file_size));
  }
  if (!check_ident(*ehdr, error) || !check_program_header_place(*ehdr, error)) return false;
  const auto* phdrs = cursor.at<Elf64_Phdr>(ehdr->e_phoff, ehdr->e_phnum);
  if (phdrs == nullptr)
    return fail(error, Code::truncated, "the file ends within its program headers; freeze it again");
  const Elf64_Phdr* note = nullptr;
  for (uint16_t i = 0; i < ehdr->e_phnum; ++i) {
    if (phdrs[i].p_type != PT_NOTE) continue;
    if (note != nullptr) return fail(error, Code::corrupt, "two note segments; expected one");
    note = &phdrs[i];
  }
  if (note == nullptr)
    return fail(error, Code::not_a_snapshot, "not a snapshot: an ELF file without a note segment" FASTBOOT_WHAT_TO_DO);
  uint32_t size = 0;
  if (!find_note(cursor, *note, at, &size, error)) return false;
  const auto* frozen = cursor.at<uint32_t>(*at, 4);
  if (size < 32 || frozen == nullptr)
    return fail(error, Code::truncated, "the file ends within its header; freeze it again");
  if (frozen[0] > kFormatMajor) {
    return fail(error, Code::newer_format,
                "format version %u.%u; this build reads versions up to %u: use a newer Fastboot, or freeze it again",
                frozen[0], frozen[1], kFormatMajor);
  }
  // A later minor version may have a longer header; what this version knows comes first.
  const bool fits = frozen[1] > kFormatMinor ? frozen[2] >= sizeof(Header) : frozen[2] == sizeof(Header);
  if (frozen[0] == 0 || !fits || size != frozen[2]) {
    return fail(error, Code::corrupt, "format version %u.%u with a header of %u bytes in a note of %u; expected %zu",
                frozen[0], frozen[1], frozen[2], size, sizeof(Header));
  }
  if (cursor.at<Header>(*at) == nullptr)
    return fail(error, Code::truncated, "the file ends within its header; freeze it again");
  return true;
}

bool check_header(const Header& header, uint64_t file_size, Error* error) {
  if (header.object_model != static_cast<uint32_t>(ObjectModel::ghc)) {
    return fail(error, Code::wrong_object_model, "object model %u; this build knows 1 (ghc)", header.object_model);
  }
  if (header.hot_size > file_size) {
    return fail(error, Code::truncated,
                "the metadata ends at 0x%llx, past the end of the file (0x%llx); freeze it again",
                static_cast<ull>(header.hot_size), static_cast<ull>(file_size));
  }
  if (header.hot_size < sizeof(Elf64_Ehdr) + sizeof(Header) || header.hot_size > (uint64_t{1} << 32)) {
    return fail(error, Code::corrupt, "the metadata has 0x%llx bytes; expected at most 4 GiB",
                static_cast<ull>(header.hot_size));
  }
  if (header.table_count != kTableCount) {
    return fail(error, Code::corrupt, "%u tables; expected %u", header.table_count, kTableCount);
  }
  if (header.slot_address % kSlotUnit != 0 || header.slot_size % kSlotUnit != 0 || header.slot_size == 0 ||
      add_overflows(header.slot_address, header.slot_size) ||
      header.slot_address + header.slot_size > (uint64_t{1} << 47)) {
    return fail(error, Code::corrupt, "slot 0x%llx of 0x%llx bytes; expected multiples of 0x40000000 below 2^47",
                static_cast<ull>(header.slot_address), static_cast<ull>(header.slot_size));
  }
  return true;
}

// --- segments ------------------------------------------------------------------------------------

class SegmentReader {
 public:
  SegmentReader(View* view, uint64_t file_size, Error* error) : view_(*view), file_size_(file_size), error_(error) {}

  bool read() {
    for (uint16_t i = 0; i < view_.ehdr->e_phnum; ++i) {
      const Elf64_Phdr& phdr = view_.phdrs[i];
      if ((phdr.p_flags & PF_X) != 0) {
        return fail(error_, Code::corrupt, "program header %u is executable; a snapshot has no executable segment", i);
      }
      if (phdr.p_type == PT_LOAD && !(check(phdr, i) && place(phdr, i))) return false;
      if (phdr.p_type == PT_DYNAMIC && ++dynamics_ > 1) {
        return fail(error_, Code::corrupt, "two PT_DYNAMIC program headers; expected one");
      }
    }
    if (loads_ < 4) return fail(error_, Code::corrupt, "%u PT_LOAD program headers; expected 4 or 5", loads_);
    return true;
  }

 private:
  bool check(const Elf64_Phdr& phdr, uint16_t index) {
    const Header& header = *view_.header;
    const uint64_t slot_end = header.slot_address + header.slot_size;
    if (add_overflows(phdr.p_vaddr, phdr.p_memsz) || add_overflows(phdr.p_offset, phdr.p_filesz)) {
      return fail(error_, Code::corrupt, "program header %u: address or offset plus size wraps around", index);
    }
    if (phdr.p_filesz > phdr.p_memsz || phdr.p_memsz == 0) {
      return fail(error_, Code::corrupt, "program header %u: 0x%llx bytes in the file and 0x%llx in memory", index,
                  static_cast<ull>(phdr.p_filesz), static_cast<ull>(phdr.p_memsz));
    }
    if (phdr.p_offset + phdr.p_filesz > file_size_) {
      return fail(error_, Code::truncated,
                  "program header %u ends at 0x%llx, past the end of the file (0x%llx); freeze it again", index,
                  static_cast<ull>(phdr.p_offset + phdr.p_filesz), static_cast<ull>(file_size_));
    }
    if (phdr.p_vaddr < header.slot_address || phdr.p_vaddr + phdr.p_memsz > slot_end) {
      return fail(error_, Code::corrupt, "program header %u: 0x%llx to 0x%llx lies outside the slot", index,
                  static_cast<ull>(phdr.p_vaddr), static_cast<ull>(phdr.p_vaddr + phdr.p_memsz));
    }
    if ((phdr.p_align != kPageSize && phdr.p_align != kHugePageSize) ||
        phdr.p_offset % phdr.p_align != phdr.p_vaddr % phdr.p_align || phdr.p_vaddr % kPageSize != 0) {
      return fail(error_, Code::corrupt,
                  "program header %u: offset 0x%llx and address 0x%llx do not agree modulo 0x%llx", index,
                  static_cast<ull>(phdr.p_offset), static_cast<ull>(phdr.p_vaddr), static_cast<ull>(phdr.p_align));
    }
    if (phdr.p_vaddr < last_address_ || phdr.p_offset < last_offset_) {
      return fail(error_, Code::corrupt, "program header %u: overlaps the one before it, or stands below it", index);
    }
    last_address_ = round_up(phdr.p_vaddr + phdr.p_memsz, kPageSize);
    last_offset_ = phdr.p_offset + phdr.p_filesz;
    return true;
  }

  // The n-th PT_LOAD has a fixed part to play; a snapshot without lazy closures has one fewer.
  bool place(const Elf64_Phdr& phdr, uint16_t index) {
    const Segment segment = {phdr.p_offset, phdr.p_vaddr, phdr.p_filesz, phdr.p_memsz};
    const bool has_lazy = view_.table(TableKind::lazy).size != 0;
    Segment* const order[] = {&view_.hot, &view_.link, has_lazy ? &view_.lazy : &view_.data,
                              has_lazy ? &view_.data : &view_.cold, has_lazy ? &view_.cold : nullptr};
    if (loads_ >= (has_lazy ? 5u : 4u)) {
      return fail(error_, Code::corrupt, "program header %u: one PT_LOAD too many", index);
    }
    Segment* target = order[loads_++];
    *target = segment;
    const bool writable = target == &view_.link || target == &view_.lazy;
    if (phdr.p_flags != (writable ? PF_R | PF_W : uint32_t{PF_R}) || phdr.p_paddr != phdr.p_vaddr) {
      return fail(error_, Code::corrupt,
                  "program header %u has flags 0x%x and two addresses, 0x%llx and 0x%llx; "
                  "expected flags 0x%x and one address",
                  index, phdr.p_flags, static_cast<ull>(phdr.p_vaddr), static_cast<ull>(phdr.p_paddr),
                  writable ? 6 : 4);
    }
    if (target != &view_.link && segment.file_size != segment.size) {
      return fail(error_, Code::corrupt,
                  "program header %u: 0x%llx bytes in the file and 0x%llx in memory; expected equal", index,
                  static_cast<ull>(segment.file_size), static_cast<ull>(segment.size));
    }
    return true;
  }

  View& view_;
  uint64_t file_size_;
  Error* error_;
  uint64_t last_address_ = 0;
  uint64_t last_offset_ = 0;
  uint32_t loads_ = 0;
  uint32_t dynamics_ = 0;
};

bool check_segments(const View& view, Error* error) {
  const Header& header = *view.header;
  if (view.hot.offset != 0 || view.hot.address != header.slot_address || view.hot.file_size != header.hot_size) {
    return fail(error, Code::corrupt, "the metadata segment has 0x%llx bytes at offset 0x%llx; expected 0x%llx at 0",
                static_cast<ull>(view.hot.file_size), static_cast<ull>(view.hot.offset),
                static_cast<ull>(header.hot_size));
  }
  constexpr uint64_t kMegablock = uint64_t{1} << 20;
  const Segment* heaps[] = {&view.lazy, &view.data};
  for (const Segment* heap : heaps) {
    if (heap->address % kMegablock != 0 || heap->size % kPageSize != 0) {
      return fail(error, Code::corrupt,
                  "heap segment 0x%llx of 0x%llx bytes; expected a megablock's address, whole pages",
                  static_cast<ull>(heap->address), static_cast<ull>(heap->size));
    }
  }
  if (view.link.file_size % kInfoAlign != 0 || view.link.size % kPageSize != 0) {
    return fail(error, Code::corrupt,
                "the link segment has 0x%llx bytes in the file and 0x%llx in memory; expected multiples of 0x40 and of "
                "a page",
                static_cast<ull>(view.link.file_size), static_cast<ull>(view.link.size));
  }
  return true;
}

// --- tables --------------------------------------------------------------------------------------

constexpr uint32_t kEntrySizes[kTableCount] = {sizeof(Elf64_Sym),
                                               1,
                                               1,
                                               sizeof(Elf64_Rela),
                                               sizeof(Elf64_Dyn),
                                               sizeof(Target),
                                               8,
                                               sizeof(Root),
                                               1,
                                               8,
                                               1,
                                               1,
                                               1,
                                               8,
                                               kHashSize,
                                               sizeof(Needed),
                                               8,
                                               sizeof(Member)};

const char* table_name(TableKind kind) {
  constexpr const char* kNames[kTableCount] = {"dynsym",  "dynstr", "gnu_hash",     "rela",       "dynamic", "targets",
                                               "bitmaps", "roots",  "binding",      "link table", "info",    "lazy",
                                               "data",    "rebase", "chunk hashes", "needed",     "cross",   "members"};
  return kNames[static_cast<uint32_t>(kind) - 1];
}

const Segment* segment_of(const View& view, TableKind kind) {
  switch (kind) {
    case TableKind::link_table:
    case TableKind::info:
      return &view.link;
    case TableKind::lazy:
      return &view.lazy;
    case TableKind::data:
      return &view.data;
    case TableKind::rebase:
    case TableKind::cross:
    case TableKind::chunk_hashes:
      return &view.cold;
    default:
      return &view.hot;
  }
}

bool check_tables(const View& view, Error* error) {
  for (uint32_t i = 0; i < kTableCount; ++i) {
    const Table& table = view.header->tables[i];
    const auto kind = static_cast<TableKind>(i + 1);
    if (table.kind != i + 1 || table.entry_size != kEntrySizes[i]) {
      return fail(error, Code::corrupt, "table %u is of kind %u with entries of %u bytes; expected %u and %u", i,
                  table.kind, table.entry_size, i + 1, kEntrySizes[i]);
    }
    // The link table is as large as its segment is in the file.
    const bool filled = table.count == table.size / table.entry_size && table.size % table.entry_size == 0;
    if (!filled && (kind != TableKind::link_table || table.count > table.size / table.entry_size)) {
      return fail(error, Code::corrupt, "table %s: %llu entries of %u bytes do not make 0x%llx", table_name(kind),
                  static_cast<ull>(table.count), table.entry_size, static_cast<ull>(table.size));
    }
    if (table.size == 0) {
      if (table.address == 0) continue;
      return fail(error, Code::corrupt, "table %s: 0x%llx without any bytes; expected address 0", table_name(kind),
                  static_cast<ull>(table.address));
    }
    const Segment& segment = *segment_of(view, kind);
    if (table.address < segment.address || table.address - segment.address > segment.size ||
        table.size > segment.size - (table.address - segment.address) ||
        table.address % (table.entry_size == 1 ? 1 : 8) != 0) {
      return fail(error, Code::corrupt, "table %s: 0x%llx with 0x%llx bytes lies outside its segment (0x%llx, 0x%llx)",
                  table_name(kind), static_cast<ull>(table.address), static_cast<ull>(table.size),
                  static_cast<ull>(segment.address), static_cast<ull>(segment.size));
    }
  }
  return true;
}

// The notes follow the program headers, and the tables of the hot metadata the notes: in one order, without gaps but
// what aligns them, so that none of them lies over another one.
bool check_hot_tables(const View& view, Error* error) {
  constexpr TableKind kOrder[] = {TableKind::gnu_hash, TableKind::dynsym,  TableKind::dynstr,  TableKind::rela,
                                  TableKind::dynamic,  TableKind::targets, TableKind::bitmaps, TableKind::roots,
                                  TableKind::needed,   TableKind::members, TableKind::binding};
  const Elf64_Phdr* notes = view.phdrs;
  while (notes->p_type != PT_NOTE) ++notes;  // there is one
  const uint64_t headers = sizeof(Elf64_Ehdr) + view.ehdr->e_phnum * sizeof(Elf64_Phdr);
  constexpr uint64_t kBuildIdNote = sizeof(Elf64_Nhdr) + 4 + kContentIdSize;
  if (notes->p_offset != round_up(headers + kBuildIdNote, 8) - kBuildIdNote) {
    return fail(error, Code::corrupt,
                "notes at 0x%llx; expected them behind the %u program headers, which end at 0x%llx",
                static_cast<ull>(notes->p_offset), view.ehdr->e_phnum, static_cast<ull>(headers));
  }
  uint64_t end = view.hot.address + notes->p_offset + notes->p_filesz;
  for (const TableKind kind : kOrder) {
    const Table& table = view.table(kind);
    if (table.size == 0) continue;
    if (table.address != round_up(end, 8)) {
      return fail(error, Code::corrupt, "table %s: starts at 0x%llx; expected 0x%llx, where what is before it ends",
                  table_name(kind), static_cast<ull>(table.address), static_cast<ull>(round_up(end, 8)));
    }
    end = table.address + table.size;
  }
  return end == view.hot.address + view.hot.size ||
         fail(error, Code::corrupt, "the tables of the metadata end at 0x%llx, and it ends at 0x%llx",
              static_cast<ull>(end), static_cast<ull>(view.hot.address + view.hot.size));
}

// Tables that the runtime takes whole must be just their segments.
bool check_exact_tables(const View& view, Error* error) {
  const Table& got = view.table(TableKind::link_table);
  const Table& info = view.table(TableKind::info);
  const Table& lazy = view.table(TableKind::lazy);
  const Table& data = view.table(TableKind::data);
  const Table& rebase = view.table(TableKind::rebase);
  const Table& cross = view.table(TableKind::cross);
  const Table& hashes = view.table(TableKind::chunk_hashes);
  const Table& needed = view.table(TableKind::needed);
  const Table& members = view.table(TableKind::members);
  const bool exact =
      got.address == view.link.address && got.size == view.link.file_size && got.count == view.target_count &&
      (info.size == 0 || info.address == view.link.address + got.size) && info.size <= view.link.size - got.size &&
      round_up(got.size + info.size, kPageSize) == view.link.size && lazy.size == view.lazy.size &&
      (lazy.size == 0 || lazy.address == view.lazy.address) && data.size == view.data.size &&
      data.address == view.data.address && rebase.size + cross.size + hashes.size == view.cold.size &&
      (rebase.size == 0 || rebase.address == view.cold.address) &&
      (cross.size == 0 || cross.address == view.cold.address + rebase.size) &&
      hashes.address == view.cold.address + rebase.size + cross.size && rebase.count * 8 == rebase.size &&
      cross.count * 8 == cross.size && needed.count * sizeof(Needed) == needed.size &&
      members.count * sizeof(Member) == members.size &&
      hashes.size ==
          (chunk_count(lazy.size) + chunk_count(data.size) + chunk_count(rebase.size) + chunk_count(cross.size)) *
              kHashSize;
  if (!exact)
    return fail(error, Code::corrupt,
                "the tables of the link, heap and cold segments do not fill these, or entries their table");
  return true;
}

template <class T>
void table_pointer(const View& view, TableKind kind, const T** out, uint64_t* count) {
  const Table& table = view.table(kind);
  *out = table.size == 0 ? nullptr : reinterpret_cast<const T*>(view.bytes + (table.address - view.hot.address));
  *count = table.count;
}

bool check_strings(const View& view, Error* error) {
  if (view.strings_size == 0 || view.strings[0] != '\0' || view.strings[view.strings_size - 1] != '\0') {
    return fail(error, Code::corrupt, "the string table does not start and end with a NUL");
  }
  if (view.header->image_name >= view.strings_size) {
    return fail(error, Code::corrupt, "the image's name is at 0x%x, past the end of the string table",
                view.header->image_name);
  }
  for (uint64_t i = 0; i < view.symbol_count; ++i) {
    if (view.symbols[i].st_name >= view.strings_size) {
      return fail(error, Code::corrupt, "symbol %llu: name at 0x%x, past the end of the string table (0x%llx)",
                  static_cast<ull>(i), view.symbols[i].st_name, static_cast<ull>(view.strings_size));
    }
  }
  return true;
}

bool check_target(const View& view, uint64_t index, uint64_t* last_info_end, Error* error) {
  const Target& target = view.targets[index];
  const auto n = static_cast<ull>(index);
  if (target.symbol >= view.symbol_count || target.name >= view.strings_size) {
    return fail(error, Code::corrupt, "target %llu: symbol %u or name 0x%x is past the end of its table", n,
                target.symbol, target.name);
  }
  if (target.kind == 0 || target.kind > static_cast<uint16_t>(TargetKind::raw_address)) {
    return fail(error, Code::corrupt, "target %llu is of kind %u; expected 1 to 10", n, target.kind);
  }
  const auto kind = static_cast<TargetKind>(target.kind);
  const bool slow = kind == TargetKind::slow_entry;
  const bool has_function = !slow || (target.parent < index &&
                                      view.targets[target.parent].kind == static_cast<uint16_t>(TargetKind::function) &&
                                      view.targets[target.parent].info_offset != 0);
  if (target.parent >= view.target_count || !has_function) {
    return fail(error, Code::corrupt, "target %llu: its function is target %u; expected an earlier target of kind 2", n,
                target.parent);
  }
  if (kind == TargetKind::function && (target.flags & kTargetFunStatic) != 0 &&
      view.targets[target.parent].kind != static_cast<uint16_t>(TargetKind::static_root)) {
    return fail(error, Code::corrupt, "target %llu: its static closure is target %u; expected a target of kind 6", n,
                target.parent);
  }
  uint64_t bitmap_words = 0;
  if ((target.flags & kTargetLargeBitmap) != 0) {
    if (target.bitmap >= view.bitmap_count || view.bitmaps[target.bitmap] > 0xffff ||
        (view.bitmaps[target.bitmap] + 63) / 64 >= view.bitmap_count - target.bitmap) {
      return fail(error, Code::corrupt, "target %llu: its argument bitmap lies outside the table", n);
    }
    bitmap_words = 1 + (view.bitmaps[target.bitmap] + 63) / 64;
  }
  if (target.info_offset == 0) return true;
  uint64_t at = 0;
  const uint64_t size = info_entry_size(target, strlen(view.string(target.name)) + 1, bitmap_words, &at);
  if (size == 0 || target.info_offset < *last_info_end + at || target.info_offset % 8 != 0 ||
      target.info_offset > view.table(TableKind::info).size ||
      size - at > view.table(TableKind::info).size - target.info_offset) {
    return fail(error, Code::corrupt, "target %llu: its interned info table at 0x%llx overlaps another or does not fit",
                n, static_cast<ull>(target.info_offset));
  }
  *last_info_end = target.info_offset + size - at;
  return true;
}

bool check_root(const View& view, uint64_t index, Error* error) {
  const Root& root = view.roots[index];
  const auto inside = [&](const Segment& segment) {
    return root.address >= segment.address && root.address - segment.address < segment.size &&
           root.size <= segment.size - (root.address - segment.address);
  };
  if (!(inside(view.data) || (view.lazy.size != 0 && inside(view.lazy))) || root.address % 8 != 0 || root.tag > 7 ||
      root.size < 8) {
    return fail(error, Code::corrupt, "root %llu: 0x%llx with tag %u lies outside the image", static_cast<ull>(index),
                static_cast<ull>(root.address), root.tag);
  }
  if (root.name >= view.strings_size || root.type_name >= view.strings_size || root.symbol >= view.symbol_count) {
    return fail(error, Code::corrupt, "root %llu: its name, type or symbol is past the end of its table",
                static_cast<ull>(index));
  }
  const Elf64_Sym& symbol = view.symbols[root.symbol];
  if (symbol.st_value != root.address || symbol.st_size != root.size || symbol.st_shndx == SHN_UNDEF) {
    return fail(error, Code::corrupt,
                "root %llu: its symbol says 0x%llx with 0x%llx bytes, its record 0x%llx with 0x%llx",
                static_cast<ull>(index), static_cast<ull>(symbol.st_value), static_cast<ull>(symbol.st_size),
                static_cast<ull>(root.address), static_cast<ull>(root.size));
  }
  return true;
}

// One GLOB_DAT for each link-table word, in order; then R_X86_64_64 inside data or lazy.
bool check_relocations(const View& view, Error* error) {
  if (view.rela_count < view.target_count) {
    return fail(error, Code::corrupt, "%llu relocations for %llu targets", static_cast<ull>(view.rela_count),
                static_cast<ull>(view.target_count));
  }
  uint64_t last = 0;
  for (uint64_t i = 0; i < view.rela_count; ++i) {
    const Elf64_Rela& rela = view.relas[i];
    const bool link = i < view.target_count;
    const uint32_t type = link ? R_X86_64_GLOB_DAT : R_X86_64_64;
    if (ELF64_R_TYPE(rela.r_info) != type || ELF64_R_SYM(rela.r_info) >= view.symbol_count) {
      return fail(error, Code::corrupt, "relocation %llu has type %u and symbol %llu; expected type %u",
                  static_cast<ull>(i), static_cast<unsigned>(ELF64_R_TYPE(rela.r_info)),
                  static_cast<ull>(ELF64_R_SYM(rela.r_info)), type);
    }
    if (link && (rela.r_offset != view.link.address + i * 8 || rela.r_addend != 0 ||
                 ELF64_R_SYM(rela.r_info) != view.targets[i].symbol)) {
      return fail(error, Code::corrupt, "relocation %llu is for 0x%llx; expected link-table word 0x%llx",
                  static_cast<ull>(i), static_cast<ull>(rela.r_offset), static_cast<ull>(view.link.address + i * 8));
    }
    const auto inside = [&](const Segment& segment) {
      return rela.r_offset >= segment.address && rela.r_offset - segment.address < segment.size;
    };
    if (!link && (rela.r_offset % 8 != 0 || rela.r_offset <= last || !(inside(view.data) || inside(view.lazy)))) {
      return fail(error, Code::corrupt, "relocation %llu: word 0x%llx lies outside the image, or is out of order",
                  static_cast<ull>(i), static_cast<ull>(rela.r_offset));
    }
    if (!link) last = rela.r_offset;
  }
  return true;
}

bool check_dynamic(const View& view, Error* error) {
  const uint64_t slot = view.header->slot_address;
  uint64_t seen = 0;
  uint64_t needed = 0;
  bool ended = false;
  for (uint64_t i = 0; i < view.dynamic_count; ++i) {
    const Elf64_Dyn& entry = view.dynamic[i];
    if (entry.d_tag == DT_NULL) {
      ended = true;
      break;
    }
    if (entry.d_tag == DT_NEEDED) {
      if (needed >= view.needed_count || view.needed[needed].name != entry.d_un.d_val) {
        return fail(error, Code::corrupt, "dynamic entry DT_NEEDED %llu does not agree with the table needed",
                    static_cast<ull>(needed));
      }
      ++needed;
    }
    if (entry.d_tag < 0 || entry.d_tag >= 64 || entry.d_tag == DT_NEEDED) continue;
    if ((seen >> entry.d_tag & 1) != 0) {
      return fail(error, Code::corrupt, "two dynamic entries with tag %lld; expected one",
                  static_cast<long long>(entry.d_tag));
    }
    seen |= uint64_t{1} << entry.d_tag;
    const uint64_t value = entry.d_un.d_val;
    const bool wrong = (entry.d_tag == DT_STRTAB && value != view.table(TableKind::dynstr).address) ||
                       (entry.d_tag == DT_SYMTAB && value != view.table(TableKind::dynsym).address) ||
                       (entry.d_tag == DT_RELA && value - slot != view.table(TableKind::rela).address - slot) ||
                       (entry.d_tag == DT_SONAME && value != view.header->image_name);
    if (wrong) {
      return fail(error, Code::corrupt, "dynamic entry %lld says 0x%llx, and the header another place",
                  static_cast<long long>(entry.d_tag), static_cast<ull>(value));
    }
  }
  if (!ended) return fail(error, Code::corrupt, "the dynamic table has no end");
  if (needed != view.needed_count) {
    return fail(error, Code::corrupt, "%llu dynamic entries DT_NEEDED for %llu needed images", static_cast<ull>(needed),
                static_cast<ull>(view.needed_count));
  }
  return true;
}

// A file's name and nothing else: it is looked for in directories that others chose.
bool is_snapshot_name(const char* name) {
  const size_t size = strlen(name);
  const size_t ending = sizeof kSnapshotEnding - 1;
  return size > ending && strcmp(name + size - ending, kSnapshotEnding) == 0 &&
         strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$-") == size;
}

bool check_needed(const View& view, Error* error) {
  const Header& header = *view.header;
  if (view.needed_count > kMaxNeeded) {
    return fail(error, Code::corrupt, "%llu needed images; expected at most %llu", static_cast<ull>(view.needed_count),
                static_cast<ull>(kMaxNeeded));
  }
  uint64_t words = 0;
  for (uint64_t i = 0; i < view.needed_count; ++i) {
    const Needed& needed = view.needed[i];
    const auto n = static_cast<ull>(i);
    if (needed.name >= view.strings_size || !is_snapshot_name(view.string(needed.name))) {
      return fail(error, Code::corrupt, "needed image %llu: its name is not that of a file NAME.snap", n);
    }
    const uint64_t end = needed.slot_address + needed.size;
    if (needed.slot_address % kSlotUnit != 0 || needed.size == 0 || add_overflows(needed.slot_address, needed.size) ||
        end > (uint64_t{1} << 47)) {
      return fail(error, Code::corrupt, "needed image %llu (%s) lies at 0x%llx with 0x%llx bytes; expected a slot", n,
                  view.string(needed.name), static_cast<ull>(needed.slot_address), static_cast<ull>(needed.size));
    }
    if (needed.slot_address < header.slot_address + header.slot_size && header.slot_address < end) {
      return fail(error, Code::corrupt,
                  "needed image %llu (%s) lies at 0x%llx to 0x%llx, and this image's own slot is 0x%llx to 0x%llx; "
                  "expected slots that do not overlap",
                  n, view.string(needed.name), static_cast<ull>(needed.slot_address), static_cast<ull>(end),
                  static_cast<ull>(header.slot_address), static_cast<ull>(header.slot_address + header.slot_size));
    }
    if (needed.cross_first != words || needed.cross_count == 0 ||
        needed.cross_count > view.table(TableKind::cross).count - words) {
      return fail(error, Code::corrupt,
                  "needed image %llu (%s): words %llu to %llu of %llu in the cross streams; expected the next ones", n,
                  view.string(needed.name), static_cast<ull>(needed.cross_first),
                  static_cast<ull>(needed.cross_first + needed.cross_count),
                  static_cast<ull>(view.table(TableKind::cross).count));
    }
    words += needed.cross_count;
    for (uint64_t before = 0; before < i; ++before) {
      if (strcmp(view.string(view.needed[before].name), view.string(needed.name)) != 0) continue;
      return fail(error, Code::corrupt, "two needed images %s; expected one", view.string(needed.name));
    }
  }
  return words == view.table(TableKind::cross).count ||
         fail(error, Code::corrupt, "%llu words of cross streams, of which needed images have %llu",
              static_cast<ull>(view.table(TableKind::cross).count), static_cast<ull>(words));
}

// A part of a member: whole megablocks' start, inside `whole`, behind the member before it.
bool member_part_fits(uint64_t address, uint64_t size, const Segment& whole, uint64_t* last_end) {
  if (size == 0) return address == 0;
  constexpr uint64_t kMegablock = uint64_t{1} << 20;
  if (address % kMegablock != 0 || address < *last_end || address < whole.address ||
      address - whole.address > whole.size || size > whole.size - (address - whole.address)) {
    return false;
  }
  *last_end = address + size;
  return true;
}

bool check_members(const View& view, Error* error) {
  uint64_t lazy_end = 0;
  uint64_t data_end = 0;
  for (uint64_t i = 0; i < view.member_count; ++i) {
    const Member& member = view.members[i];
    const auto n = static_cast<ull>(i);
    if (member.name >= view.strings_size || *view.string(member.name) == '\0') {
      return fail(error, Code::corrupt, "member %llu has no name", n);
    }
    const uint64_t limit = uint64_t{1} << 47;
    const bool old_fits = member.slot_address % kSlotUnit == 0 && member.slot_address < limit &&
                          member.data_address >= member.slot_address && member.data_address < limit &&
                          member.data_size < limit && member.lazy_size < limit &&
                          (member.lazy_size == 0 || (member.lazy_address >= member.slot_address &&
                                                     member.lazy_address + member.lazy_size <= member.data_address));
    if (!old_fits || !member_part_fits(member.new_lazy_address, member.lazy_size, view.lazy, &lazy_end) ||
        !member_part_fits(member.new_data_address, member.data_size, view.data, &data_end)) {
      return fail(error, Code::corrupt,
                  "member %llu (%s): its parts of 0x%llx and 0x%llx bytes at 0x%llx and 0x%llx are not parts of this "
                  "image, one behind the other",
                  n, view.string(member.name), static_cast<ull>(member.lazy_size), static_cast<ull>(member.data_size),
                  static_cast<ull>(member.new_lazy_address), static_cast<ull>(member.new_data_address));
    }
  }
  return true;
}

bool read_binding(View* view, Error* error) {
  const Table& table = view->table(TableKind::binding);
  if (table.size < sizeof(BindingHeader) || table.address % 8 != 0) {
    return fail(error, Code::corrupt, "the binding has %llu bytes; expected at least %zu", static_cast<ull>(table.size),
                sizeof(BindingHeader));
  }
  Binding binding;
  if (!parse_binding(view->bytes + (table.address - view->hot.address), table.size, view->target_count, &binding,
                     error))
    return false;
  view->binding = binding.header;
  view->modules = binding.modules;
  view->entries = binding.entries;
  view->binding_strings = binding.strings;
  return true;
}

bool read_tables(View* view, Error* error) {
  if (!check_tables(*view, error) || !check_hot_tables(*view, error)) return false;
  table_pointer(*view, TableKind::dynsym, &view->symbols, &view->symbol_count);
  table_pointer(*view, TableKind::dynstr, &view->strings, &view->strings_size);
  table_pointer(*view, TableKind::rela, &view->relas, &view->rela_count);
  table_pointer(*view, TableKind::dynamic, &view->dynamic, &view->dynamic_count);
  table_pointer(*view, TableKind::targets, &view->targets, &view->target_count);
  table_pointer(*view, TableKind::bitmaps, &view->bitmaps, &view->bitmap_count);
  table_pointer(*view, TableKind::roots, &view->roots, &view->root_count);
  table_pointer(*view, TableKind::needed, &view->needed, &view->needed_count);
  table_pointer(*view, TableKind::members, &view->members, &view->member_count);
  if (!check_exact_tables(*view, error) || !check_strings(*view, error) || !read_binding(view, error)) return false;
  uint64_t info_end = 0;
  for (uint64_t i = 0; i < view->target_count; ++i) {
    if (!check_target(*view, i, &info_end, error)) return false;
  }
  // Memory is made for all of it, so that it must not be more than the targets have use for.
  const uint64_t info_size = view->table(TableKind::info).size;
  if (info_size >= info_end + kPageSize) {
    return fail(error, Code::corrupt, "interned info tables of 0x%llx bytes; those of its targets end at 0x%llx",
                static_cast<ull>(info_size), static_cast<ull>(info_end));
  }
  if (view->root_count == 0) return fail(error, Code::corrupt, "no roots; expected at least one");
  for (uint64_t i = 0; i < view->root_count; ++i) {
    if (!check_root(*view, i, error)) return false;
  }
  return check_relocations(*view, error) && check_needed(*view, error) && check_members(*view, error) &&
         check_dynamic(*view, error);
}

}  // namespace

FASTBOOT_EVERY_THAW [[gnu::flatten]] bool probe(const uint8_t* bytes, uint64_t size, uint64_t file_size, Probe* out,
                                                Error* error) {
  if (file_size == 0) return fail(error, Code::empty_file, "the file is empty; freeze it again");
  uint64_t at = 0;
  if (!find_header(Cursor{bytes, size}, file_size, &at, error)) return false;
  const auto& header = *reinterpret_cast<const Header*>(bytes + at);
  if (!check_header(header, file_size, error)) return false;
  *out = Probe{header.format_major, header.format_minor, header.hot_size};
  return true;
}

FASTBOOT_EVERY_THAW [[gnu::flatten]] bool parse(const uint8_t* bytes, uint64_t size, uint64_t file_size,
                                                bool check_hash, View* out, Error* error) {
  const Cursor cursor{bytes, size};
  uint64_t at = 0;
  if (!find_header(cursor, file_size, &at, error)) return false;
  View view;
  view.bytes = bytes;
  view.ehdr = cursor.at<Elf64_Ehdr>(0);
  view.phdrs = cursor.at<Elf64_Phdr>(view.ehdr->e_phoff, view.ehdr->e_phnum);
  view.header = cursor.at<Header>(at);
  if (!check_header(*view.header, file_size, error)) return false;
  if (at + sizeof(Header) > view.header->hot_size) {
    return fail(error, Code::corrupt, "the metadata ends at 0x%llx, within its header at 0x%llx",
                static_cast<ull>(view.header->hot_size), static_cast<ull>(at));
  }
  if (size < view.header->hot_size) {
    return fail(error, Code::truncated, "%llu bytes of metadata; expected %llu", static_cast<ull>(size),
                static_cast<ull>(view.header->hot_size));
  }
  if (check_hash) {
    uint8_t hash[kHashSize];
    metadata_hash(bytes, view.header->hot_size, at, hash);
    if (memcmp(hash, view.header->metadata_hash, kHashSize) != 0) {
      return fail(error, Code::hash_mismatch,
                  "the metadata does not match its hash: the file was damaged or changed; freeze it again");
    }
  }
  if (!find_signature(cursor, &view, error)) return false;
  if (!SegmentReader(&view, file_size, error).read() || !check_segments(view, error) || !read_tables(&view, error)) {
    return false;
  }
  *out = view;
  return true;
}

// The section-header fields of the ELF header stay out: strip moves and drops section headers, and nothing that matters
// for thawing is read through them.
FASTBOOT_EVERY_THAW void metadata_hash(const uint8_t* bytes, uint64_t hot_size, uint64_t header_offset,
                                       uint8_t out[kHashSize]) {
  Elf64_Ehdr ehdr;
  memcpy(&ehdr, bytes, sizeof ehdr);
  ehdr.e_shoff = 0;
  ehdr.e_shnum = 0;
  ehdr.e_shstrndx = 0;
  ehdr.e_shentsize = 0;
  const uint8_t zeros[kHashSize] = {};
  const uint64_t field = header_offset + offsetof(Header, metadata_hash);
  Hasher hasher;
  hasher.add(&ehdr, sizeof ehdr);
  hasher.add(bytes + sizeof ehdr, field - sizeof ehdr);
  hasher.add(zeros, kHashSize);
  hasher.add(bytes + field + kHashSize, hot_size - field - kHashSize);
  hasher.finish(out);
}

void content_id(const View& view, uint8_t out[kContentIdSize]) {
  Header header = *view.header;
  header.hot_size = 0;
  Hasher hasher;
  hasher.add(&header.flags, offsetof(Header, table_count) - offsetof(Header, flags));
  constexpr TableKind kCovered[] = {TableKind::dynstr, TableKind::targets, TableKind::bitmaps, TableKind::roots,
                                    TableKind::rela,   TableKind::needed,  TableKind::members};
  for (const TableKind kind : kCovered) {
    const Table& table = view.table(kind);
    if (table.size != 0) hasher.add(view.bytes + (table.address - view.hot.address), table.size);
  }
  hasher.finish(out);
  XXH64_canonical_t more;
  XXH64_canonicalFromHash(&more, XXH3_64bits(out, kHashSize));
  memcpy(out + kHashSize, more.digest, kContentIdSize - kHashSize);
}

FASTBOOT_EVERY_THAW uint64_t info_entry_size(const Target& target, uint64_t description_size,
                                             uint64_t large_bitmap_words, uint64_t* info_at) {
  constexpr uint64_t kStandard = 16;  // layout word, type and srt
  switch (static_cast<TargetKind>(target.kind)) {
    case TargetKind::constructor:  // description offset (padded to a word) | standard | stub | description
      *info_at = 8 + kStandard;
      return *info_at + kInfoStubSize + round_up(description_size, 8);
    case TargetKind::function:  // slow entry offset | bitmap | fun_type, arity | standard | stub | slow stub | bitmap
                                // words
      *info_at = 24 + kStandard;
      return *info_at + 2 * kInfoStubSize + large_bitmap_words * 8;
    case TargetKind::rts:
    case TargetKind::static_closure:
    case TargetKind::trampoline:  // standard | stub
      *info_at = kStandard;
      return *info_at + kInfoStubSize;
    default:
      return 0;
  }
}

FASTBOOT_EVERY_THAW [[gnu::flatten]] bool parse_binding(const uint8_t* bytes, uint64_t size, uint64_t target_count,
                                                        Binding* out, Error* error) {
  const auto* header = reinterpret_cast<const BindingHeader*>(bytes);
  if (size < sizeof(BindingHeader)) {
    return fail(error, Code::corrupt, "the binding has %llu bytes; expected at least %zu", static_cast<ull>(size),
                sizeof(BindingHeader));
  }
  const uint64_t want = sizeof(BindingHeader) + uint64_t{header->module_count} * sizeof(BindingModule) +
                        uint64_t{header->entry_count} * sizeof(BindingEntry) + header->strings_size;
  if (want != size || header->entry_count < target_count || header->strings_size == 0 || bytes[size - 1] != 0) {
    return fail(error, Code::corrupt, "the binding has %llu bytes for %u modules and %u of %llu targets; expected %llu",
                static_cast<ull>(size), header->module_count, header->entry_count, static_cast<ull>(target_count),
                static_cast<ull>(want));
  }
  out->header = header;
  out->modules = reinterpret_cast<const BindingModule*>(header + 1);
  out->entries = reinterpret_cast<const BindingEntry*>(out->modules + header->module_count);
  out->strings = reinterpret_cast<const char*>(out->entries + header->entry_count);
  for (uint32_t i = 0; i < header->module_count; ++i) {
    if (out->modules[i].build_id_size > kMaxBuildId || out->modules[i].path >= header->strings_size) {
      return fail(error, Code::corrupt, "module %u: a build-id of %u bytes or a path outside the strings", i,
                  out->modules[i].build_id_size);
    }
  }
  for (uint64_t i = 0; i < header->entry_count; ++i) {
    const uint32_t module = out->entries[i].module;
    if (module < header->module_count || (module == kNoModule && i < target_count)) continue;
    return fail(error, Code::corrupt, "entry %llu of the binding is in module %u of %u", static_cast<ull>(i), module,
                header->module_count);
  }
  return true;
}

bool parse_sidecar(const uint8_t* bytes, uint64_t size, const uint8_t content_id[kContentIdSize], uint64_t target_count,
                   Binding* out, Error* error) {
  const auto* header = reinterpret_cast<const SidecarHeader*>(bytes);
  if (size < sizeof(SidecarHeader) || memcmp(header->magic, kSidecarMagic, sizeof kSidecarMagic) != 0 ||
      header->size != size - sizeof(SidecarHeader)) {
    return fail(error, Code::corrupt, "not a binding, or cut short (%llu bytes)", static_cast<ull>(size));
  }
  constexpr uint64_t kHashed = offsetof(SidecarHeader, content_id);
  uint8_t hash[kHashSize];
  hash128(bytes + kHashed, size - kHashed, hash);
  if (memcmp(hash, header->hash, sizeof hash) != 0)
    return fail(error, Code::hash_mismatch, "the binding differs from its hash");
  if (memcmp(header->content_id, content_id, kContentIdSize) != 0)
    return fail(error, Code::corrupt, "the binding is another snapshot's");
  return parse_binding(bytes + sizeof(SidecarHeader), header->size, target_count, out, error);
}

}  // namespace fastboot::wire
