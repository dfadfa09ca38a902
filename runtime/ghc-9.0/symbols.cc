#include "ghc-9.0/symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ghc-9.0/rts.h"

namespace fastboot::ghc {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_word(char c) { return is_upper(c) || (c >= 'a' && c <= 'z') || is_digit(c); }

// GHC's Z-encoding of one character that is not a letter or digit (GHC.Utils.Encoding).
const char* z_code(char c) {
  constexpr struct {
    char character;
    const char* code;
  } kCodes[] = {{'(', "ZL"},  {')', "ZR"}, {'[', "ZM"}, {']', "ZN"}, {':', "ZC"}, {'&', "za"},
                {'|', "zb"},  {'^', "zc"}, {'$', "zd"}, {'=', "ze"}, {'>', "zg"}, {'#', "zh"},
                {'.', "zi"},  {'<', "zl"}, {'-', "zm"}, {'!', "zn"}, {'+', "zp"}, {'\'', "zq"},
                {'\\', "zr"}, {'/', "zs"}, {'*', "zt"}, {'_', "zu"}, {'%', "zv"}};
  for (const auto& entry : kCodes) {
    if (entry.character == c) return entry.code;
  }
  return nullptr;
}

void append_text(const char* text, wire::Buffer* out) { out->append(text, strlen(text)); }

// Reads one character of UTF-8.
uint32_t next_character(const char** at, const char* end) {
  const auto* p = reinterpret_cast<const uint8_t*>(*at);
  uint32_t value = *p++;
  const int more = value >= 0xf0 ? 3 : value >= 0xe0 ? 2 : value >= 0xc0 ? 1 : 0;
  if (more != 0) value &= 0x3fu >> more;
  for (int i = 0; i < more && reinterpret_cast<const char*>(p) < end; ++i) value = value << 6 | (*p++ & 0x3f);
  *at = reinterpret_cast<const char*>(p);
  return value;
}

// "(,,)" is Z3T, "()" is Z0T.
bool append_tuple(const char* begin, const char* end, wire::Buffer* out) {
  if (end - begin < 2 || begin[0] != '(' || end[-1] != ')') return false;
  for (const char* p = begin + 1; p < end - 1; ++p) {
    if (*p != ',') return false;
  }
  const auto commas = static_cast<unsigned>(end - begin - 2);
  char text[24];
  snprintf(text, sizeof text, "Z%uT", commas == 0 ? 0 : commas + 1);
  append_text(text, out);
  return true;
}

void append_encoded(const char* begin, const char* end, wire::Buffer* out) {
  if (append_tuple(begin, end, out)) return;
  bool first = true;
  for (const char* p = begin; p < end; first = false) {
    const char c = *p;
    const char* code = z_code(c);
    if (c == 'Z' || c == 'z') {
      append_text(c == 'Z' ? "ZZ" : "zz", out);
      ++p;
    } else if (is_word(c) && !(first && is_digit(c))) {
      out->append(&c, 1);
      ++p;
    } else if (code != nullptr) {
      append_text(code, out);
      ++p;
    } else {
      char text[24];
      const uint32_t value = next_character(&p, end);
      snprintf(text, sizeof text, "%x", value);
      append_text("z", out);
      if (!is_digit(text[0])) append_text("0", out);
      append_text(text, out);
      append_text("U", out);
    }
  }
}

// The end of "Data.Map.Internal" in "Data.Map.Internal.Bin": components of the module are words with a capital.
const char* end_of_module(const char* at) {
  const char* end = nullptr;
  for (;;) {
    if (!is_upper(*at)) return end;
    const char* word = at;
    while (is_word(*word) || *word == '_' || *word == '\'') ++word;
    if (*word != '.') return end;
    end = word;
    at = word + 1;
  }
}

}  // namespace

namespace {
void append_symbol(const char* description, const char* ending, wire::Buffer* out) {
  const char* colon = strchr(description, ':');
  const char* dot = colon == nullptr ? nullptr : end_of_module(colon + 1);
  if (dot == nullptr) return;
  // Symbols of the package being linked, `main`, do not name it.
  if (strncmp(description, "main:", 5) != 0) {
    append_encoded(description, colon, out);
    append_text("_", out);
  }
  append_encoded(colon + 1, dot, out);
  append_text("_", out);
  append_encoded(dot + 1, dot + strlen(dot), out);
  out->append_string(ending);
}
}  // namespace

void constructor_symbol(const char* description, wire::Buffer* out) { append_symbol(description, "_con_info", out); }

namespace {

// A module's file in memory, for its .symtab.
class SymbolFile {
 public:
  explicit SymbolFile(const char* path) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    struct stat status;
    void* map = MAP_FAILED;
    if (fstat(fd, &status) == 0 && status.st_size > static_cast<off_t>(sizeof(Elf64_Ehdr))) {
      map = mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
    }
    close(fd);
    if (map == MAP_FAILED) return;
    bytes_ = static_cast<const uint8_t*>(map);
    size_ = static_cast<uint64_t>(status.st_size);
  }
  SymbolFile(const SymbolFile&) = delete;
  SymbolFile& operator=(const SymbolFile&) = delete;
  ~SymbolFile() {
    if (bytes_ != nullptr) munmap(const_cast<uint8_t*>(bytes_), size_);
  }

  // Calls visit(address, name) for each defined symbol of .symtab, or of .dynsym where there is no other: a stripped
  // shared library keeps the names of what others may refer to.
  template <class Visit>
  void each(Visit visit) const {
    if (!each_in(SHT_SYMTAB, visit) && is_library()) each_in(SHT_DYNSYM, visit);
  }

 private:
  // What asks for no interpreter is not run by itself. A stripped program has a .dynsym, too, with next to nothing in
  // it.
  bool is_library() const {
    if (bytes_ == nullptr) return false;
    const auto* ehdr = reinterpret_cast<const Elf64_Ehdr*>(bytes_);
    if (ehdr->e_type != ET_DYN || ehdr->e_phoff % 8 != 0 || ehdr->e_phoff >= size_ ||
        ehdr->e_phnum > (size_ - ehdr->e_phoff) / sizeof(Elf64_Phdr))
      return false;
    return !runtime::asks_for_interpreter(reinterpret_cast<const Elf64_Phdr*>(bytes_ + ehdr->e_phoff), ehdr->e_phnum);
  }

  // False: there is no such table.
  template <class Visit>
  bool each_in(uint32_t type, Visit visit) const {
    bool any = false;
    if (bytes_ == nullptr) return false;
    const auto* ehdr = reinterpret_cast<const Elf64_Ehdr*>(bytes_);
    if (ehdr->e_shoff % 8 != 0 || ehdr->e_shoff >= size_ ||
        ehdr->e_shnum > (size_ - ehdr->e_shoff) / sizeof(Elf64_Shdr))
      return false;
    const auto* sections = reinterpret_cast<const Elf64_Shdr*>(bytes_ + ehdr->e_shoff);
    for (uint16_t i = 0; i < ehdr->e_shnum; ++i) {
      const Elf64_Shdr& table = sections[i];
      if (table.sh_type != type || table.sh_link >= ehdr->e_shnum) continue;
      const Elf64_Shdr& strings = sections[table.sh_link];
      if (!inside(table) || !inside(strings)) continue;
      any = true;
      const auto* symbols = reinterpret_cast<const Elf64_Sym*>(bytes_ + table.sh_offset);
      for (uint64_t k = 0; k < table.sh_size / sizeof(Elf64_Sym); ++k) {
        const Elf64_Sym& symbol = symbols[k];
        if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol.st_info) == STT_SECTION ||
            symbol.st_name >= strings.sh_size)
          continue;
        visit(symbol.st_value, reinterpret_cast<const char*>(bytes_ + strings.sh_offset + symbol.st_name));
      }
    }
    return any;
  }

  bool inside(const Elf64_Shdr& section) const {
    return section.sh_offset <= size_ && section.sh_size <= size_ - section.sh_offset;
  }

  const uint8_t* bytes_ = nullptr;
  uint64_t size_ = 0;
};

// The symbol at or before `address` (an ELF virtual address).
bool nearest_symbol(const char* path, uint64_t address, char* out, uint64_t size) {
  const SymbolFile file(path);
  const char* best_name = nullptr;
  uint64_t best = 0;
  file.each([&](uint64_t value, const char* name) {
    if (value > address || value < best) return;
    best = value;
    best_name = name;
  });
  if (best_name == nullptr) return false;
  if (best == address) {
    snprintf(out, size, "%s", best_name);
  } else {
    snprintf(out, size, "near %s+0x%llx", best_name, static_cast<unsigned long long>(address - best));
  }
  return true;
}

}  // namespace

bool is_constructor_closure(const runtime::Module& module, uint64_t closure, const char* description) {
  wire::Buffer wanted;
  append_symbol(description, "_closure", &wanted);
  if (wanted.failed() || wanted.size() == 0) return false;
  bool found = false;
  SymbolFile(module.path).each([&](uint64_t value, const char* name) {
    if (value == closure - module.bias && strcmp(name, wanted.at<char>(0)) == 0) found = true;
  });
  return found;
}

bool find_symbols(const char* path, WantedSymbol* wanted, uint64_t count) {
  struct Entry {
    WantedSymbol* wanted;
  };
  wire::Buffer memory;
  memory.grow(count * sizeof(Entry));
  if (memory.failed()) return false;
  auto* sorted = memory.at<Entry>(0);
  for (uint64_t i = 0; i < count; ++i) {
    wanted[i].value = 0;
    sorted[i] = {&wanted[i]};
  }
  qsort(sorted, count, sizeof(Entry), [](const void* a, const void* b) {
    return strcmp(static_cast<const Entry*>(a)->wanted->name, static_cast<const Entry*>(b)->wanted->name);
  });
  bool any = false;
  SymbolFile(path).each([&](uint64_t value, const char* name) {
    any = true;
    uint64_t low = 0;
    for (uint64_t high = count; low < high;) {
      const uint64_t middle = low + (high - low) / 2;
      if (strcmp(sorted[middle].wanted->name, name) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    for (; low < count && strcmp(sorted[low].wanted->name, name) == 0; ++low) sorted[low].wanted->value = value;
  });
  return any;
}

bool describe_info(const runtime::Modules& modules, uint64_t info, char* out, uint64_t size) {
  const runtime::Module* module = modules.find(info);
  if (module == nullptr) return false;
  const auto* table = reinterpret_cast<const StgInfoTable*>(info) - 1;
  if (table->type >= CONSTR && table->type <= CONSTR_NOCAF) {
    const auto* constructor = reinterpret_cast<const StgConInfoTable*>(info) - 1;
    snprintf(out, size, "%s", reinterpret_cast<const char*>(info) + constructor->con_desc);
    return true;
  }
  return nearest_symbol(module->path, info - module->bias, out, size);
}

}  // namespace fastboot::ghc
