// Reading symbols with LLVM's libObject.
//
// The file is mapped, not read: of a program of 100 MB only the symbol tables are touched. Its owner may truncate it
// meanwhile, which would end us with SIGBUS; linkers replace their output instead, and a running program cannot be
// written.
#include "reloc/symbols.h"

#include <fcntl.h>
#include <llvm/Object/ELF.h>
#include <llvm/Support/MemoryBuffer.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <tuple>

// After LLVM, whose enumerators have the names of <elf.h>'s macros: below this line it is the macros that are meant.
#include "format/wire/structs.h"

namespace fastboot::reloc {

using format::fail;
using format::Failure;
using wire::Code;
using Elf = llvm::object::ELFFile<llvm::object::ELF64LE>;
using Shdr = Elf::Elf_Shdr;

struct Symbols::Contents {
  std::string path;
  std::unique_ptr<llvm::MemoryBuffer> bytes;
  std::vector<uint8_t> build_id;
  std::vector<Symbol> symbols;
  std::vector<std::string_view> undefined;
  std::vector<SectionBytes> sections;
  std::vector<Import> imports;
  std::vector<RelativeWord> relative;
  std::vector<std::string> needed, library_path;
  bool has_symtab = false;
};

namespace {

Failure unusable(const std::string& path, std::string message) {
  return fail(Code::no_symbols, std::move(message), path);
}

// LLVM's message, as ours are: one line, no full stop.
Failure damaged(const std::string& path, llvm::Error error) {
  std::string message = llvm::toString(std::move(error));
  std::replace(message.begin(), message.end(), '\n', ' ');
  return unusable(path, fmt::format("a damaged ELF file: {}; link it again", message));
}

// --- the file ------------------------------------------------------------------------------------

Result<std::unique_ptr<llvm::MemoryBuffer>> map_file(int descriptor, const std::string& path) {
  struct stat status = {};
  if (fstat(descriptor, &status) != 0)
    return fail(Code::not_readable, fmt::format("cannot stat: {}", strerror(errno)), path);
  if (S_ISDIR(status.st_mode))
    return fail(Code::not_regular, "a directory, expected a program or shared library", path);
  if (!S_ISREG(status.st_mode))
    return fail(Code::not_regular, "not a regular file, expected a program or shared library", path);
  if (status.st_size == 0)
    return fail(Code::empty_file, "the file is empty, expected a program or shared library", path);
  auto bytes = llvm::MemoryBuffer::getOpenFile(descriptor, path, static_cast<uint64_t>(status.st_size),
                                               /*RequiresNullTerminator=*/false);
  if (!bytes) return fail(Code::not_readable, fmt::format("cannot read: {}", bytes.getError().message()), path);
  return std::move(*bytes);
}

Result<std::unique_ptr<llvm::MemoryBuffer>> open_file(const std::string& path) {
  // O_NONBLOCK: a FIFO in the file's place must not make us wait.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    return fail(errno == ENOENT ? Code::not_found : Code::not_readable, fmt::format("cannot open: {}", strerror(errno)),
                path);
  }
  auto bytes = map_file(descriptor, path);
  ::close(descriptor);
  return bytes;
}

const char* type_name(unsigned type) {
  switch (type) {
    case ET_REL:
      return "an object file that is not linked";
    case ET_CORE:
      return "a core dump";
    default:
      return "an ELF file of an unknown type";
  }
}

Result<Elf> open_elf(const std::string& path, llvm::StringRef bytes) {
  if (bytes.startswith("#!")) {
    return unusable(path, "a script, expected an ELF program; name the program that it runs");
  }
  if (bytes.size() < EI_NIDENT || !bytes.startswith(llvm::ELF::ElfMagic)) {
    return unusable(path, "not an ELF file; expected a program or shared library");
  }
  if (bytes[EI_CLASS] != ELFCLASS64 || bytes[EI_DATA] != ELFDATA2LSB) {
    return unusable(
        path, fmt::format("a {}-bit {}-endian ELF file, expected 64-bit little-endian x86-64",
                          bytes[EI_CLASS] == ELFCLASS64 ? 64 : 32, bytes[EI_DATA] == ELFDATA2LSB ? "little" : "big"));
  }
  auto elf = Elf::create(bytes);
  if (!elf) return damaged(path, elf.takeError());
  const unsigned machine = elf->getHeader().e_machine;
  if (machine != EM_X86_64)
    return unusable(path, fmt::format("made for ELF machine {}, expected {} (x86-64)", machine, EM_X86_64));
  const unsigned type = elf->getHeader().e_type;
  if (type != ET_EXEC && type != ET_DYN) {
    return unusable(path, fmt::format("{} (e_type {}), expected a program or shared library", type_name(type), type));
  }
  return *elf;
}

// --- build-id ------------------------------------------------------------------------------------

// The GNU build-id among the notes in `bytes`. By hand, since LLVM's iterator adds offsets of hostile files unchecked.
std::vector<uint8_t> find_build_id(llvm::ArrayRef<uint8_t> bytes) {
  while (bytes.size() >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr note;
    memcpy(&note, bytes.data(), sizeof note);
    bytes = bytes.drop_front(sizeof note);
    const uint64_t name = wire::round_up(note.n_namesz, 4);
    const uint64_t whole = name + wire::round_up(note.n_descsz, 4);
    if (name + note.n_descsz > bytes.size()) return {};
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(bytes.data(), "GNU", 4) == 0) {
      return bytes.slice(name, note.n_descsz).vec();
    }
    bytes = bytes.drop_front(std::min<uint64_t>(whole, bytes.size()));
  }
  return {};
}

// From the program headers, as the runtime reads it; a debug file (objcopy --only-keep-debug) has it in its section
// only.
std::vector<uint8_t> read_build_id(const Elf& elf, llvm::ArrayRef<Shdr> sections) {
  auto segments = elf.program_headers();
  if (!segments) llvm::consumeError(segments.takeError());
  for (const auto& segment : segments ? *segments : llvm::ArrayRef<Elf::Elf_Phdr>()) {
    if (segment.p_type != PT_NOTE) continue;
    auto bytes = elf.getSegmentContents(segment);
    if (!bytes) {
      llvm::consumeError(bytes.takeError());
    } else if (auto found = find_build_id(*bytes); !found.empty()) {
      return found;
    }
  }
  for (const Shdr& section : sections) {
    if (section.sh_type != SHT_NOTE) continue;
    auto bytes = elf.getSectionContents(section);
    if (!bytes) {
      llvm::consumeError(bytes.takeError());
    } else if (auto found = find_build_id(*bytes); !found.empty()) {
      return found;
    }
  }
  return {};
}

// --- symbols -------------------------------------------------------------------------------------

// The kind of the section that holds the symbol; nothing where its value is no address of code or data.
std::optional<SectionKind> section_kind(const Elf::Elf_Sym& symbol, llvm::ArrayRef<Shdr> sections) {
  const unsigned type = symbol.getType();
  if (type == STT_SECTION || type == STT_FILE || type == STT_TLS) return std::nullopt;
  if (symbol.st_shndx >= sections.size()) return std::nullopt;  // absolute, common, and an index that is too large
  const uint64_t flags = sections[symbol.st_shndx].sh_flags;
  if ((flags & SHF_ALLOC) == 0) return std::nullopt;
  if ((flags & SHF_EXECINSTR) != 0) return SectionKind::code;
  return (flags & SHF_WRITE) != 0 ? SectionKind::data : SectionKind::read_only;
}

struct Tables {
  std::vector<Symbol>* defined;
  std::vector<std::string_view>* undefined;
};

llvm::Error read_table(const Elf& elf, llvm::ArrayRef<Shdr> sections, const Shdr& table, const Tables& out) {
  auto symbols = elf.symbols(&table);
  if (!symbols) return symbols.takeError();
  auto strings = elf.getStringTableForSymtab(table);
  if (!strings) return strings.takeError();
  out.defined->reserve(out.defined->size() + symbols->size());
  for (const auto& symbol : *symbols) {
    if (symbol.st_name == 0) continue;
    auto name = symbol.getName(*strings);
    if (!name) return name.takeError();
    if (symbol.st_shndx == SHN_UNDEF) {
      out.undefined->push_back({name->data(), name->size()});
    } else if (const auto kind = section_kind(symbol, sections)) {
      out.defined->push_back({ModuleAddress(symbol.st_value),
                              symbol.st_size,
                              {name->data(), name->size()},
                              *kind,
                              symbol.getBinding() != STB_LOCAL});
    }
  }
  return llvm::Error::success();
}

// --- sections and imports ------------------------------------------------------------------------

llvm::Error read_section(const Elf& elf, const Shdr& section, std::vector<SectionBytes>* out) {
  auto name = elf.getSectionName(section);
  if (!name) return name.takeError();
  SectionBytes result;
  result.name = {name->data(), name->size()};
  result.loaded = (section.sh_flags & SHF_ALLOC) != 0;
  result.address = ModuleAddress(result.loaded ? section.sh_addr : 0);
  result.size = section.sh_size;
  if ((section.sh_flags & SHF_EXECINSTR) != 0) {
    result.kind = SectionKind::code;
  } else if ((section.sh_flags & SHF_WRITE) == 0) {
    result.kind = SectionKind::read_only;
  }
  if (section.sh_type != SHT_NOBITS) {
    auto bytes = elf.getSectionContents(section);
    if (!bytes) return bytes.takeError();
    result.bytes = {bytes->data(), bytes->size()};
  }
  out->push_back(result);
  return llvm::Error::success();
}

llvm::Error read_imports(const Elf& elf, llvm::ArrayRef<Shdr> sections, const Shdr& table, std::vector<Import>* out) {
  if (table.sh_link == 0 || table.sh_link >= sections.size()) return llvm::Error::success();
  auto relocations = elf.relas(table);
  if (!relocations) return relocations.takeError();
  auto strings = elf.getStringTableForSymtab(sections[table.sh_link]);
  if (!strings) return strings.takeError();
  for (const auto& relocation : *relocations) {
    auto symbol = elf.getRelocationSymbol(relocation, &sections[table.sh_link]);
    if (!symbol) return symbol.takeError();
    if (*symbol == nullptr) continue;
    auto name = (*symbol)->getName(*strings);
    if (!name) return name.takeError();
    out->push_back(
        {ModuleAddress(relocation.r_offset), {name->data(), name->size()}, static_cast<uint64_t>(relocation.r_addend)});
  }
  return llvm::Error::success();
}

// Words that hold addresses of this module: without a symbol, or with one that it defines itself.
llvm::Error read_relative_words(const Elf& elf, const Shdr& table, std::vector<RelativeWord>* out) {
  auto relocations = elf.relas(table);
  if (!relocations) return relocations.takeError();
  for (const auto& relocation : *relocations) {
    if (relocation.getType(false) != R_X86_64_RELATIVE) continue;
    out->push_back({ModuleAddress(relocation.r_offset), static_cast<uint64_t>(relocation.r_addend)});
  }
  return llvm::Error::success();
}

void split_path(std::string_view text, const std::string& file, std::vector<std::string>* out) {
  std::error_code ignored;
  const std::string origin = std::filesystem::absolute(file, ignored).parent_path().string();
  while (!text.empty()) {
    const size_t colon = text.find(':');
    std::string directory(text.substr(0, colon));
    for (const std::string_view variable : {"${ORIGIN}", "$ORIGIN"}) {
      const size_t at = directory.find(variable);
      if (at != std::string::npos) directory.replace(at, variable.size(), origin);
    }
    if (!directory.empty()) out->push_back(directory);
    if (colon == std::string_view::npos) return;
    text.remove_prefix(colon + 1);
  }
}

llvm::Error read_dynamic(const Elf& elf, llvm::ArrayRef<Shdr> sections, const Shdr& section, const std::string& file,
                         std::vector<std::string>* needed, std::vector<std::string>* path) {
  if (section.sh_link >= sections.size()) return llvm::Error::success();
  auto entries = elf.getSectionContentsAsArray<Elf::Elf_Dyn>(section);
  if (!entries) return entries.takeError();
  auto strings = elf.getStringTable(sections[section.sh_link]);
  if (!strings) return strings.takeError();
  for (const auto& entry : *entries) {
    if (entry.d_tag == DT_NULL) break;
    if (entry.getVal() >= strings->size()) continue;
    const std::string_view text(strings->data() + entry.getVal());
    if (entry.d_tag == DT_NEEDED) needed->emplace_back(text);
    if (entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH) split_path(text, file, path);
  }
  return llvm::Error::success();
}

bool has_suffix_of_ghc(std::string_view name) {
  return name.ends_with("_info") || name.ends_with("_closure") || name.ends_with("_slow");
}

bool ordered(const Symbol& a, const Symbol& b) {
  if (a.address != b.address) return a.address < b.address;
  if (a.global != b.global) return a.global;
  const bool a_ghc = has_suffix_of_ghc(a.name);
  const bool b_ghc = has_suffix_of_ghc(b.name);
  if (a_ghc != b_ghc) return a_ghc;
  return a.name < b.name;
}

// .dynsym repeats names of .symtab.
void sort_symbols(std::vector<Symbol>* symbols) {
  std::sort(symbols->begin(), symbols->end(), ordered);
  const auto same = [](const Symbol& a, const Symbol& b) { return a.address == b.address && a.name == b.name; };
  symbols->erase(std::unique(symbols->begin(), symbols->end(), same), symbols->end());
}

}  // namespace

Result<Symbols> Symbols::read(const std::string& path) {
  auto bytes = open_file(path);
  if (!bytes) return tl::unexpected(bytes.error());
  auto contents = std::make_shared<Contents>();
  contents->path = path;
  contents->bytes = std::move(*bytes);
  const auto elf = open_elf(path, contents->bytes->getBuffer());
  if (!elf) return tl::unexpected(elf.error());
  auto sections = elf->sections();
  if (!sections) return damaged(path, sections.takeError());
  for (const Shdr& section : *sections) {
    if (auto error = read_section(*elf, section, &contents->sections)) return damaged(path, std::move(error));
    if (section.sh_type == SHT_RELA && (section.sh_flags & SHF_ALLOC) != 0) {
      if (auto error = read_imports(*elf, *sections, section, &contents->imports))
        return damaged(path, std::move(error));
      if (auto error = read_relative_words(*elf, section, &contents->relative)) return damaged(path, std::move(error));
    }
    if (section.sh_type == SHT_DYNAMIC) {
      if (auto error = read_dynamic(*elf, *sections, section, path, &contents->needed, &contents->library_path))
        return damaged(path, std::move(error));
    }
    if (section.sh_type != SHT_SYMTAB && section.sh_type != SHT_DYNSYM) continue;
    contents->has_symtab |= section.sh_type == SHT_SYMTAB;
    if (auto error = read_table(*elf, *sections, section, {&contents->symbols, &contents->undefined})) {
      return damaged(path, std::move(error));
    }
  }
  sort_symbols(&contents->symbols);
  std::sort(contents->imports.begin(), contents->imports.end(),
            [](const Import& a, const Import& b) { return a.slot < b.slot; });
  std::sort(contents->relative.begin(), contents->relative.end(),
            [](const RelativeWord& a, const RelativeWord& b) { return a.slot < b.slot; });
  contents->build_id = read_build_id(*elf, *sections);
  return Symbols(std::move(contents));
}

const std::string& Symbols::path() const { return contents_->path; }
const std::vector<uint8_t>& Symbols::build_id() const { return contents_->build_id; }
bool Symbols::has_symtab() const { return contents_->has_symtab; }
std::span<const Symbol> Symbols::all() const { return contents_->symbols; }

std::span<const SectionBytes> Symbols::sections() const { return contents_->sections; }
std::span<const uint8_t> Symbols::bytes_at(ModuleAddress address) const {
  for (const SectionBytes& section : sections()) {
    if (!section.loaded || address < section.address) continue;
    const uint64_t offset = address - section.address;
    if (offset < section.bytes.size()) return section.bytes.subspan(offset);
  }
  return {};
}
std::span<const Import> Symbols::imports() const { return contents_->imports; }
std::span<const RelativeWord> Symbols::relative_words() const { return contents_->relative; }
const std::vector<std::string>& Symbols::needed() const { return contents_->needed; }
const std::vector<std::string>& Symbols::library_path() const { return contents_->library_path; }

Result<void> Symbols::require_symtab() const {
  if (has_symtab()) return {};
  return unusable(path(),
                  "stripped of its symbol table (.symtab); use the file from before stripping, or strip it with "
                  "strip --strip-debug, which keeps what is needed");
}

std::span<const Symbol> Symbols::at(ModuleAddress address) const {
  const auto [begin, end] =
      std::equal_range(contents_->symbols.begin(), contents_->symbols.end(), Symbol{address, 0, {}, {}, {}},
                       [](const Symbol& a, const Symbol& b) { return a.address < b.address; });
  return {begin, end};
}

const Symbol* Symbols::nearest(ModuleAddress address) const {
  const auto& list = contents_->symbols;
  const auto after =
      std::partition_point(list.begin(), list.end(), [&](const Symbol& s) { return s.address <= address; });
  return after == list.begin() ? nullptr : &at(std::prev(after)->address).front();
}

std::string Symbols::describe(ModuleAddress address) const {
  const Symbol* symbol = nearest(address);
  if (symbol == nullptr) return to_string(address);
  if (symbol->address == address) return std::string(symbol->name);
  return fmt::format("{}+{:#x}", symbol->name, address - symbol->address);
}

bool Symbols::mentions(std::string_view prefix) const {
  const auto starts = [&](std::string_view name) { return name.starts_with(prefix); };
  return std::any_of(all().begin(), all().end(), [&](const Symbol& symbol) { return starts(symbol.name); }) ||
         std::any_of(contents_->undefined.begin(), contents_->undefined.end(), starts);
}

}  // namespace fastboot::reloc
