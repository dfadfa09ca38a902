// Output for programs: one document for the run. docs/JSON.md describes it; a change that takes something away or gives
// it another meaning raises kSchemaVersion.
#include <algorithm>

#include "common/json.h"
#include "common/zdecode.h"
#include "fastboot-inspect/dumper.h"
#include "fastboot-inspect/names.h"

namespace fastboot::inspect {
namespace {

using format::Reader;
using format::to_hex;

constexpr uint64_t kSchemaVersion = 1;

class JsonDumper : public Dumper {
 public:
  JsonDumper(const Options& options, tools::Output* out) : options_(options), json_(out) {}

  void begin_run() override {
    json_.begin_object();
    json_.text("schema", "fastboot-inspect");
    json_.number("schema_version", kSchemaVersion);
    json_.key("files");
    json_.begin_array();
  }
  void end_run() override {
    json_.end_array();
    json_.end_object();
  }
  void begin_file(const std::string& path) override {
    json_.begin_object();
    json_.text("file", path);
  }
  void end_file() override { json_.end_object(); }

  void problems(const std::vector<format::Error>& problems) override {
    json_.boolean("ok", problems.empty());
    json_.key("problems");
    json_.begin_array();
    for (const format::Error& problem : problems) {
      json_.begin_object();
      json_.number("code", static_cast<uint64_t>(problem.code));
      json_.text("name", format::code_name(problem.code));
      json_.text("message", problem.message);
      json_.key("section");
      problem.section.empty() ? json_.null() : json_.text(problem.section);
      json_.key("offset");
      problem.offset ? json_.address(problem.offset->value()) : json_.null();
      json_.end_object();
    }
    json_.end_array();
  }

  void summary(const Reader& reader) override {
    const wire::View& view = reader.view();
    json_.key("summary");
    json_.begin_object();
    snapshot(reader);
    json_.number("image_bytes", view.data.size + view.lazy.size);
    json_.number("file_bytes", reader.file_size());
    json_.number("root_count", view.root_count);
    json_.number("target_count", view.target_count);
    json_.key("modules");
    json_.begin_array();
    for (uint32_t i = 0; view.binding != nullptr && i < view.binding->module_count; ++i) {
      const wire::BindingModule& module = view.modules[i];
      json_.begin_object();
      string("path", reader.binding_string(module.path));
      json_.text("build_id", to_hex(module.build_id, std::min(module.build_id_size, wire::kMaxBuildId)));
      json_.end_object();
    }
    json_.end_array();
    json_.end_object();
  }

  void header(const Reader& reader) override {
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

  void sections(const Reader&, const std::vector<format::Section>& sections) override {
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

  void symbols(const Reader& reader) override {
    const wire::View& view = reader.view();
    json_.key("symbols");
    json_.begin_array();
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

  void relocs(const Reader& reader, uint64_t internal) override {
    const wire::View& view = reader.view();
    json_.key("relocations");
    json_.begin_object();
    json_.number("internal_count", internal);
    json_.number("rebase_bytes", reader.rebase().size());
    json_.key("entries");
    json_.begin_array();
    for (uint64_t i = 0; i < view.rela_count; ++i) {
      const Elf64_Rela& rela = view.relas[i];
      json_.begin_object();
      json_.address("address", rela.r_offset);
      json_.text("type", relocation_type(rela.r_info));
      json_.text("kind", relocation_class(reader, i));
      string("symbol", reader.symbol_name(ELF64_R_SYM(rela.r_info)));
      decoded(reader.symbol_name(ELF64_R_SYM(rela.r_info)));
      json_.key("addend");
      json_.number(rela.r_addend);
      json_.end_object();
    }
    json_.end_array();
    json_.end_object();
  }

  void notes(const Reader& reader) override {
    json_.key("notes");
    json_.begin_array();
    note("GNU", NT_GNU_BUILD_ID, wire::kContentIdSize);
    note(wire::kNoteOwner, wire::kNoteType, reader.view().header->header_size);
    json_.end_array();
  }

  void dynamic(const Reader& reader, const std::vector<uint64_t>& words) override {
    const wire::View& view = reader.view();
    json_.key("dynamic");
    json_.begin_object();
    json_.key("entries");
    json_.begin_array();
    for (uint64_t i = 0; i < view.dynamic_count; ++i) {
      const Elf64_Dyn& entry = view.dynamic[i];
      const auto text = dynamic_text(reader, entry);
      json_.begin_object();
      json_.text("tag", dynamic_tag(entry.d_tag));
      json_.key("value");
      text ? json_.text(*text) : json_.address(entry.d_un.d_val);
      json_.end_object();
    }
    json_.end_array();
    needed_images(reader, words);
    members(reader);
    json_.end_object();
  }

  void roots(const Reader& reader) override {
    const wire::View& view = reader.view();
    json_.key("roots");
    json_.begin_array();
    for (uint64_t i = 0; i < view.root_count; ++i) {
      const wire::Root& root = view.roots[i];
      json_.begin_object();
      string("name", reader.string(root.name));
      string("type", reader.string(root.type_name));
      json_.text("type_fingerprint", fmt::format("{:016x}{:016x}", root.type_fingerprint[0], root.type_fingerprint[1]));
      json_.address("address", root.address);
      json_.number("tag", root.tag);
      json_.number("bytes", root.size);
      json_.end_object();
    }
    json_.end_array();
  }

  void objects(const Reader& reader, const format::Census& census) override {
    json_.key("objects");
    json_.begin_object();
    json_.number("closures", census.all.closures);
    json_.number("bytes", census.all.bytes);
    json_.number("lazy_closures", census.lazy_closures);
    json_.number("descriptor_bytes", census.descriptor_bytes);
    json_.number("unused_bytes", census.unused_bytes);
    json_.key("by_constructor");
    json_.begin_array();
    for (const ObjectRow& row : object_rows(census)) {
      json_.begin_object();
      string("name", reader.target_name(row.target));
      decoded(reader.target_name(row.target));
      json_.text("kind", target_kind(reader.view().targets[row.target].kind));
      json_.number("target", row.target);
      json_.number("closures", row.count.closures);
      json_.number("bytes", row.count.bytes);
      json_.end_object();
    }
    json_.end_array();
    json_.end_object();
  }

 private:
  // A string that cannot be read is null.
  void string(std::string_view key, std::optional<std::string_view> text) {
    json_.key(key);
    text ? json_.text(*text) : json_.null();
  }
  void decoded(std::optional<std::string_view> symbol) {
    if (!options_.decode) return;
    json_.key("decoded");
    symbol ? json_.text(tools::decode_symbol(*symbol)) : json_.null();
  }

  void needed_images(const Reader& reader, const std::vector<uint64_t>& words) {
    json_.key("needed");
    json_.begin_array();
    for (uint64_t i = 0; i < reader.view().needed_count; ++i) {
      const wire::Needed& needed = reader.view().needed[i];
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

  void members(const Reader& reader) {
    json_.key("members");
    json_.begin_array();
    for (uint64_t i = 0; i < reader.view().member_count; ++i) {
      const wire::Member& member = reader.view().members[i];
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

  void note(std::string_view owner, uint64_t type, uint64_t bytes) {
    json_.begin_object();
    json_.text("owner", owner);
    json_.number("type", type);
    json_.number("bytes", bytes);
    json_.end_object();
  }

  // What summary and header have in common.
  void snapshot(const Reader& reader) {
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

  const Options& options_;
  tools::Json json_;
};

}  // namespace

std::unique_ptr<Dumper> make_json_dumper(const Options& options, tools::Output* out) {
  return std::make_unique<JsonDumper>(options, out);
}

}  // namespace fastboot::inspect
