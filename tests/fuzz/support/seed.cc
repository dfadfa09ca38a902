#include "fuzz/support/seed.h"

#include <elf.h>

#include <cstring>
#include <stdexcept>

#include "format/ghc_closures.h"
#include "format/reader.h"
#include "format/wire/emit.h"
#include "format/wire/parse.h"
#include "format/writer.h"
#include "reloc/ghc_names.h"
#include "unit/sample.h"

namespace fastboot::fuzz {

namespace ghc = format::ghc;
using format::Model;
using wire::TargetKind;

// --- the snapshot --------------------------------------------------------------------------------

namespace {

uint32_t add_target(Model* model, TargetKind kind, uint32_t type, uint64_t layout, std::string symbol, bool interned,
                    uint64_t bitmap_words = 0) {
  format::ModelTarget target;
  target.record.kind = static_cast<uint16_t>(kind);
  target.record.closure_type = type;
  target.record.layout = layout;
  target.symbol = std::move(symbol);
  if (interned) {
    uint64_t at = 0;
    const uint64_t size = wire::info_entry_size(target.record, 1, bitmap_words, &at);
    target.record.info_offset = model->info_size + at;
    model->info_size += size;
  }
  model->targets.push_back(std::move(target));
  return static_cast<uint32_t>(model->targets.size() - 1);
}

void add_code(Model* model) {
  const uint32_t plain = add_target(model, TargetKind::function, ghc::kFun10, 1, "Main_step_info", true);
  model->targets[plain].record.fun_type = 4;
  model->targets[plain].record.arity = 2;

  const uint32_t general = add_target(model, TargetKind::function, ghc::kFun, 2, "Main_wide_info", true, 3);
  wire::Target& wide = model->targets[general].record;
  wide.fun_type = 1;
  wide.arity = 70;
  wide.flags = wire::kTargetLargeBitmap;
  wide.bitmap = model->bitmaps.size();
  model->bitmaps.insert(model->bitmaps.end(), {70, 0x5555, 0x2a});
  const uint32_t slow = add_target(model, TargetKind::slow_entry, 0, 0, "Main_wide_slow", false);
  model->targets[slow].record.parent = general;

  const uint32_t fixed = add_target(model, TargetKind::function, ghc::kFun, 0, "Main_go_info", true);
  const uint32_t own = add_target(model, TargetKind::static_root, 0, 0, "Main_go_closure", false);
  model->targets[own].record.flags = wire::kTargetStaticRoot;
  wire::Target& go = model->targets[fixed].record;
  go.fun_type = 4;
  go.arity = 1;
  go.flags = wire::kTargetFunStatic;
  go.parent = own;

  add_target(model, TargetKind::static_closure, ghc::kThunkStatic, 0, "Main_table_closure", true);
}

uint64_t needed_slot(uint64_t index, uint64_t base) { return base + (index + 2) * wire::kSlotUnit; }

// The sample's words that point into other images lead to closures of needed_file().
void point_into(Model* model, uint64_t index) {
  constexpr uint64_t kFirst = wire::kUsualDataOffset + ghc::kDescriptorArea;  // a list's end, a number, a cell
  const uint64_t from = needed_slot(index, wire::kSlotBase), to = needed_slot(index, kSlot);
  const std::pair<uint64_t, uint64_t> moves[] = {{from, to + kFirst + 1},
                                                 {from + kFirst + 1, to + kFirst + 1},
                                                 {from + kFirst + 0x12, to + kFirst + 0x22},
                                                 {from + 2 * wire::kHugePageSize, to + kFirst + 1}};
  for (format::ByteSource* source : {&model->lazy, &model->data}) {
    Bytes bytes(source->size());
    require(source->read(0, bytes).has_value(), "bytes in memory can be read");
    for (size_t at = 0; at < bytes.size(); at += sizeof(uint64_t)) {
      uint64_t word;
      memcpy(&word, bytes.data() + at, sizeof word);
      for (const auto& [old, now] : moves) {
        if (word == old) memcpy(bytes.data() + at, &now, sizeof now);
      }
    }
    *source = format::ByteSource(std::move(bytes));
  }
  const Bytes& file = needed_file(index);
  wire::View view;
  wire::Error error;
  require(wire::parse(file.data(), file.size(), file.size(), true, &view, &error), "a needed image is sound");
  wire::Needed& record = model->needed[index].record;
  record.slot_address = to;
  record.size = view.data.address + view.data.size - to;
  memcpy(record.content_id, view.header->content_id, sizeof record.content_id);
  model->needed[index].name = needed_name(index);
}

Model make_model(const SeedOptions& options, const std::string& name, uint64_t slot) {
  Model model = test::sample({.cells = options.cells,
                              .large_array_bytes = options.array_bytes,
                              .lazy = options.lazy,
                              .raw = options.raw,
                              .needed = options.needed,
                              .member = options.member,
                              .name = name});
  model.slot_address = format::ImageAddress(slot);
  model.rts_way = 0;
  for (format::ModelTarget& target : model.targets) {
    if (target.symbol == "fastboot_lazy_entry") target.symbol = "fastboot_lazy_enter";
    if (target.record.kind == static_cast<uint16_t>(TargetKind::thunk)) target.symbol = "Main_lazzy_info";
  }
  if (options.lazy) add_target(&model, TargetKind::trampoline, ghc::kThunk, 1, "fastboot_forced_enter", true);
  if (options.code) add_code(&model);
  model.modules = {{std::vector<uint8_t>(20, kBuildIdByte), "/usr/bin/app"}};
  model.entries.clear();
  for (uint64_t i = 0; i < model.targets.size(); ++i) {
    const auto kind = static_cast<TargetKind>(model.targets[i].record.kind);
    const bool closure = kind == TargetKind::static_root || kind == TargetKind::static_closure;
    const uint64_t index = model.targets[i].symbol == "fastboot_forced_enter" ? Program::kForced : i;
    model.entries.push_back({closure ? Program::kData + 64 * i : Program::place(index), 0, 0});
  }
  for (uint64_t i = 0; i < options.needed; ++i) point_into(&model, i);
  return model;
}

}  // namespace

Model seed_model(const SeedOptions& options) { return make_model(options, "seed", kSlot); }

std::string needed_name(uint64_t index) { return "other" + std::to_string(index) + wire::kSnapshotEnding; }

const Bytes& needed_file(uint64_t index) {
  static const std::vector<Bytes> kFiles = [] {
    std::vector<Bytes> files;
    for (uint64_t i = 0; i < kMostNeeded; ++i) {
      const SeedOptions options = {.lazy = i == 0, .raw = false, .code = false};
      files.push_back(seed_file(make_model(options, "other" + std::to_string(i), needed_slot(i, kSlot))));
    }
    return files;
  }();
  return kFiles.at(index);
}

Bytes seed_file(const Model& model) {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path("seed.snap");
  if (const auto written = format::write(model, path); !written) throw std::runtime_error(written.error().describe());
  return test::read_file(path);
}

namespace {

// A key pair that anybody can know: RFC 8032, section 7.1, test 1.
constexpr char kSecret[] =
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

format::SecretKey secret_key() {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path("seed.key");
  MemoryFile file(path);  // of mode 0600
  const std::string line = std::string("fastboot-secret-key-1 ") + kSecret + "\n";
  file.set({reinterpret_cast<const uint8_t*>(line.data()), line.size()});
  auto key = format::SecretKey::read(path);
  require(key.has_value(), "the key is one");
  return std::move(*key);
}

}  // namespace

format::PublicKey seed_key() { return secret_key().public_key(); }

Bytes sign_seed(const Bytes& file) {
  MemoryFile unsigned_file;
  unsigned_file.set(file);
  const auto reader = format::Reader::open(unsigned_file.path());
  require(reader.has_value(), "the seed is sound");
  const format::ReadBytes read = [&](uint64_t offset, std::span<uint8_t> out) -> format::Result<void> {
    memcpy(out.data(), file.data() + offset, out.size());
    return {};
  };
  const auto signature = format::sign(reader->view(), read, secret_key());
  auto model = reader->model();
  require(signature.has_value() && model.has_value(), "the seed can be signed");
  model->signature = *signature;
  model->signed_content = reader->content_id();
  return seed_file(*model);
}

// --- the program ---------------------------------------------------------------------------------

namespace {

constexpr char kTyCon[] = "ghc-prim:GHC.Types.TyCon";
constexpr char kKindFun[] = "ghc-prim:GHC.Types.KindRepFun";
constexpr char kKindApp[] = "ghc-prim:GHC.Types.KindRepTyConApp";

class Linker {
 public:
  Linker(const Model& model, uint8_t build_id_byte, const Edits& edits)
      : model_(model), build_id_byte_(build_id_byte), edits_(edits) {
    program_.memory.resize(Program::kEnd - Program::kBase);
  }

  Program run() {
    for (uint64_t i = 0; i < model_.targets.size(); ++i) add(i);
    add_types();
    // What all code refers to: a number.
    put(kNumber, place(1));
    put<uint64_t>(kNumber + 8, edits_.closure ? 43 : 42);
    put<uint32_t>(Program::kText, 0x90909090);
    return link();
  }

 private:
  struct Name {
    std::string text;
    uint64_t address;
  };

  template <class T>
  void put(uint64_t address, T value) {
    memcpy(program_.memory.data() + (address - Program::kBase), &value, sizeof value);
  }
  uint64_t text(const std::string& value) {
    const uint64_t at = strings_;
    memcpy(program_.memory.data() + (at - Program::kBase), value.c_str(), value.size() + 1);
    strings_ += value.size() + 1;
    return at;
  }
  uint64_t bitmap(uint64_t index) {
    strings_ = wire::round_up(strings_, 8);
    const uint64_t at = strings_, words = 1 + (model_.bitmaps[index] + 63) / 64;
    for (uint64_t i = 0; i < words; ++i, strings_ += 8) put(strings_, model_.bitmaps[index + i]);
    return at;
  }
  uint64_t place(uint64_t index) const { return Program::place(index) + edits_.shift; }
  // lea number(%rip), %rax; mov $that, %ecx; ret
  void code(uint64_t entry, uint32_t that) {
    const uint8_t lea[] = {0x48, 0x8d, 0x05};
    memcpy(program_.memory.data() + (entry - Program::kBase), lea, sizeof lea);
    put<uint32_t>(entry + 3, static_cast<uint32_t>(kNumber - (entry + 7)));
    put<uint8_t>(entry + 7, 0xb9);
    put<uint32_t>(entry + 8, that);
    put<uint8_t>(entry + 12, 0xc3);
  }
  void table(uint64_t entry, uint64_t layout, uint32_t type, uint32_t srt, uint32_t that = 0) {
    put(entry - 16, layout);
    put(entry - 8, type);
    put(entry - 4, srt);
    code(entry, that);
  }
  uint64_t constructor(uint64_t entry, const std::string& description, uint64_t layout, uint32_t type, uint32_t tag) {
    table(entry, layout, type, tag);
    put<uint32_t>(entry - 24, static_cast<uint32_t>(text(description) - entry));
    return entry;
  }

  void add(uint64_t i) {
    const wire::Target& record = model_.targets[i].record;
    const auto kind = static_cast<TargetKind>(record.kind);
    const uint64_t entry = place(i);
    uint64_t offset = model_.entries[i].offset;
    if (offset < Program::kReadOnly) offset += edits_.shift;
    const bool mine = kind == TargetKind::function || kind == TargetKind::thunk;
    if (kind == TargetKind::constructor || !edits_.no_symbols) {
      names_.push_back({model_.targets[i].symbol + (mine && edits_.names ? "s" : ""), offset});
    }
    switch (kind) {
      case TargetKind::constructor:
        constructor(entry, model_.targets[i].name.value_or(""), record.layout + (edits_.layout ? 1 : 0),
                    record.closure_type, record.con_tag + edits_.con_tag);
        break;
      case TargetKind::function: {
        const bool fixed = (record.flags & wire::kTargetFunStatic) != 0;
        table(entry, record.layout, fixed ? ghc::kFunStatic : record.closure_type, 0,
              static_cast<uint32_t>(edits_.code && i % 2 == 0 ? i + 100 : i));
        put(entry - 24, record.fun_type);
        put(entry - 20, record.arity);
        if (record.fun_type <= 1) put<uint32_t>(entry - 40, static_cast<uint32_t>(place(i + 1) - entry));
        if ((record.flags & wire::kTargetLargeBitmap) != 0)
          put(entry - 32, static_cast<uint32_t>(bitmap(record.bitmap) - entry));
        put(Program::kData + 64 * i, entry);  // so that something refers to it
        if (fixed) put(Program::kData + 64 * record.parent, entry);
        break;
      }
      case TargetKind::static_closure:
        table(entry, 0, ghc::kThunkStatic, 0);
        put(Program::kData + 64 * i, entry);
        names_.push_back({"Main_table_info", entry});
        break;
      default:
        table(kind == TargetKind::trampoline ? offset : entry, record.layout, record.closure_type, 0);
        if (kind == TargetKind::thunk) put(Program::kData + 64 * i, entry);
    }
  }

  // Type representations, as $tc'Con has them: the constructors' fields are of one type without fields.
  void add_types() {
    uint64_t next = model_.targets.size();
    const uint64_t tycon = constructor(place(next++), kTyCon, 4 | uint64_t{2} << 32, ghc::kConstr, 0);
    const uint64_t fun = constructor(place(next++), kKindFun, 2, ghc::kConstr20, 3);
    const uint64_t app = constructor(place(next++), kKindApp, 2, ghc::kConstr20, 0);
    uint64_t data = Program::kData + 64 * next;
    const uint64_t type = closure(&data, "Main_zdtcT_closure", {tycon, 0, 0, 0});
    const uint64_t result = closure(&data, "", {app, type, 0});
    for (const format::ModelTarget& target : model_.targets) {
      if (!target.name) continue;
      const auto name = reloc::parse_constructor(*target.name);
      const uint64_t kind = closure(&data, "", {fun, result + 1, result + 1});
      if (name) closure(&data, name->symbol("$tc'") + "_closure", {tycon, 0, 0, kind + 4});
    }
  }
  uint64_t closure(uint64_t* at, const std::string& name, std::initializer_list<uint64_t> words) {
    const uint64_t start = *at;
    if (!name.empty()) names_.push_back({name, start});
    for (const uint64_t word : words) {
      put(*at, word);
      *at += 8;
    }
    return start;
  }

  // --- the file
  static uint32_t add_string(std::string* strings, const std::string& value) {
    const auto at = static_cast<uint32_t>(strings->size());
    *strings += value;
    *strings += '\0';
    return at;
  }
  void append(const void* bytes, size_t size) {
    const auto* from = static_cast<const uint8_t*>(bytes);
    program_.elf.insert(program_.elf.end(), from, from + size);
  }
  uint64_t align() {
    program_.elf.resize(wire::round_up(program_.elf.size(), 8));
    return program_.elf.size();
  }

  Elf64_Shdr section(const char* name, uint32_t type, uint64_t flags, uint64_t address, uint64_t size) {
    Elf64_Shdr header = {};
    header.sh_name = add_string(&section_names_, name);
    header.sh_type = type;
    header.sh_flags = flags;
    header.sh_addr = address;
    header.sh_offset = address == 0 ? 0 : kLoaded + (address - Program::kBase);
    header.sh_size = size;
    header.sh_addralign = 1;
    return header;
  }
  Elf64_Shdr appended(const char* name, uint32_t type, const void* bytes, size_t size) {
    Elf64_Shdr header = section(name, type, 0, 0, size);
    header.sh_offset = align();
    append(bytes, size);
    return header;
  }

  Program link() {
    struct {
      Elf64_Nhdr header = {4, 20, NT_GNU_BUILD_ID};
      char owner[4] = {'G', 'N', 'U', 0};
      uint8_t id[20];
    } note;
    memset(note.id, build_id_byte_, sizeof note.id);
    program_.elf.resize(kLoaded);
    append(program_.memory.data(), program_.memory.size());
    std::vector<Elf64_Shdr> sections(1);
    section_names_ = std::string(1, '\0');
    sections.push_back(
        section(".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, Program::kText, Program::kReadOnly - Program::kText));
    sections.push_back(
        section(".rodata", SHT_PROGBITS, SHF_ALLOC, Program::kReadOnly, Program::kData - Program::kReadOnly));
    sections.push_back(
        section(".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, Program::kData, Program::kEnd - Program::kData));
    sections.push_back(appended(".note.gnu.build-id", SHT_NOTE, &note, sizeof note));
    const uint64_t note_offset = sections.back().sh_offset;
    constexpr char kComment[] = "GHC 9.0.2";
    sections.push_back(appended(".comment", SHT_PROGBITS, kComment, sizeof kComment));
    std::string strings(1, '\0');
    std::vector<Elf64_Sym> symbols(1);
    for (const Name& name : names_) {
      const bool is_code = name.address < Program::kReadOnly;
      const auto info = static_cast<unsigned char>(ELF64_ST_INFO(STB_GLOBAL, is_code ? STT_FUNC : STT_OBJECT));
      symbols.push_back(
          {add_string(&strings, name.text), info, 0, static_cast<Elf64_Section>(is_code ? 1 : 3), name.address, 0});
    }
    sections.push_back(appended(".symtab", SHT_SYMTAB, symbols.data(), symbols.size() * sizeof(Elf64_Sym)));
    sections.back().sh_entsize = sizeof(Elf64_Sym);
    sections.back().sh_link = static_cast<uint32_t>(sections.size());
    sections.back().sh_info = 1;
    sections.push_back(appended(".strtab", SHT_STRTAB, strings.data(), strings.size()));
    sections.push_back(section(".shstrtab", SHT_STRTAB, 0, 0, 0));
    sections.back().sh_offset = align();
    sections.back().sh_size = section_names_.size();
    append(section_names_.data(), section_names_.size());
    const uint64_t headers = align();
    append(sections.data(), sections.size() * sizeof(Elf64_Shdr));
    write_headers(headers, sections.size(), note_offset, sizeof note);
    return std::move(program_);
  }

  void write_headers(uint64_t section_headers, size_t section_count, uint64_t note_offset, uint64_t note_size) {
    Elf64_Ehdr ehdr = {};
    memcpy(ehdr.e_ident, ELFMAG, SELFMAG);
    ehdr.e_ident[EI_CLASS] = ELFCLASS64;
    ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
    ehdr.e_ident[EI_VERSION] = EV_CURRENT;
    ehdr.e_type = ET_EXEC;
    ehdr.e_machine = EM_X86_64;
    ehdr.e_version = EV_CURRENT;
    ehdr.e_phoff = sizeof ehdr;
    ehdr.e_shoff = section_headers;
    ehdr.e_ehsize = sizeof ehdr;
    ehdr.e_phentsize = sizeof(Elf64_Phdr);
    ehdr.e_phnum = 2;
    ehdr.e_shentsize = sizeof(Elf64_Shdr);
    ehdr.e_shnum = static_cast<uint16_t>(section_count);
    ehdr.e_shstrndx = static_cast<uint16_t>(section_count - 1);
    Elf64_Phdr load = {PT_LOAD,
                       PF_R | PF_X | PF_W,
                       kLoaded,
                       Program::kBase,
                       Program::kBase,
                       program_.memory.size(),
                       program_.memory.size(),
                       4096};
    Elf64_Phdr note = {PT_NOTE, PF_R, note_offset, 0, 0, note_size, note_size, 4};
    memcpy(program_.elf.data(), &ehdr, sizeof ehdr);
    memcpy(program_.elf.data() + sizeof ehdr, &load, sizeof load);
    memcpy(program_.elf.data() + sizeof ehdr + sizeof load, &note, sizeof note);
  }

  static constexpr uint64_t kLoaded = 4096;  // file offset of `memory`
  static constexpr uint64_t kNumber = Program::kData + 64;

  const Model& model_;
  uint8_t build_id_byte_;
  const Edits edits_;
  Program program_;
  std::vector<Name> names_;
  uint64_t strings_ = Program::kReadOnly;
  std::string section_names_;
};

}  // namespace

Program make_program(const Model& model, uint8_t build_id_byte, const Edits& edits) {
  return Linker(model, build_id_byte, edits).run();
}

}  // namespace fastboot::fuzz
