// Output for people, in the form that readelf's users know.
#include <algorithm>

#include "common/table.h"
#include "common/zdecode.h"
#include "fastboot-inspect/dumper.h"
#include "fastboot-inspect/names.h"

namespace fastboot::inspect {
namespace {

using format::Reader;
using format::to_hex;
using tools::Align;
using wire::TableKind;

class TextDumper : public Dumper {
 public:
  TextDumper(const Options& options, tools::Output* out) : options_(options), out_(*out) {}

  void begin_file(const std::string& path) override {
    if (options_.files.size() > 1 && !options_.summary()) out_.print("\nFile: {}\n", tools::printable(path));
  }
  void problems(const std::vector<format::Error>&) override {}

  void summary(const Reader& reader) override {
    const wire::Header& header = *reader.view().header;
    out_.print("{}: fastboot snapshot {}.{}, x86_64, {} {} {}\n", tools::printable(reader.path()), header.format_major,
               header.format_minor, object_model(header.object_model), ghc_version(header.ghc_version),
               rts_way(header.rts_way));
    const uint64_t image = reader.view().data.size + reader.view().lazy.size;
    out_.print("  image     {}, {} at {:#x}, {} closures", name(reader.string(header.image_name)),
               tools::human_size(image), header.slot_address, tools::grouped(header.closures));
    if (header.lazy_closures != 0) out_.print(" ({} lazy)", tools::grouped(header.lazy_closures));
    out_.print("\n");
    summarize_roots(reader);
    summarize_targets(reader);
    const std::string id = to_hex(reader.content_id().data(), 16);
    out_.print("  content   xxh3 {}...{}, metadata {}\n", id.substr(0, 8), id.substr(id.size() - 4),
               reader.sound() ? "ok" : kCorrupt);
  }

  void header(const Reader& reader) override {
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

  void sections(const Reader& reader, const std::vector<format::Section>& sections) override {
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

  void symbols(const Reader& reader) override {
    const wire::View& view = reader.view();
    out_.print("\nSymbol table '.dynsym' contains {} entries:\n", view.symbol_count);
    out_.write("   Num:    Value          Size Type    Bind   Vis      Ndx Name\n");
    for (uint64_t i = 0; i < view.symbol_count; ++i) {
      const Elf64_Sym& symbol = view.symbols[i];
      const std::string index = symbol.st_shndx == SHN_UNDEF ? "UND" : fmt::format("{}", symbol.st_shndx);
      out_.print("{:6}: {:016x} {:5} {:<7} {:<6} DEFAULT {:>4} {}\n", i, symbol.st_value, symbol.st_size,
                 symbol_type(symbol.st_info), symbol_binding(symbol.st_info), index, cut(symbol_name(reader, i), 59));
    }
  }

  void relocs(const Reader& reader, uint64_t internal) override {
    const wire::View& view = reader.view();
    const uint64_t offset = view.table(TableKind::rela).address - view.header->slot_address;
    out_.print("\nRelocation section '.rela.dyn' at offset {:#x} contains {} entries:\n", offset, view.rela_count);
    out_.write("    Offset             Info             Type           Kind    Symbol's Name + Addend\n");
    for (uint64_t i = 0; i < view.rela_count; ++i) {
      const Elf64_Rela& rela = view.relas[i];
      out_.print("{:016x}  {:016x} {:<18} {:<7} {}", rela.r_offset, rela.r_info, relocation_type(rela.r_info),
                 relocation_class(reader, i), cut(relocation_symbol(reader, i), 66));
      if (rela.r_addend != 0 || i >= view.target_count) out_.print(" + {:x}", rela.r_addend);
      out_.write("\n");
    }
    out_.print("\nRebase stream '.fastboot.rebase' at offset {:#x} contains {} bytes: {} internal relocations\n",
               reader.rebase().file_offset().value(), reader.rebase().size(), tools::grouped(internal));
  }

  void notes(const Reader& reader) override {
    out_.write("\nDisplaying notes found in: .note.gnu.build-id\n  Owner                Data size \tDescription\n");
    out_.print("  GNU                  0x{:08x}\tNT_GNU_BUILD_ID (unique build ID bitstring)\n    Build ID: {}\n",
               wire::kContentIdSize, to_hex(reader.content_id().data(), wire::kContentIdSize));
    out_.write("\nDisplaying notes found in: .note.fastboot\n  Owner                Data size \tDescription\n");
    out_.print("  Fastboot             0x{:08x}\tFastboot snapshot header (type {})\n",
               reader.view().header->header_size, wire::kNoteType);
    snapshot_header(*reader.view().header, reader);
  }

  void dynamic(const Reader& reader, const std::vector<uint64_t>& words) override {
    const wire::View& view = reader.view();
    const uint64_t offset = view.table(TableKind::dynamic).address - view.header->slot_address;
    out_.print("\nDynamic section at offset {:#x} contains {} entries:\n", offset, view.dynamic_count);
    out_.write("  Tag        Type                         Name/Value\n");
    for (uint64_t i = 0; i < view.dynamic_count; ++i) {
      const Elf64_Dyn& entry = view.dynamic[i];
      const auto text = dynamic_text(reader, entry);
      const std::string value = !text                      ? fmt::format("{:#x}", entry.d_un.d_val)
                                : entry.d_tag == DT_NEEDED ? fmt::format("Shared library: [{}]", name(*text))
                                                           : fmt::format("Library soname: [{}]", name(*text));
      out_.print(" 0x{:016x} {:<20} {}\n", entry.d_tag, "(" + dynamic_tag(entry.d_tag) + ")", value);
    }
    needed_images(reader, words);
    members(reader);
  }

  void roots(const Reader& reader) override {
    const wire::View& view = reader.view();
    out_.print("\n{} root{}:\n", view.root_count, view.root_count == 1 ? "" : "s");
    tools::Table table({{"Address"}, {"Tag", Align::right}, {"Size", Align::right}, {"Name"}, {"Type"}});
    for (uint64_t i = 0; i < view.root_count; ++i) {
      const wire::Root& root = view.roots[i];
      table.add({fmt::format("{:016x}", root.address), fmt::format("{}", root.tag), fmt::format("{}", root.size),
                 name(reader.string(root.name)), name(reader.string(root.type_name))});
    }
    table.print(&out_);
  }

  void objects(const Reader& reader, const format::Census& census) override {
    out_.print("\n{} closures, {}", tools::grouped(census.all.closures), tools::human_size(census.all.bytes));
    if (census.lazy_closures != 0) out_.print(", {} of them lazy", tools::grouped(census.lazy_closures));
    out_.write(":\n");
    tools::Table table({{"Closures", Align::right}, {"Bytes", Align::right}, {"Share", Align::right}, {"Constructor"}});
    const double all = census.all.bytes == 0 ? 1 : static_cast<double>(census.all.bytes);
    for (const ObjectRow& row : object_rows(census)) {
      table.add({tools::grouped(row.count.closures), tools::grouped(row.count.bytes),
                 fmt::format("{:.1f} %", 100 * static_cast<double>(row.count.bytes) / all),
                 cut(target_name(reader, row.target), 44)});
    }
    table.print(&out_);
    out_.print("Besides: {} of block descriptors, {} unused\n", tools::human_size(census.descriptor_bytes),
               tools::human_size(census.unused_bytes));
  }

 private:
  void field(const char* title, const std::string& value) {
    out_.print("  {:<35}{}\n", fmt::format("{}:", title), value);
  }

  static std::string name(std::optional<std::string_view> text) { return tools::printable(checked(text)); }

  // Without -W a line has the width of a terminal, as readelf's.
  std::string cut(const std::string& text, size_t width) const {
    if (options_.wide || tools::display_width(text) <= width) return text;
    size_t end = width - 5;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end) + "[...]";
  }

  std::string symbol_name(const Reader& reader, uint64_t index) const {
    const std::string symbol = name(reader.symbol_name(index));
    return options_.decode ? tools::decode_symbol(symbol) : symbol;
  }

  std::string target_name(const Reader& reader, uint64_t index) const {
    const std::string target = name(reader.target_name(index));
    return options_.decode ? tools::decode_symbol(target) : target;
  }

  std::string relocation_symbol(const Reader& reader, uint64_t index) const {
    const wire::View& view = reader.view();
    return symbol_name(reader, ELF64_R_SYM(view.relas[index].r_info));
  }

  void needed_images(const Reader& reader, const std::vector<uint64_t>& words) {
    const wire::View& view = reader.view();
    if (view.needed_count == 0) return;
    out_.print("\nNeeds {} image{}:\n", view.needed_count, view.needed_count == 1 ? "" : "s");
    tools::Table table({{"Expected at"}, {"Size", Align::right}, {"Words", Align::right}, {"Content id"}, {"Name"}});
    for (uint64_t i = 0; i < view.needed_count; ++i) {
      const wire::Needed& needed = view.needed[i];
      table.add({fmt::format("{:016x}", needed.slot_address), fmt::format("{:#x}", needed.size),
                 tools::grouped(words[i]), to_hex(needed.content_id, sizeof needed.content_id),
                 name(reader.string(needed.name))});
    }
    table.print(&out_);
  }

  void members(const Reader& reader) {
    const wire::View& view = reader.view();
    if (view.member_count == 0) return;
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

  void summarize_roots(const Reader& reader) {
    const wire::View& view = reader.view();
    constexpr uint64_t kShown = 3;
    out_.print("  roots     {}", view.root_count);
    for (uint64_t i = 0; i < std::min(kShown, view.root_count); ++i) {
      const std::string type = name(reader.string(view.roots[i].type_name));
      out_.print("{} {} :: {}", i == 0 ? ":" : ",", name(reader.string(view.roots[i].name)), cut(type, 60));
    }
    out_.write(view.root_count > kShown ? ", ...\n" : "\n");
  }

  void summarize_targets(const Reader& reader) {
    const wire::View& view = reader.view();
    if (view.binding == nullptr) {
      out_.print("  targets   {}, binding {}\n", view.target_count, kCorrupt);
      return;
    }
    const uint32_t modules = view.binding->module_count;
    out_.print("  targets   {} in {} module{}", view.target_count, modules, modules == 1 ? "" : "s");
    for (uint32_t i = 0; i < std::min(modules, 3u); ++i) {
      const wire::BindingModule& module = view.modules[i];
      const std::string path = name(reader.binding_string(module.path));
      const std::string id = to_hex(module.build_id, std::min(module.build_id_size, wire::kMaxBuildId));
      out_.print("{}{}, build-id {}...", i == 0 ? " (" : "; ", path.substr(path.rfind('/') + 1), id.substr(0, 8));
    }
    out_.print("{}{}\n", modules > 3 ? "; ..." : "", modules == 0 ? "" : ")");
  }

  void snapshot_header(const wire::Header& header, const Reader& reader) {
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

  void tables(const wire::Header& header) {
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

  const Options& options_;
  tools::Output& out_;
};

}  // namespace

std::unique_ptr<Dumper> make_text_dumper(const Options& options, tools::Output* out) {
  return std::make_unique<TextDumper>(options, out);
}

}  // namespace fastboot::inspect
