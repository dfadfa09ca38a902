// The finder of a snapshot that a program carries: the input is the program, in place of /proc/self/exe.
#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "core/file.h"
#include "fuzz/support/input.h"
#include "fuzz/support/program_mutator.h"

using namespace fastboot;

namespace {
fuzz::MemoryFile& program() {
  static fuzz::MemoryFile file;
  return file;
}
}  // namespace

// Linked with --wrap=open.
extern "C" int __real_open(const char* path, int flags, ...);
extern "C" int __wrap_open(const char* path, int flags, unsigned mode) {
  return __real_open(strcmp(path, "/proc/self/exe") == 0 ? program().path().c_str() : path, flags, mode);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::Bytes bytes = fuzz::unpack(data, size);
  program().set(bytes);
  runtime::SnapshotFile file;
  wire::Error error;
  if (!file.open_embedded(&error)) {
    fuzz::require(error.code != wire::Code::ok && error.message[0] != '\0', "a refusal says why");
    return 0;
  }
  fuzz::require(file.base() % wire::kPageSize == 0 && file.base() <= bytes.size() &&
                    file.file_size() <= bytes.size() - file.base(),
                "the snapshot lies in the program");
  fuzz::require(file.view().cold.offset + file.view().cold.file_size <= file.file_size(), "its parts lie in it");
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  return fuzz::mutate_program(data, size, most, seed);
}
