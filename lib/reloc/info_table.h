// GHC's info tables, as they stand in files.
#pragma once

#include <cstdint>
#include <string_view>

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

}  // namespace fastboot::reloc
