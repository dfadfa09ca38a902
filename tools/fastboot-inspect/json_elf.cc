// What every ELF file has.
#include "fastboot-inspect/json_dumper.h"
#include "fastboot-inspect/names.h"

namespace fastboot::inspect {

using format::Reader;
using format::to_hex;
using wire::TableKind;

void JsonDumper::snapshot(const Reader& reader) {
  const wire::Header& header = *reader.view().header;
  json_.text("format", fmt::format("{}.{}", header.format_major, header.format_minor));
  json_.text("machine", "x86_64");
  json_.text("object_model", object_model(header.object_model));
  json_.text("ghc_version", ghc_version(header.ghc_version));
  json_.text("rts_way", rts_way(header.rts_way));
  string("image", reader.string(header.image_name));
  json_.address("slot_address", header.slot_address);
  json_.number("slot_bytes", header.slot_size);
  json_.number("closures", header.closures);
  json_.number("lazy_closures", header.lazy_closures);
  json_.number("metadata_bytes", header.hot_size);
  json_.text("metadata_hash", to_hex(header.metadata_hash, sizeof header.metadata_hash));
  json_.text("data_hash", to_hex(header.data_hash, sizeof header.data_hash));
  json_.text("content_id", to_hex(header.content_id, sizeof header.content_id));
}

void JsonDumper::header(const Reader& reader) {
  const wire::View& view = reader.view();
  json_.key("header");
  json_.begin_object();
  snapshot(reader);
  json_.address("section_headers_offset", view.ehdr->e_shoff);
  json_.number("program_header_count", view.ehdr->e_phnum);
  json_.number("section_header_count", view.ehdr->e_shnum);
  json_.key("tables");
  json_.begin_array();
  for (const wire::Table& table : view.header->tables) {
    json_.begin_object();
    json_.text("name", table_name(table.kind));
    json_.address("address", table.address);
    json_.number("bytes", table.size);
    json_.number("entry_bytes", table.entry_size);
    json_.number("count", table.count);
    json_.end_object();
  }
  json_.end_array();
  json_.end_object();
}

void JsonDumper::segments(const Reader& reader, const std::vector<format::Section>&) {
  const wire::View& view = reader.view();
  json_.key("segments");
  if (view.phdrs == nullptr) return json_.null();
  json_.begin_array();
  for (uint16_t i = 0; i < view.ehdr->e_phnum; ++i) {
    const Elf64_Phdr& phdr = view.phdrs[i];
    const std::string part = segment_part(reader, phdr);
    json_.begin_object();
    json_.text("type", segment_type(phdr.p_type));
    string("part", part.empty() ? std::nullopt : std::optional<std::string_view>(part));
    json_.address("offset", phdr.p_offset);
    json_.address("address", phdr.p_vaddr);
    json_.number("file_bytes", phdr.p_filesz);
    json_.number("bytes", phdr.p_memsz);
    json_.text("flags", segment_flags(phdr.p_flags));
    json_.number("align", phdr.p_align);
    json_.end_object();
  }
  json_.end_array();
}

void JsonDumper::sections(const Reader&, const std::vector<format::Section>& sections) {
  json_.key("sections");
  json_.begin_array();
  for (const format::Section& section : sections) {
    json_.begin_object();
    json_.text("name", section.name);
    json_.text("type", section_type(section.header.sh_type));
    json_.text("flags", section_flags(section.header.sh_flags));
    json_.address("address", section.header.sh_addr);
    json_.address("offset", section.header.sh_offset);
    json_.number("bytes", section.header.sh_size);
    json_.number("align", section.header.sh_addralign);
    json_.end_object();
  }
  json_.end_array();
}

void JsonDumper::symbols(const Reader& reader) {
  const wire::View& view = reader.view();
  if (!begin_table("symbols", reader, TableKind::dynsym, view.symbols)) return;
  for (uint64_t i = 0; i < view.symbol_count; ++i) {
    const Elf64_Sym& symbol = view.symbols[i];
    json_.begin_object();
    string("name", reader.symbol_name(i));
    decoded(reader.symbol_name(i));
    json_.text("type", symbol_type(symbol.st_info));
    json_.text("binding", symbol_binding(symbol.st_info));
    json_.boolean("defined", symbol.st_shndx != SHN_UNDEF);
    json_.address("address", symbol.st_value);
    json_.number("bytes", symbol.st_size);
    json_.end_object();
  }
  json_.end_array();
}

void JsonDumper::note(std::string_view owner, uint64_t type, uint64_t bytes) {
  json_.begin_object();
  json_.text("owner", owner);
  json_.number("type", type);
  json_.number("bytes", bytes);
  json_.end_object();
}

void JsonDumper::notes(const Reader& reader) {
  json_.key("notes");
  json_.begin_array();
  note("GNU", NT_GNU_BUILD_ID, wire::kContentIdSize);
  note(wire::kNoteOwner, wire::kNoteType, reader.view().header->header_size);
  json_.end_array();
}

void JsonDumper::dynamic(const Reader& reader, const std::vector<uint64_t>& words) {
  const wire::View& view = reader.view();
  json_.key("dynamic");
  json_.begin_object();
  if (begin_table("entries", reader, TableKind::dynamic, view.dynamic)) {
    for (uint64_t i = 0; i < view.dynamic_count; ++i) {
      const Elf64_Dyn& entry = view.dynamic[i];
      const auto text = dynamic_text(reader, entry);
      json_.begin_object();
      json_.text("tag", dynamic_tag(entry.d_tag));
      json_.key("value");
      text ? json_.text(*text) : json_.address(entry.d_un.d_val);
      json_.end_object();
      if (entry.d_tag == DT_NULL) break;
    }
    json_.end_array();
  }
  needed_images(reader, words);
  members(reader);
  json_.end_object();
}

void JsonDumper::needed_images(const Reader& reader, const std::vector<uint64_t>& words) {
  const wire::View& view = reader.view();
  if (!begin_table("needed", reader, TableKind::needed, view.needed)) return;
  for (uint64_t i = 0; i < view.needed_count; ++i) {
    const wire::Needed& needed = view.needed[i];
    json_.begin_object();
    string("name", reader.string(needed.name));
    json_.text("content_id", to_hex(needed.content_id, sizeof needed.content_id));
    json_.address("slot_address", needed.slot_address);
    json_.number("bytes", needed.size);
    json_.number("words", words[i]);
    json_.end_object();
  }
  json_.end_array();
}

void JsonDumper::members(const Reader& reader) {
  const wire::View& view = reader.view();
  if (!begin_table("members", reader, TableKind::members, view.members)) return;
  for (uint64_t i = 0; i < view.member_count; ++i) {
    const wire::Member& member = view.members[i];
    json_.begin_object();
    string("name", reader.string(member.name));
    json_.boolean("whole", (member.flags & wire::kMemberWhole) != 0);
    json_.text("content_id", to_hex(member.content_id, sizeof member.content_id));
    json_.address("slot_address", member.slot_address);
    json_.address("lazy_address", member.lazy_address);
    json_.number("lazy_bytes", member.lazy_size);
    json_.address("data_address", member.data_address);
    json_.number("data_bytes", member.data_size);
    json_.address("new_lazy_address", member.new_lazy_address);
    json_.address("new_data_address", member.new_data_address);
    json_.end_object();
  }
  json_.end_array();
}

}  // namespace fastboot::inspect
