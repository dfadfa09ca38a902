// A process without GHC's runtime system, for driving runtime/ghc-9.0/thaw.cc: the few symbols of the RTS that a thaw
// uses, and one module, which is memory of ours.
//
// Real: everything that reads the file and makes the image (core/file.cc, binding, resolve, symbols, placement,
// interned, rebase, image, facts, thaw). Stubbed, because they need the RTS or its collector: the forced table
// (lazy.cc), the recognition of literal readers (classify.cc), the fault handler (fault.cc) and the list of ELF modules
// (core/modules.cc).
#pragma once

#include <cstdint>
#include <string>

#include "fuzz/support/seed.h"

namespace fastboot::fuzz {

// Maps the program's memory, and makes it this process's only module. `path`: of its ELF file. `lazy` and `forced`:
// indices of the trampolines among the seed's targets.
void become(const Program& program, const std::string& path, uint64_t lazy, uint64_t forced);
// The module's build-id is 20 of this byte.
void set_build_id(uint8_t byte);
bool is_ours(uint64_t address);  // in the module

// Reserves the addresses that the collector takes for its heap. To be called again before each thaw: a thaw may have
// extended them.
void reserve_heap();

}  // namespace fastboot::fuzz
