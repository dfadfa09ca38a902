// Symbols of ELF files, and the names that a snapshot's targets get from them. The good file is this very program.
#include <doctest/doctest.h>
#include <elf.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "format/reader.h"
#include "reloc/annotate.h"
#include "reloc/symbols.h"
#include "unit/sample.h"

extern "C" {
// Something to look for: code, and data under two names.
[[gnu::noinline, gnu::used]] int fastboot_test_code(int x) { return x + 42; }
extern const int fastboot_test_words[4] = {1, 2, 3, 4};
extern const int fastboot_test_words_closure[4] __attribute__((alias("fastboot_test_words")));
}

namespace fastboot::reloc {
namespace {

using wire::Code;

const char kSelf[] = "/proc/self/exe";

uint64_t load_bias() {
  uint64_t bias = 0;
  const auto first = [](dl_phdr_info* info, size_t, void* out) {
    *static_cast<uint64_t*>(out) = info->dlpi_addr;
    return 1;
  };
  dl_iterate_phdr(first, &bias);
  return bias;
}

template <class T>
ModuleAddress place(T* pointer) {
  return ModuleAddress(reinterpret_cast<uint64_t>(pointer) - load_bias());
}

format::Error error_of(const std::string& path) {
  const auto symbols = Symbols::read(path);
  REQUIRE(!symbols);
  CHECK(symbols.error().file == path);
  CHECK(!symbols.error().message.empty());
  CHECK(symbols.error().message.back() != '.');
  return symbols.error();
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("symbols of this program") {
  const auto symbols = Symbols::read(kSelf);
  REQUIRE(symbols);
  CHECK(symbols->has_symtab());
  CHECK(symbols->require_symtab());
  CHECK(symbols->build_id().size() == 20);

  const auto code = symbols->at(place(&fastboot_test_code));
  REQUIRE(!code.empty());
  CHECK(code[0].name == "fastboot_test_code");
  CHECK(code[0].section == SectionKind::code);
  CHECK(code[0].global);
  CHECK(code[0].size > 0);

  const auto data = symbols->at(place(&fastboot_test_words));
  REQUIRE(data.size() == 2);
  CHECK(data[0].name == "fastboot_test_words_closure");  // GHC's kind of name first
  CHECK(data[1].name == "fastboot_test_words");
  CHECK(data[0].section == SectionKind::read_only);
  CHECK(data[0].size == sizeof fastboot_test_words);

  CHECK(symbols->at(place(&fastboot_test_code) + 1).empty());
  CHECK(symbols->describe(place(&fastboot_test_code) + 1) == "fastboot_test_code+0x1");
  CHECK(symbols->describe(place(&fastboot_test_words)) == "fastboot_test_words_closure");
  CHECK(symbols->nearest(ModuleAddress(0)) == nullptr);
  CHECK(symbols->describe(ModuleAddress(0)) == "0x0");
  CHECK(symbols->mentions("fastboot_test_co"));
  CHECK(symbols->mentions("strlen"));  // undefined here
  CHECK(!symbols->mentions("fastboot_no_such_symbol"));
}

TEST_CASE("symbols are sorted, and none stands twice at one address") {
  const auto symbols = Symbols::read(kSelf);
  REQUIRE(symbols);
  const auto all = symbols->all();
  REQUIRE(all.size() > 1000);
  for (size_t i = 1; i < all.size(); ++i) {
    const bool same = all[i - 1].address == all[i].address;
    REQUIRE((same || all[i - 1].address < all[i].address));
    REQUIRE((!same || all[i - 1].global >= all[i].global));
    REQUIRE((!same || all[i - 1].name != all[i].name));
  }
}

TEST_CASE("files without symbols to read") {
  const test::TemporaryDirectory directory;
  CHECK(error_of(directory.path("none")).code == Code::not_found);
  CHECK(error_of("/").code == Code::not_regular);
  CHECK(error_of("/dev/null").code == Code::not_regular);
  const std::string fifo = directory.path("fifo");
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(error_of(fifo).code == Code::not_regular);

  const std::string path = directory.path("file");
  const auto message = [&](const std::vector<uint8_t>& bytes) {
    test::write_file(path, bytes);
    const format::Error error = error_of(path);
    CHECK(error.code == (bytes.empty() ? Code::empty_file : Code::no_symbols));
    return error.message;
  };
  CHECK(contains(message({}), "empty"));
  CHECK(contains(message({'a'}), "not an ELF file"));
  CHECK(contains(message({'#', '!', '/', 'b'}), "a script"));
  CHECK(contains(message({0x7f, 'E', 'L', 'F'}), "not an ELF file"));

  std::vector<uint8_t> bytes = test::read_file(kSelf);
  bytes.resize(sizeof(Elf64_Ehdr));
  const auto change = [&](size_t offset, uint8_t value) {
    std::vector<uint8_t> changed = bytes;
    changed[offset] = value;
    return message(changed);
  };
  CHECK(contains(message(bytes), "damaged"));
  CHECK(contains(change(EI_CLASS, ELFCLASS32), "32-bit"));
  CHECK(contains(change(EI_DATA, ELFDATA2MSB), "big-endian"));
  CHECK(contains(change(offsetof(Elf64_Ehdr, e_machine), EM_AARCH64), "machine 183, expected 62"));
  CHECK(contains(change(offsetof(Elf64_Ehdr, e_type), ET_REL), "not linked"));
  CHECK(contains(change(offsetof(Elf64_Ehdr, e_type), ET_CORE), "core dump"));
}

namespace {

// A small ELF file: ELF header, a note with a build-id, a string table, a symbol table, section headers.
struct SmallElf {
  Elf64_Ehdr ehdr = {};
  Elf64_Phdr note_segment = {};
  struct {
    Elf64_Nhdr header = {4, 4, NT_GNU_BUILD_ID};
    char owner[4] = "GNU";
    uint8_t id[4] = {0xde, 0xad, 0xbe, 0xef};
  } note;
  char strings[24] = "\0one_info\0two\0.Llocal";
  Elf64_Sym symbols[5] = {};
  Elf64_Shdr sections[4] = {};

  explicit SmallElf(bool symtab) {
    memcpy(ehdr.e_ident, ELFMAG, SELFMAG);
    ehdr.e_ident[EI_CLASS] = ELFCLASS64;
    ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
    ehdr.e_ident[EI_VERSION] = EV_CURRENT;
    ehdr.e_type = ET_DYN;
    ehdr.e_machine = EM_X86_64;
    ehdr.e_version = EV_CURRENT;
    ehdr.e_ehsize = sizeof ehdr;
    ehdr.e_phoff = offsetof(SmallElf, note_segment);
    ehdr.e_phentsize = sizeof(Elf64_Phdr);
    ehdr.e_phnum = 1;
    ehdr.e_shoff = offsetof(SmallElf, sections);
    ehdr.e_shentsize = sizeof(Elf64_Shdr);
    ehdr.e_shnum = 4;
    note_segment.p_type = PT_NOTE;
    note_segment.p_offset = offsetof(SmallElf, note);
    note_segment.p_filesz = sizeof note;
    sections[1].sh_type = SHT_PROGBITS;
    sections[1].sh_flags = SHF_ALLOC | SHF_EXECINSTR;
    sections[2].sh_type = SHT_STRTAB;
    sections[2].sh_offset = offsetof(SmallElf, strings);
    sections[2].sh_size = sizeof strings;
    sections[3].sh_type = symtab ? SHT_SYMTAB : SHT_DYNSYM;
    sections[3].sh_offset = offsetof(SmallElf, symbols);
    sections[3].sh_size = sizeof symbols;
    sections[3].sh_link = 2;
    sections[3].sh_entsize = sizeof(Elf64_Sym);
    set(1, 1, STB_LOCAL, 0x1000);    // one_info
    set(2, 10, STB_GLOBAL, 0x1000);  // two: global, so preferred
    set(3, 1, STB_LOCAL, 0x2000);    // one_info again, elsewhere
    set(4, 14, STB_LOCAL, 0x3000);   // .Llocal
  }
  void set(int index, uint32_t name, unsigned char binding, uint64_t value) {
    symbols[index] = {name, static_cast<unsigned char>(ELF64_ST_INFO(binding, STT_NOTYPE)), 0, 1, value, 0};
  }
  std::vector<uint8_t> bytes() const {
    const auto* begin = reinterpret_cast<const uint8_t*>(this);
    return {begin, begin + sizeof *this};
  }
};

const std::vector<uint8_t> kSmallId = {0xde, 0xad, 0xbe, 0xef};

}  // namespace

TEST_CASE("preference among the symbols at one address") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path("small");
  test::write_file(path, SmallElf(true).bytes());
  const auto symbols = Symbols::read(path);
  REQUIRE_MESSAGE(symbols, symbols.error().describe());
  CHECK(symbols->build_id() == kSmallId);
  const auto found = symbols->at(ModuleAddress(0x1000));
  REQUIRE(found.size() == 2);
  CHECK(found[0].name == "two");
  CHECK(found[1].name == "one_info");
  CHECK(symbols->describe(ModuleAddress(0x1008)) == "two+0x8");
}

TEST_CASE("a stripped file") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path("small");
  test::write_file(path, SmallElf(false).bytes());
  const auto symbols = Symbols::read(path);
  REQUIRE(symbols);
  CHECK(!symbols->at(ModuleAddress(0x1000)).empty());
  const auto complete = symbols->require_symtab();
  REQUIRE(!complete);
  CHECK(complete.error().code == Code::no_symbols);
  CHECK(contains(complete.error().message, "strip --strip-debug, which keeps what is needed"));
}

// Every byte of a small file set to several values, and every truncation: an error or symbols, and no crash.
TEST_CASE("damaged files") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path("small");
  const std::vector<uint8_t> good = SmallElf(true).bytes();
  const auto attempt = [&](const std::vector<uint8_t>& bytes) {
    test::write_file(path, bytes);
    const auto symbols = Symbols::read(path);
    if (symbols) {
      symbols->describe(ModuleAddress(0x1234));
      return true;
    }
    CHECK((symbols.error().code == Code::no_symbols || symbols.error().code == Code::empty_file));
    return false;
  };
  REQUIRE(attempt(good));
  for (size_t size = 0; size < good.size(); ++size) {
    CHECK(!attempt({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}));
  }
  for (size_t i = 0; i < good.size(); ++i) {
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      std::vector<uint8_t> bad = good;
      bad[i] = static_cast<uint8_t>(value);
      attempt(bad);
    }
  }
}

namespace {

// A model of `offsets.size()` private targets in one module.
format::Model model_of(const std::string& path, const std::vector<uint64_t>& offsets) {
  format::Model model;
  model.modules.push_back({kSmallId, path});
  for (size_t i = 0; i < offsets.size(); ++i) {
    model.targets.push_back({{}, fmt::format("fb.t.{}", i), std::nullopt});
    model.entries.push_back({offsets[i], 0, 0});
  }
  return model;
}

std::vector<std::string> names_of(const format::Model& model) {
  std::vector<std::string> names;
  for (const format::ModelTarget& target : model.targets) names.push_back(target.symbol);
  return names;
}

}  // namespace

TEST_CASE("targets get the names of the symbols at their addresses") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path("small");
  test::write_file(path, SmallElf(true).bytes());
  SUBCASE("exact ones only, and no assembler's labels") {
    format::Model model = model_of(path, {0x1000, 0x1001, 0x2000, 0x3000, 0x1000});
    model.entries[4].module = wire::kNoModule;
    const auto modules = open_modules(model);
    REQUIRE(modules);
    const Annotation annotation = annotate(&model, *modules);
    CHECK(names_of(model) == std::vector<std::string>{"two", "fb.t.1", "one_info", "fb.t.3", "fb.t.4"});
    CHECK(annotation.named == 2);
    CHECK(annotation.private_code == 3);
  }
  SUBCASE("not one name for two different targets") {
    SmallElf elf(true);
    elf.set(2, 14, STB_LOCAL, 0x4000);  // one_info alone at 0x1000, and at 0x2000
    test::write_file(path, elf.bytes());
    format::Model model = model_of(path, {0x1000, 0x2000});
    const auto modules = open_modules(model);
    REQUIRE(modules);
    annotate(&model, *modules);
    CHECK(names_of(model) == std::vector<std::string>{"fb.t.0", "fb.t.1"});
    // Two records of one thing share it.
    model = model_of(path, {0x1000, 0x1000});
    annotate(&model, *modules);
    CHECK(names_of(model) == std::vector<std::string>{"one_info", "one_info"});
  }
  SUBCASE("a file that is gone leaves the names") {
    format::Model model = model_of(directory.path("none"), {0x1000});
    const auto modules = open_modules(model);
    REQUIRE(modules);
    CHECK(modules->at(0).problem.code == Code::not_found);
    annotate(&model, *modules);
    CHECK(names_of(model) == std::vector<std::string>{"fb.t.0"});
  }
  SUBCASE("another build is refused") {
    format::Model model = model_of(path, {0x1000});
    model.modules[0].build_id = {1, 2, 3};
    const auto modules = open_modules(model);
    REQUIRE(!modules);
    CHECK(modules.error().code == Code::wrong_build);
    CHECK(contains(modules.error().message, "deadbeef"));
    CHECK(contains(modules.error().message, "010203"));
  }
}

}  // namespace fastboot::reloc
