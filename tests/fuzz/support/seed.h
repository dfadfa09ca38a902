// What fuzzing starts from: a small sound snapshot with something of everything in it, and the program that it is bound
// to, made by hand so that both have a few kilobytes.
#pragma once

#include <string>

#include "format/model.h"
#include "format/signature.h"
#include "fuzz/support/input.h"

namespace fastboot::fuzz {

// Addresses that AddressSanitizer leaves to the program; images usually lie lower.
inline constexpr uint64_t kSlot = uint64_t{1} << 45;

struct SeedOptions {
  bool lazy = true;
  bool raw = true;
  bool code = true;     // functions, bitmaps, static closures
  uint64_t needed = 0;  // other images that it points into, at most kMostNeeded
  bool member = false;
  uint64_t cells = 3;
  uint64_t array_bytes = 0;
};
format::Model seed_model(const SeedOptions& options = {});
// The file that format::write() makes of it.
Bytes seed_file(const format::Model& model);

// The images that seeds point into: "other0.snap", ... They lie behind the seeds' slot.
inline constexpr uint64_t kMostNeeded = 2;
std::string needed_name(uint64_t index);
const Bytes& needed_file(uint64_t index);

// The key that signed seeds are signed with, and the same file with its signature.
format::PublicKey seed_key();
Bytes sign_seed(const Bytes& file);

// A program as far as it matters for images: the info tables and closures that the seed's targets are bound to.
struct Program {
  static constexpr uint64_t kBase = 0x400000;  // ELF virtual address of memory[0]
  static constexpr uint64_t kText = 0x401000, kReadOnly = 0x405000, kData = 0x407000, kEnd = 0x409000;

  Bytes memory;  // as it would be mapped
  Bytes elf;     // as it would be on disk, with section headers and symbols

  // Where target `index` of the seed lies.
  static uint64_t place(uint64_t index) { return kText + 64 * (index + 1); }
  // Except the trampoline of forced closures, which all seeds have at one place.
  static constexpr uint64_t kForced = 100;
};
inline constexpr uint8_t kBuildIdByte = 0xab;  // 20 of them are the build-id of the program that froze

// What another build of the program has otherwise.
struct Edits {
  uint64_t shift = 0;       // bytes that all code has moved by, a multiple of 8, at most 16
  bool code = false;        // every second function does something else
  bool names = false;       // functions and thunks have other symbols
  bool closure = false;     // the static closure that all code refers to has another value
  uint32_t con_tag = 0;     // added to constructors' numbers
  bool layout = false;      // constructors have a field more
  bool no_symbols = false;  // no symbols but those of constructors
};
Program make_program(const format::Model& model, uint8_t build_id_byte = kBuildIdByte, const Edits& edits = {});

}  // namespace fastboot::fuzz
