// Hostile programs: ELF files into symbols, program_file, code_graph and program_index, as fastboot-migrate and
// fastboot-freeze read them.
#include "reloc/program_index.h"

#include "fuzz/support/input.h"
#include "fuzz/support/program_mutator.h"

using namespace fastboot;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  unsetenv("FASTBOOT_CACHE");  // nothing is written anywhere
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::MemoryFile file;
  const fuzz::Bytes bytes = fuzz::unpack(data, size);
  file.set(bytes);
  const auto symbols = reloc::Symbols::read(file.path());
  if (!symbols) {
    fuzz::require(!symbols.error().message.empty(), "a refusal says why");
    return 0;
  }
  for (const reloc::Symbol& symbol : symbols->all()) static_cast<void>(symbols->describe(symbol.address + 1));
  const bool few = (fuzz::choice(bytes) & 1) != 0;
  const auto index = few ? reloc::ProgramIndex::read_constructors(file.path(), {"ghc-prim:GHC.Types.:"})
                         : reloc::ProgramIndex::read(file.path());
  if (!index) return 0;
  for (const reloc::Item& item : index->items()) {
    static_cast<void>(index->name(item));
    static_cast<void>(index->nearest(reloc::ModuleAddress(item.address + 1)));
    fuzz::require(index->at(reloc::ModuleAddress(item.address)) != nullptr, "what is listed is found");
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  return fuzz::mutate_program(data, size, most, seed);
}
