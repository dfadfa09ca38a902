// Opening snapshots with suspicion.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "format/wire/buffer.h"
#include "format/wire/error.h"
#include "format/wire/parse.h"

namespace fastboot::runtime {

// An open snapshot and its metadata, in memory from malloc. Nothing of a size is on the stack: each page of it that is
// touched for the first time costs a thaw as much as a system call.
class SnapshotFile {
 public:
  SnapshotFile() = default;
  SnapshotFile(const SnapshotFile&) = delete;
  SnapshotFile& operator=(const SnapshotFile&) = delete;
  ~SnapshotFile();

  // Opens `path`, refuses what somebody else could have written or put there (trust.h), reads the metadata and checks
  // it. The descriptor that was checked is the one that is mapped later.
  bool open(const char* path, wire::Error* error);

  // Opens the snapshot that this program carries (wire::kEmbeddedSection). It is as trustworthy as the program. Error:
  // not_found where there is none.
  bool open_embedded(wire::Error* error);

  // Fills `out` with bytes of the snapshot from `offset` on. Error: not_readable, or truncated where it ends before.
  bool read(uint64_t offset, void* out, uint64_t size, wire::Error* error) const;

  // File offsets of the view count from base().
  uint64_t base() const { return base_; }
  bool embedded() const { return base_ != 0; }
  int descriptor() const { return fd_; }
  const wire::View& view() const { return view_; }
  // The memory that the view looks into becomes the caller's, who frees it. The view stays as it is.
  uint8_t* give_metadata() {
    uint8_t* metadata = metadata_;
    metadata_ = nullptr;
    return metadata;
  }
  uint64_t file_size() const { return file_size_; }
  dev_t device() const { return device_; }
  ino_t inode() const { return inode_; }

 private:
  bool check_trust(wire::Error* error);
  bool read_metadata(wire::Error* error);
  bool find_embedded(wire::Error* error);

  int fd_ = -1;
  uint64_t base_ = 0;
  uint64_t file_size_ = 0;  // of the snapshot
  dev_t device_ = 0;
  ino_t inode_ = 0;
  uint8_t* metadata_ = nullptr;
  wire::View view_;
};

// Reads a whole small file that nobody but this user or root can have written. `found`: there is such a file.
bool read_trusted(const char* path, wire::Buffer* out, bool* found, wire::Error* error);

// Time since some fixed point, in nanoseconds.
uint64_t now();

// Steps of an operation with their times and page faults, for FASTBOOT_TRACE; costs nothing when that is not set.
class Timeline {
 public:
  Timeline() : on_(trace_is_on()) {
    if (on_) start();
  }
  void step(const char* name) {
    if (on_) add(name);
  }
  // "open 3.1 us, check 4.0 us (2 faults), ..."
  void describe(char* out, uint64_t size) const;
  bool on() const { return on_; }

 private:
  static constexpr uint32_t kMost = 16;
  struct Step {
    const char* name;
    uint64_t time;
    uint64_t faults;
  };
  static bool trace_is_on();
  void start();
  void add(const char* name);

  bool on_;
  uint32_t count_ = 0;
  Step steps_[kMost];
};

bool trace_enabled();
// One line on stderr, "fastboot: ...", when FASTBOOT_TRACE is set and not empty or 0.
[[gnu::format(printf, 1, 2)]] void trace(const char* format, ...);

}  // namespace fastboot::runtime
