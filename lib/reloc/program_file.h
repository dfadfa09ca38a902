// A program's bytes by address, and the places in it that are info tables.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "reloc/symbols.h"

namespace fastboot::reloc {

// The words of an info table. docs: GHC's rts/storage/InfoTables.h; the words stand before the entry code.
struct InfoTable {
  uint64_t layout = 0;
  uint32_t type = 0;
  int32_t srt = 0;               // offset from the entry; of a constructor: its tag
  uint32_t fun_type = 0;         // functions
  uint32_t arity = 0;            // functions
  uint64_t bitmap = 0;           // functions of general arguments
  int32_t slow_offset = 0;       // likewise
  std::string_view description;  // constructors

  uint64_t pointers() const { return layout & 0xffffffff; }
  uint64_t others() const { return layout >> 32; }
  bool general() const;
  uint64_t words_before() const;  // bytes before the entry
};

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

  // What the dynamic linker puts there, or where a stub of the procedure linkage table leads.
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

  Symbols symbols_, names_;
  std::vector<const SectionBytes*> sections_;  // loaded ones, by address
  uint64_t low_ = ~uint64_t{0}, high_ = 0;
  std::vector<uint64_t> infos_;
  AddressSet considered_, info_set_;
  std::vector<uint64_t> referenced_;  // in read-only data, ascending
  std::unordered_map<uint64_t, uint64_t> closures_;
};

}  // namespace fastboot::reloc
