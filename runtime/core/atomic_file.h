// Writing files so that nobody ever sees half of one, and a writer that is killed leaves nothing.
#pragma once

#include <cstdint>

#include "format/wire/error.h"

namespace fastboot::runtime {

// A file that appears under its name only when it is complete. Until then it has no name at all where the filesystem
// can do that (O_TMPFILE), so that nothing stays of it when the process is killed; elsewhere a temporary one. Dropped
// without commit(), it leaves nothing.
class AtomicFile {
 public:
  AtomicFile() = default;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  bool create(const char* path, wire::Error* error);
  // Writes `size` bytes at `offset` in pieces that start and end at multiples of 2 MiB of the file, so that the page
  // cache takes them in 2 MiB pieces.
  bool write(uint64_t offset, const void* bytes, uint64_t size, wire::Error* error);
  // Makes it `size` bytes long and read-only (mode 0444), syncs it, gives it its name, syncs the directory.
  bool commit(uint64_t size, wire::Error* error);

 private:
  bool create_unnamed();
  void temporary_name(unsigned attempt);
  int place();  // 0, or what went wrong

  int fd_ = -1;
  bool named_ = false;  // temporary_ is ours
  char path_[4096];
  char directory_[4096];
  char temporary_[4096 + 64];
};

}  // namespace fastboot::runtime
