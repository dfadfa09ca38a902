// What every ELF file has: headers, segments, sections, symbols, notes, the dynamic section.
#include "common/table.h"
#include "fastboot-inspect/names.h"
#include "fastboot-inspect/text_dumper.h"

namespace fastboot::inspect {

using format::Reader;
using format::Section;
using format::to_hex;
using tools::Align;
using wire::TableKind;

void TextDumper::header(const Reader& reader) {
  const Elf64_Ehdr& ehdr = *reader.view().ehdr;
  out_.write("ELF Header:\n  Magic:   ");
  for (const unsigned char byte : ehdr.e_ident) out_.print("{:02x} ", byte);
  out_.write("\n");
  field("Class", ehdr.e_ident[EI_CLASS] == ELFCLASS64 ? "ELF64" : kCorrupt);
  field("Data", ehdr.e_ident[EI_DATA] == ELFDATA2LSB ? "2's complement, little endian" : kCorrupt);
  field("Version", ehdr.e_version == EV_CURRENT ? "1 (current)" : kCorrupt);
  field("Type", ehdr.e_type == ET_DYN ? "DYN (Shared object file)" : kCorrupt);
  field("Machine", ehdr.e_machine == EM_X86_64 ? "Advanced Micro Devices X86-64" : kCorrupt);
  field("Entry point address", fmt::format("{:#x}", ehdr.e_entry));
  field("Start of program headers", fmt::format("{} (bytes into file)", ehdr.e_phoff));
  field("Start of section headers", fmt::format("{} (bytes into file)", ehdr.e_shoff));
  field("Number of program headers", fmt::format("{}", ehdr.e_phnum));
  field("Number of section headers", fmt::format("{}", ehdr.e_shnum));
  snapshot_header(*reader.view().header, reader);
  tables(*reader.view().header);
}

void TextDumper::snapshot_header(const wire::Header& header, const Reader& reader) {
  out_.write("Snapshot Header:\n");
  field("Format", fmt::format("{}.{}", header.format_major, header.format_minor));
  field("Object model", object_model(header.object_model));
  field("GHC version", ghc_version(header.ghc_version));
  field("RTS way", rts_way(header.rts_way));
  field("Image", name(reader.string(header.image_name)));
  field("Slot", fmt::format("{:#x}, {}", header.slot_address, tools::human_size(header.slot_size)));
  field("Closures", fmt::format("{} ({} lazy)", header.closures, header.lazy_closures));
  field("Hot metadata", fmt::format("{} (bytes)", header.hot_size));
  field("Metadata hash",
        to_hex(header.metadata_hash, sizeof header.metadata_hash) + (reader.sound() ? "" : " <corrupt>"));
  field("Data hash", to_hex(header.data_hash, sizeof header.data_hash));
  field("Content id", to_hex(header.content_id, sizeof header.content_id));
  const wire::HeapLayout& heap = header.heap;
  field("Heap layout",
        fmt::format("word {}, tag bits {}, block 2^{}, megablock 2^{}, headers {} and {}", heap.word_size,
                    heap.tag_bits, heap.block_shift, heap.megablock_shift, heap.closure_header, heap.thunk_header));
}

void TextDumper::tables(const wire::Header& header) {
  out_.write("Tables:\n");
  tools::Table table(
      {{"Table"}, {"Address"}, {"Size", Align::right}, {"Entry", Align::right}, {"Count", Align::right}});
  for (uint32_t i = 0; i < wire::kTableCount; ++i) {
    const wire::Table& each = header.tables[i];
    table.add({table_name(each.kind), fmt::format("{:016x}", each.address), fmt::format("{:#x}", each.size),
               fmt::format("{}", each.entry_size), fmt::format("{}", each.count)});
  }
  table.print(&out_);
}

void TextDumper::segments(const Reader& reader, const std::vector<Section>& sections) {
  const wire::View& view = reader.view();
  if (view.phdrs == nullptr) {
    out_.print("\nProgram Headers: {}\n", kCorrupt);
    return;
  }
  out_.print("\nElf file type is {}\nEntry point {:#x}\nThere are {} program headers, starting at offset {}\n",
             view.ehdr->e_type == ET_DYN ? "DYN (Shared object file)" : kCorrupt, view.ehdr->e_entry,
             view.ehdr->e_phnum, view.ehdr->e_phoff);
  out_.write(
      "\nProgram Headers:\n"
      "  Type           Offset   VirtAddr           PhysAddr           FileSiz  MemSiz   Flg Align    Part\n");
  for (uint16_t i = 0; i < view.ehdr->e_phnum; ++i) {
    const Elf64_Phdr& phdr = view.phdrs[i];
    const std::string part = segment_part(reader, phdr);
    out_.print("  {:<14} 0x{:06x} 0x{:016x} 0x{:016x} 0x{:06x} 0x{:06x} {} 0x{:<6x}", segment_type(phdr.p_type),
               phdr.p_offset, phdr.p_vaddr, phdr.p_paddr, phdr.p_filesz, phdr.p_memsz, segment_flags(phdr.p_flags),
               phdr.p_align);
    out_.print("{}\n", part.empty() ? "" : " " + part);
  }
  section_mapping(reader, sections);
}

void TextDumper::section_mapping(const Reader& reader, const std::vector<Section>& sections) {
  if (sections.empty()) return;
  const wire::View& view = reader.view();
  out_.write("\n Section to Segment mapping:\n  Segment Sections...\n");
  for (uint16_t i = 0; i < view.ehdr->e_phnum; ++i) {
    out_.print("   {:02}     ", i);
    for (const Section& section : sections) {
      if (lies_in(section.header, view.phdrs[i])) out_.print("{} ", tools::printable(section.name));
    }
    out_.write("\n");
  }
}

void TextDumper::sections(const Reader& reader, const std::vector<Section>& sections) {
  if (sections.empty()) {
    out_.write("\nThere are no sections in this file.\n");
    return;
  }
  out_.print("There are {} section headers, starting at offset {:#x}:\n\nSection Headers:\n", sections.size(),
             reader.view().ehdr->e_shoff);
  out_.write("  [Nr] Name               Type            Address          Off    Size   ES Flg Lk Inf Al\n");
  for (size_t i = 0; i < sections.size(); ++i) {
    const Elf64_Shdr& header = sections[i].header;
    out_.print("  [{:2}] {:<18} {:<15} {:016x} {:06x} {:06x} {:02x} {:>3} {:2} {:3} {:2}\n", i,
               tools::printable(sections[i].name), section_type(header.sh_type), header.sh_addr, header.sh_offset,
               header.sh_size, header.sh_entsize, section_flags(header.sh_flags), header.sh_link, header.sh_info,
               header.sh_addralign);
  }
  out_.write("Key to Flags:\n  W (write), A (alloc), X (execute)\n");
}

void TextDumper::symbols(const Reader& reader) {
  const wire::View& view = reader.view();
  if (unreadable(reader, TableKind::dynsym, view.symbols, "Symbol table '.dynsym'")) return;
  out_.print("\nSymbol table '.dynsym' contains {} entries:\n", view.symbol_count);
  out_.write("   Num:    Value          Size Type    Bind   Vis      Ndx Name\n");
  for (uint64_t i = 0; i < view.symbol_count; ++i) {
    const Elf64_Sym& symbol = view.symbols[i];
    const std::string index = symbol.st_shndx == SHN_UNDEF ? "UND" : fmt::format("{}", symbol.st_shndx);
    out_.print("{:6}: {:016x} {:5} {:<7} {:<6} DEFAULT {:>4} {}\n", i, symbol.st_value, symbol.st_size,
               symbol_type(symbol.st_info), symbol_binding(symbol.st_info), index, cut(symbol_name(reader, i), 59));
  }
}

void TextDumper::notes(const Reader& reader) {
  out_.write("\nDisplaying notes found in: .note.gnu.build-id\n  Owner                Data size \tDescription\n");
  out_.print("  GNU                  0x{:08x}\tNT_GNU_BUILD_ID (unique build ID bitstring)\n    Build ID: {}\n",
             wire::kContentIdSize, to_hex(reader.content_id().data(), wire::kContentIdSize));
  out_.write("\nDisplaying notes found in: .note.fastboot\n  Owner                Data size \tDescription\n");
  out_.print("  Fastboot             0x{:08x}\tFastboot snapshot header (type {})\n", reader.view().header->header_size,
             wire::kNoteType);
  snapshot_header(*reader.view().header, reader);
}

void TextDumper::dynamic(const Reader& reader, const std::vector<uint64_t>& words) {
  const wire::View& view = reader.view();
  if (!unreadable(reader, TableKind::dynamic, view.dynamic, "Dynamic section")) dynamic_entries(reader);
  needed_images(reader, words);
  members(reader);
}

void TextDumper::dynamic_entries(const Reader& reader) {
  const wire::View& view = reader.view();
  const uint64_t offset = view.table(TableKind::dynamic).address - view.header->slot_address;
  out_.print("\nDynamic section at offset {:#x} contains {} entries:\n", offset, view.dynamic_count);
  out_.write("  Tag        Type                         Name/Value\n");
  for (uint64_t i = 0; i < view.dynamic_count; ++i) {
    const Elf64_Dyn& entry = view.dynamic[i];
    out_.print(" 0x{:016x} {:<20} {}\n", static_cast<uint64_t>(entry.d_tag),
               fmt::format("({})", dynamic_tag(entry.d_tag)), dynamic_value(reader, entry));
    if (entry.d_tag == DT_NULL) break;
  }
}

std::string TextDumper::dynamic_value(const Reader& reader, const Elf64_Dyn& entry) const {
  const uint64_t value = entry.d_un.d_val;
  switch (entry.d_tag) {
    case DT_SONAME:
      return fmt::format("Library soname: [{}]", name(reader.string(value)));
    case DT_NEEDED:
      return fmt::format("Shared library: [{}]", name(reader.string(value)));
    case DT_STRSZ:
    case DT_SYMENT:
    case DT_RELASZ:
    case DT_RELAENT:
      return fmt::format("{} (bytes)", value);
    case DT_FLAGS:
      return dynamic_flags(entry);
    case DT_FLAGS_1:
      return "Flags: " + dynamic_flags(entry);
    default:
      return fmt::format("{:#x}", value);
  }
}

void TextDumper::needed_images(const Reader& reader, const std::vector<uint64_t>& words) {
  const wire::View& view = reader.view();
  if (unreadable(reader, TableKind::needed, view.needed, "Needed images") || view.needed_count == 0) return;
  out_.print("\nNeeds {} image{}:\n", view.needed_count, view.needed_count == 1 ? "" : "s");
  tools::Table table({{"Expected at"}, {"Size", Align::right}, {"Words", Align::right}, {"Content id"}, {"Name"}});
  for (uint64_t i = 0; i < view.needed_count; ++i) {
    const wire::Needed& needed = view.needed[i];
    table.add({fmt::format("{:016x}", needed.slot_address), fmt::format("{:#x}", needed.size), tools::grouped(words[i]),
               to_hex(needed.content_id, sizeof needed.content_id), name(reader.string(needed.name))});
  }
  table.print(&out_);
}

void TextDumper::members(const Reader& reader) {
  const wire::View& view = reader.view();
  if (unreadable(reader, TableKind::members, view.members, "Members") || view.member_count == 0) return;
  out_.print("\nLinked from {} image{}:\n", view.member_count, view.member_count == 1 ? "" : "s");
  tools::Table table({{"Data"}, {"Was"}, {"Size", Align::right}, {"Content id"}, {"Name"}});
  for (uint64_t i = 0; i < view.member_count; ++i) {
    const wire::Member& member = view.members[i];
    table.add({fmt::format("{:016x}", member.new_data_address), fmt::format("{:016x}", member.data_address),
               fmt::format("{:#x}", member.data_size), to_hex(member.content_id, sizeof member.content_id),
               name(reader.string(member.name)) + ((member.flags & wire::kMemberWhole) != 0 ? "" : " (not whole)")});
  }
  table.print(&out_);
}

}  // namespace fastboot::inspect
