// Hostile programs: ELF files into symbols, program_file, code_graph and program_index, as fastboot-migrate and
// fastboot-freeze read them; and format::embed(), which adds a section to one.
#include "reloc/program_index.h"

#include "format/embed.h"
#include "fuzz/support/input.h"
#include "fuzz/support/program_mutator.h"
#include "fuzz/support/seed.h"
#include "unit/sample.h"

using namespace fastboot;

namespace {

// As fastboot-freeze --embed does it.
void embed_into(const std::string& program) {
  static const test::TemporaryDirectory kDirectory;
  static const fuzz::MemoryFile* const kSnapshot = [] {
    auto* file = new fuzz::MemoryFile();
    file->set(fuzz::needed_file(0));
    return file;
  }();
  static_cast<void>(format::embed(program, kSnapshot->path(), kDirectory.path("embedded")));
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  setenv("TMPDIR", "/dev/shm", 0);
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
  if ((fuzz::choice(bytes) & 2) != 0) embed_into(file.path());
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
