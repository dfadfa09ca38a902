// What a program's or shared library's ELF file says about its addresses: build-id and symbols.
//
//   auto symbols = Symbols::read("/usr/bin/spell");
//   for (const Symbol& symbol : symbols->at(ModuleAddress(0x4c1230))) ...
//
// symbols.cc and disassembler.cc include LLVM; nothing of LLVM shows here. What code and static closures are (info
// tables, fingerprints) is program_index.h, which reads the same file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/address.h"
#include "format/error.h"

namespace fastboot::reloc {

template <class T>
using Result = format::Result<T>;

// An ELF virtual address of a module: a process address minus the module's load bias. What a binding calls `offset`.
using ModuleAddress = format::Place<struct ModuleAddressTag>;

enum class SectionKind : uint8_t { code, read_only, data };

struct Symbol {
  ModuleAddress address;
  uint64_t size = 0;      // bytes; 0: the file does not say
  std::string_view name;  // valid as long as the Symbols that gave it
  SectionKind section = SectionKind::data;
  bool global = false;  // or weak; else local to one object file
};

// A section with its bytes as they are in the file; none for what is zero at start (.bss).
struct SectionBytes {
  std::string_view name;
  ModuleAddress address;  // 0: not loaded (.comment)
  uint64_t size = 0;
  std::span<const uint8_t> bytes;
  SectionKind kind = SectionKind::data;
  bool loaded = false;
};

// A word that the dynamic linker fills with the address of a symbol of another module.
struct Import {
  ModuleAddress slot;
  std::string_view name;
  uint64_t addend = 0;  // what is added to that address: pointer tags, places in tables
};

// A word that the dynamic linker fills with an address of this module; the file may have anything there.
struct RelativeWord {
  ModuleAddress slot;
  uint64_t address = 0;  // an ELF virtual address
};

// Immutable; several threads may use one. Cheap to copy.
class Symbols {
 public:
  // Maps the file and reads its symbol tables. A file without one is read too: see has_symtab().
  //
  // Errors: not_found, not_readable, not_regular, empty_file; no_symbols when it is not a 64-bit x86-64 ELF program or
  // shared library, or is damaged.
  static Result<Symbols> read(const std::string& path);

  const std::string& path() const;
  // Empty: the file has none.
  const std::vector<uint8_t>& build_id() const;
  // Has it .symtab? Stripped files have not; .dynsym alone is enough for a shared library's exported names only.
  bool has_symtab() const;
  // An error no_symbols that says what to do, where has_symtab() is false.
  Result<void> require_symtab() const;

  // Defined symbols of code and data, by address, and at each address by preference: global before local, then names of
  // closures and info tables before others, then by name.
  std::span<const Symbol> all() const;
  // Those at exactly `address`, the preferred one first.
  std::span<const Symbol> at(ModuleAddress address) const;
  // The preferred one of those nearest at or below `address`; nullptr: none. For messages only, never to decide
  // anything.
  const Symbol* nearest(ModuleAddress address) const;
  // "name", "name+0x10" or "0x4c1230".
  std::string describe(ModuleAddress address) const;

  // In the order of the section headers. The bytes stay valid as long as any copy of this Symbols.
  std::span<const SectionBytes> sections() const;
  // The bytes at an address, up to the end of their section; empty: there are none in the file.
  std::span<const uint8_t> bytes_at(ModuleAddress address) const;
  // By slot.
  std::span<const Import> imports() const;
  // By slot. None in a program that is loaded where it says.
  std::span<const RelativeWord> relative_words() const;

  // Names of the shared libraries that it asks for (DT_NEEDED), and the directories where they are looked for
  // (DT_RUNPATH or DT_RPATH, with $ORIGIN replaced), in order.
  const std::vector<std::string>& needed() const;
  const std::vector<std::string>& library_path() const;

  // Is there a symbol, defined or undefined, whose name starts with `prefix`?
  bool mentions(std::string_view prefix) const;

 private:
  struct Contents;
  explicit Symbols(std::shared_ptr<const Contents> contents) : contents_(std::move(contents)) {}
  std::shared_ptr<const Contents> contents_;
};

}  // namespace fastboot::reloc
