#include "format/scratch.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

namespace fastboot::format {

using wire::Code;

namespace {

constexpr uint64_t kInMemory = uint64_t{64} << 20;

// An open file without a name.
int nameless_file(const std::string& directory) {
  const int descriptor = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return descriptor;
  std::string name = directory + "/fastboot.XXXXXX";
  const int named = mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) unlink(name.c_str());
  return named;
}

Failure refuse(uint64_t bytes, const std::string& where, int error) {
  return fail(error == ENOSPC ? Code::no_space : Code::out_of_memory,
              fmt::format("cannot get {} bytes of room {}: {}; point TMPDIR to a larger file system", bytes, where,
                          strerror(error)));
}

}  // namespace

Scratch::~Scratch() {
  if (bytes_ != nullptr) munmap(bytes_, size_);
}

Result<Scratch> Scratch::make(uint64_t bytes) {
  Scratch scratch;
  scratch.size_ = bytes == 0 ? 1 : bytes;
  void* mapped = MAP_FAILED;
  if (bytes <= kInMemory) {
    mapped = mmap(nullptr, scratch.size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return refuse(bytes, "in memory", errno);
  } else {
    const char* set = getenv("TMPDIR");
    const std::string directory = set != nullptr && *set != '\0' ? set : "/tmp";
    const int descriptor = nameless_file(directory);
    if (descriptor < 0) return refuse(bytes, "in " + directory, errno);
    const int error = posix_fallocate(descriptor, 0, static_cast<off_t>(bytes));
    if (error == 0) mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    const int mapping_error = errno;
    close(descriptor);
    if (error != 0) return refuse(bytes, "in " + directory, error);
    if (mapped == MAP_FAILED) return refuse(bytes, "in " + directory, mapping_error);
  }
  scratch.bytes_ = mapped;
  return scratch;
}

}  // namespace fastboot::format
