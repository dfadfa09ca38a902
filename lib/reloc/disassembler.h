// One x86-64 instruction at a time, reduced to what fingerprints need: how long it is, where control goes, and which of
// its bytes hold an address. LLVM's machine-code library decodes; nothing of it shows here, nor in the result, so that
// the result does not depend on LLVM's version.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "reloc/symbols.h"

namespace fastboot::reloc {

enum class Flow : uint8_t {
  next,           // goes on behind it
  jump,           // to `target`
  branch,         // to `target`, or on behind it
  call,           // `target`, then on behind it
  indirect_call,  // then on behind it
  indirect_jump,
  end,  // return, or an instruction that traps
};

struct Instruction {
  uint32_t size = 0;  // bytes
  Flow flow = Flow::next;
  uint8_t condition = 0;  // branch: which one; the short and the long form have the same
  uint64_t target = 0;    // jump, branch, call

  // A field that holds an address of the program; at most one, for x86 has one displacement and one immediate.
  struct Address {
    uint64_t value = 0;
    uint32_t at = 0;  // where its bytes start in the instruction
    uint32_t size = 0;
    bool memory = false;      // the operand is the memory there, not the address itself
    uint32_t loaded = 0;      // memory: bytes read or written; 0: unknown
    uint32_t index_size = 0;  // memory: bytes of an element of the table that is indexed there; 0: not indexed
  };
  std::array<Address, 2> addresses;
  uint32_t address_count = 0;

  // For jump tables.
  uint16_t destination = 0;      // register that it writes; 0: none
  uint16_t base = 0, index = 0;  // registers of its memory operand
  uint32_t scale = 0;
  bool loads_address = false;  // lea
  bool sign_extends = false;   // movslq from memory
};

class Disassembler {
 public:
  // Values in [low, high) are taken for addresses of the program.
  Disassembler(uint64_t low, uint64_t high);
  ~Disassembler();
  Disassembler(const Disassembler&) = delete;
  Disassembler& operator=(const Disassembler&) = delete;

  // The instruction at the start of `bytes`, which lies at `address`. Nothing: the bytes are none.
  std::optional<Instruction> decode(std::span<const uint8_t> bytes, uint64_t address) const;

 private:
  struct Machine;
  std::unique_ptr<Machine> machine_;
  uint64_t low_, high_;
};

}  // namespace fastboot::reloc
