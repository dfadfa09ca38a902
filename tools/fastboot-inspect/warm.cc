#include "fastboot-inspect/warm.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace fastboot::inspect {
namespace {

using format::fail;
using format::Result;
using wire::Code;

tl::unexpected<format::Error> refused(const char* call, const std::string& path) {
  return fail(Code::not_readable, fmt::format("cannot warm: {}: {}", call, strerror(errno)), path);
}

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : value_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  int value() const { return value_; }

 private:
  int value_;
};

// The whole file, where file offsets and addresses agree modulo 2 MiB: else large pages cannot be mapped as such.
class Mapping {
 public:
  Mapping(int descriptor, uint64_t size) : size_(size) {
    reserved_ = size + wire::kHugePageSize;
    base_ = mmap(nullptr, reserved_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base_ == MAP_FAILED) return;
    const uint64_t aligned = wire::round_up(reinterpret_cast<uintptr_t>(base_), wire::kHugePageSize);
    void* const at = mmap(reinterpret_cast<void*>(aligned), size, PROT_READ, MAP_PRIVATE | MAP_FIXED, descriptor, 0);
    if (at != MAP_FAILED) bytes_ = static_cast<const uint8_t*>(at);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (base_ != MAP_FAILED) munmap(base_, reserved_);
  }

  bool valid() const { return bytes_ != nullptr; }
  void ask_for_large_pages() const { madvise(const_cast<uint8_t*>(bytes_), size_, MADV_HUGEPAGE); }

  // Reads a byte of each page.
  void touch() const {
    const volatile uint8_t* bytes = bytes_;
    for (uint64_t at = 0; at < size_; at += wire::kPageSize) static_cast<void>(bytes[at]);
  }

  uint64_t cached_bytes() const {
    std::vector<unsigned char> pages((size_ + wire::kPageSize - 1) / wire::kPageSize);
    if (mincore(const_cast<uint8_t*>(bytes_), size_, pages.data()) != 0) return 0;
    uint64_t cached = 0;
    for (const unsigned char page : pages) cached += page & 1;
    return cached * wire::kPageSize;
  }

 private:
  uint64_t size_;
  uint64_t reserved_ = 0;
  void* base_ = MAP_FAILED;
  const uint8_t* bytes_ = nullptr;
};

uint64_t faults() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_minflt + usage.ru_majflt);
}

// Page faults that touching all of it takes, as a process that has just mapped it would.
Result<uint64_t> count_faults(int descriptor, uint64_t size, const std::string& path) {
  const Mapping mapping(descriptor, size);
  if (!mapping.valid()) return refused("mmap", path);
  const uint64_t before = faults();
  mapping.touch();
  return faults() - before;
}

}  // namespace

Result<Warmed> warm(const format::Reader& reader) {
  const std::string& path = reader.path();
  const Descriptor file(path);
  if (file.value() < 0) return refused("open", path);
  const uint64_t size = reader.file_size();
  Warmed warmed{size, 0, 0, 0};
  const auto before = count_faults(file.value(), size, path);
  if (!before) return tl::unexpected(before.error());
  warmed.faults_before = *before;

  // Only clean pages can be dropped.
  if (fdatasync(file.value()) != 0 && errno != EINVAL && errno != EROFS) return refused("fdatasync", path);
  if (const int error = posix_fadvise(file.value(), 0, 0, POSIX_FADV_DONTNEED); error != 0) {
    errno = error;
    return refused("posix_fadvise", path);
  }
  {
    const Mapping mapping(file.value(), size);
    if (!mapping.valid()) return refused("mmap", path);
    warmed.kept_bytes = mapping.cached_bytes();
    mapping.ask_for_large_pages();
    mapping.touch();
  }
  const auto after = count_faults(file.value(), size, path);
  if (!after) return tl::unexpected(after.error());
  warmed.faults_after = *after;
  return warmed;
}

}  // namespace fastboot::inspect
