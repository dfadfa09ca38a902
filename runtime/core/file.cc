#include "core/file.h"

#include "core/system_calls.h"
#include "format/wire/placement_of_code.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/trust.h"

namespace fastboot::runtime {

using wire::Code;
using wire::fail;

namespace {

FASTBOOT_EVERY_THAW bool read_at(int fd, uint8_t* out, uint64_t size, uint64_t offset, uint64_t* got,
                                 wire::Error* error) {
  *got = 0;
  while (*got < size) {
    const long n = sys::pread(fd, out + *got, size - *got, offset + *got);
    if (n == -EINTR) continue;
    if (n < 0) return fail(error, Code::not_readable, "cannot read it: %s", strerror(static_cast<int>(-n)));
    if (n == 0) break;
    *got += static_cast<uint64_t>(n);
  }
  return true;
}

FASTBOOT_EVERY_THAW bool look_at(int fd, struct stat* status, wire::Error* error) {
  const long result = sys::fstat(fd, status);
  return result == 0 || fail(error, Code::not_readable, "cannot look at it: %s", strerror(static_cast<int>(-result)));
}

}  // namespace

bool read_trusted(const char* path, wire::Buffer* out, bool* found, wire::Error* error) {
  constexpr off_t kMost = 64 << 20;
  const int fd = open_trusted(path, error);
  *found = fd != -ENOENT;
  if (fd == kRefused) return false;
  if (fd < 0) return fail(error, Code::not_readable, "cannot open it: %s", strerror(-fd));
  struct stat status = {};
  bool done = look_at(fd, &status, error) && trusted_file(status, error);
  if (done && status.st_size > kMost) {
    done =
        fail(error, Code::corrupt, "it has %lld bytes, and is far too large", static_cast<long long>(status.st_size));
  }
  if (done) {
    const auto size = static_cast<uint64_t>(status.st_size);
    uint64_t got = 0;
    out->grow(size);
    done = out->failed()
               ? fail(error, Code::out_of_memory, "no memory for its %llu bytes", static_cast<unsigned long long>(size))
               : read_at(fd, out->data(), size, 0, &got, error);
    if (done && got != size) done = fail(error, Code::truncated, "it became shorter while it was read");
  }
  (void)sys::close(fd);
  return done;
}

FASTBOOT_EVERY_THAW SnapshotFile::~SnapshotFile() {
  if (fd_ >= 0) (void)sys::close(fd_);
  free(metadata_);
}

FASTBOOT_EVERY_THAW bool SnapshotFile::open(const char* path, wire::Error* error) {
  const int fd = open_trusted(path, error);
  if (fd == kRefused) return false;
  if (fd == -ENOENT) return fail(error, Code::not_found, "no such file; freeze it first");
  if (fd < 0) {
    return fail(error, Code::not_readable, "cannot open it: %s; give the path of a snapshot, or freeze it again",
                strerror(-fd));
  }
  fd_ = fd;
  return check_trust(error) && read_metadata(error);
}

bool SnapshotFile::open_embedded(wire::Error* error) {
  fd_ = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  return find_embedded(error) && read_metadata(error);
}

// By the section headers: the section is not loaded, so nothing else leads to it, and strip moves it.
bool SnapshotFile::find_embedded(wire::Error* error) {
  constexpr uint32_t kMostSections = 256;
  constexpr uint64_t kMostNames = 4096;
  const auto none = [&] { return fail(error, Code::not_found, "this program carries no snapshot"); };
  struct stat status = {};
  Elf64_Ehdr header;
  uint64_t got = 0;
  if (fd_ < 0 || fstat(fd_, &status) != 0) return none();
  if (!read_at(fd_, reinterpret_cast<uint8_t*>(&header), sizeof header, 0, &got, error)) return false;
  if (got != sizeof header || header.e_shnum > kMostSections || header.e_shstrndx >= header.e_shnum) return none();
  const uint64_t size = header.e_shnum * sizeof(Elf64_Shdr);
  wire::Buffer memory;
  memory.grow(size + kMostNames);
  if (memory.failed()) return fail(error, Code::out_of_memory, "no memory for the program's section headers");
  const auto* headers = memory.at<Elf64_Shdr>(0);
  if (!read_at(fd_, memory.data(), size, header.e_shoff, &got, error)) return false;
  if (got != size) return none();
  const Elf64_Shdr& names = headers[header.e_shstrndx];
  uint64_t names_size = 0;
  if (!read_at(fd_, memory.data() + size, kMostNames, names.sh_offset, &names_size, error)) return false;
  if (names_size > names.sh_size) names_size = names.sh_size;
  for (uint32_t i = 1; i < header.e_shnum; ++i) {
    const Elf64_Shdr& section = headers[i];
    constexpr uint64_t kLength = sizeof wire::kEmbeddedSection;
    if (section.sh_name + kLength > names_size) continue;
    if (memcmp(memory.data() + size + section.sh_name, wire::kEmbeddedSection, kLength) != 0) continue;
    const auto file_size = static_cast<uint64_t>(status.st_size);
    if (section.sh_offset % wire::kPageSize != 0 || section.sh_offset > file_size ||
        section.sh_size > file_size - section.sh_offset) {
      return fail(error, Code::corrupt,
                  "the program's section %s lies at 0x%llx, expected a multiple of 0x1000 within the file; embed it "
                  "again, after stripping",
                  wire::kEmbeddedSection, static_cast<unsigned long long>(section.sh_offset));
    }
    base_ = section.sh_offset;
    file_size_ = section.sh_size;
    device_ = status.st_dev;
    inode_ = status.st_ino;
    return true;
  }
  return none();
}

FASTBOOT_EVERY_THAW bool SnapshotFile::check_trust(wire::Error* error) {
  struct stat status = {};
  if (!look_at(fd_, &status, error) || !trusted_file(status, error)) return false;
  file_size_ = static_cast<uint64_t>(status.st_size);
  device_ = status.st_dev;
  inode_ = status.st_ino;
  return true;
}

bool SnapshotFile::read(uint64_t offset, void* out, uint64_t size, wire::Error* error) const {
  uint64_t got = 0;
  if (!read_at(fd_, static_cast<uint8_t*>(out), size, base_ + offset, &got, error)) return false;
  return got == size || fail(error, Code::truncated, "it became shorter while it was read; freeze it again");
}

FASTBOOT_EVERY_THAW bool SnapshotFile::read_metadata(wire::Error* error) {
  uint64_t size = wire::kProbeSize;  // enough for the header
  uint64_t got = 0;
  const auto have = [&] {
    void* memory = metadata_ == nullptr ? malloc(size) : realloc(metadata_, size);
    if (memory == nullptr) {
      return fail(error, Code::out_of_memory, "no memory for its %llu bytes of metadata",
                  static_cast<unsigned long long>(size));
    }
    metadata_ = static_cast<uint8_t*>(memory);
    uint64_t more = 0;
    if (!read_at(fd_, metadata_ + got, size - got, base_ + got, &more, error)) return false;
    got += more;
    return true;
  };
  wire::Probe probe;
  if (!have() || !wire::probe(metadata_, got, file_size_, &probe, error)) return false;
  if (probe.hot_size > size) {
    size = probe.hot_size;
    if (!have()) return false;
  }
  return wire::parse(metadata_, got, file_size_, true, &view_, error);
}

uint64_t now() {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1000000000u + static_cast<uint64_t>(time.tv_nsec);
}

FASTBOOT_EVERY_THAW bool Timeline::trace_is_on() { return trace_enabled(); }

void Timeline::start() { add(nullptr); }

void Timeline::add(const char* name) {
  if (count_ == kMost) return;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  steps_[count_++] = Step{name, now(), static_cast<uint64_t>(usage.ru_minflt)};
}

void Timeline::describe(char* out, uint64_t size) const {
  uint64_t used = 0;
  out[0] = '\0';
  for (uint32_t i = 1; i < count_; ++i) {
    const uint64_t time = (steps_[i].time - steps_[i - 1].time) / 100;
    const uint64_t faults = steps_[i].faults - steps_[i - 1].faults;
    const int n = snprintf(out + used, size - used, "%s%s %llu.%llu us (%llu faults)", i == 1 ? "" : ", ",
                           steps_[i].name, static_cast<unsigned long long>(time / 10),
                           static_cast<unsigned long long>(time % 10), static_cast<unsigned long long>(faults));
    if (n < 0 || static_cast<uint64_t>(n) >= size - used) return;
    used += static_cast<uint64_t>(n);
  }
}

FASTBOOT_EVERY_THAW bool trace_enabled() {
  const char* value = getenv("FASTBOOT_TRACE");
  return value != nullptr && value[0] != '\0' && strcmp(value, "0") != 0;
}

void trace(const char* format, ...) {
  if (!trace_enabled()) return;
  char line[8192];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  fprintf(stderr, "fastboot: %s\n", line);
}

}  // namespace fastboot::runtime
