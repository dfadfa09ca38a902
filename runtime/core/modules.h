// The ELF files that make up this process, by build-id: where a target's address becomes (module, offset) and back.
#pragma once

#include <elf.h>

#include <cstdint>

#include "core/bytes.h"
#include "format/wire/error.h"
#include "format/wire/structs.h"

namespace fastboot::runtime {

struct Module {
  uint64_t bias;   // load bias: process address minus ELF virtual address
  uint64_t begin;  // process addresses of its PT_LOAD segments
  uint64_t end;
  uint64_t text_begin, text_end;  // executable segments
  uint64_t read_only_begin,
      read_only_end;  // segments that are neither writable nor executable, if in one piece; else text's
  uint8_t build_id[wire::kMaxBuildId];
  uint32_t build_id_size;  // 0: none
  const char* path;        // valid as long as the module is loaded

  bool contains(uint64_t address) const { return address >= begin && address < end; }
  bool is_code(uint64_t address) const { return address >= text_begin && address < text_end; }
  // Is it of this build-id? One without a build-id is of none.
  bool is(const uint8_t* id, uint32_t size) const {
    return size != 0 && build_id_size == size && equal_bytes(build_id, id, size);
  }
};

// Do these program headers ask for an interpreter? Executables do (where they are linked dynamically), libraries do
// not.
inline bool asks_for_interpreter(const Elf64_Phdr* phdrs, uint16_t count) {
  for (uint16_t i = 0; i < count; ++i) {
    if (phdrs[i].p_type == PT_INTERP) return true;
  }
  return false;
}

// Looks at the executable alone.
void describe_executable(Module* out);

// The modules of this process: the executable first. Fixed capacity; a program has a handful.
class Modules {
 public:
  static constexpr uint32_t kMost = 512;

  void load();
  uint32_t size() const { return count_; }
  const Module& operator[](uint32_t i) const { return list_[i]; }

  // The module that contains `address`, or nullptr.
  const Module* find(uint64_t address) const;
  const Module* find_build_id(const uint8_t* build_id, uint32_t size) const;

 private:
  friend struct ModulesLoader;
  Module list_[kMost] = {};
  uint32_t count_ = 0;
};

}  // namespace fastboot::runtime
