// A program's bytes by address, and the places in it that are info tables.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "reloc/info_table.h"
#include "reloc/shared_libraries.h"
#include "reloc/symbols.h"

namespace fastboot::reloc {

// A set of addresses that are multiples of 8, from `low` on: a bit for each. Programs are asked millions of times.
class AddressSet {
 public:
  void resize(uint64_t bytes) { bits_.resize(bytes / 512 + 1); }
  bool contains(uint64_t address, uint64_t low) const {
    const uint64_t word = (address - low) / 512;
    return address % 8 == 0 && address >= low && word < bits_.size() &&
           (bits_[word] >> (address - low) / 8 % 64 & 1) != 0;
  }
  // False: it was there. The address must lie in the range.
  bool insert(uint64_t address, uint64_t low) {
    uint64_t& word = bits_[(address - low) / 512];
    const uint64_t bit = uint64_t{1} << (address - low) / 8 % 64;
    const bool fresh = (word & bit) == 0;
    word |= bit;
    return fresh;
  }

 private:
  std::vector<uint64_t> bits_;
};

class ProgramFile {
 public:
  // `symbols` are the program's; `names`, those of its debug file where it was stripped, else the same.
  ProgramFile(Symbols symbols, Symbols names);

  const Symbols& symbols() const { return symbols_; }
  const Symbols& names() const { return names_; }
  uint64_t low() const { return low_; }
  uint64_t high() const { return high_; }

  const SectionBytes* section_at(uint64_t address) const;
  // Up to the end of its section; empty where there is nothing.
  std::span<const uint8_t> bytes_at(uint64_t address) const;
  std::optional<uint64_t> word_at(uint64_t address) const;
  std::optional<uint32_t> half_at(uint64_t address) const;
  std::optional<std::string_view> text_at(uint64_t address) const;

  // The info table of the closure at `address`, of this file or of a constructor of a shared library; nothing: no
  // closure.
  std::optional<InfoTable> table_of_closure(uint64_t address) const;
  const SharedLibraries& libraries() const { return libraries_; }

  // What the dynamic linker puts there; nullptr: nothing of another module.
  const Import* import_of(uint64_t slot) const;
  // The name of that, or where a stub of the procedure linkage table leads.
  std::string_view import_at(uint64_t slot) const;
  std::string_view stub_import(uint64_t address) const;

  // Info tables of all kinds, ascending.
  const std::vector<uint64_t>& infos() const { return infos_; }
  bool is_info(uint64_t address) const { return info_set_.contains(address, low_); }
  InfoTable info(uint64_t entry) const;
  // The first info table behind `address`; where its words start.
  uint64_t next_table_after(uint64_t address) const;
  // The static closure whose header is `info`; 0: none.
  uint64_t closure_of(uint64_t info) const;
  // The next address in read-only data above `address` that something refers to.
  uint64_t next_referenced(uint64_t address) const;

 private:
  void find_infos();
  void consider(uint64_t address);
  bool is_table(uint64_t entry, bool named) const;
  void find_closures();
  void add_closure(uint64_t header, uint64_t address);

  Symbols symbols_, names_;
  SharedLibraries libraries_;
  std::vector<const SectionBytes*> sections_;  // loaded ones, by address
  uint64_t low_ = ~uint64_t{0}, high_ = 0;
  std::vector<uint64_t> infos_;
  AddressSet considered_, info_set_;
  std::vector<uint64_t> referenced_;  // in read-only data, ascending
  std::unordered_map<uint64_t, uint64_t> closures_;
};

}  // namespace fastboot::reloc
