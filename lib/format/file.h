// An open file for reading, and ranges of bytes that come from files or from memory.
//
// Everything is read with pread into the caller's memory. A mapping would be faster for nothing but the first pass, and
// it faults when somebody truncates the file meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "format/address.h"
#include "format/error.h"

namespace fastboot::format {

class File {
 public:
  // Opens a regular file. Its size is taken once, from the open descriptor.
  static Result<std::shared_ptr<const File>> open(const std::string& path);

  File(int descriptor, std::string path, uint64_t size)
      : descriptor_(descriptor), path_(std::move(path)), size_(size) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }

  // Fills `out` completely, or fails: `truncated` past the end of the file, else `not_readable`.
  Result<void> read(FileOffset offset, std::span<uint8_t> out) const;

 private:
  int descriptor_;
  std::string path_;
  uint64_t size_;
};

// Bytes that are made when they are asked for.
class ByteMaker {
 public:
  virtual ~ByteMaker() = default;
  // Fills `out` with the bytes from `position` on. Asked for in ascending order, without gaps; `position` 0 starts
  // anew.
  virtual Result<void> make(uint64_t position, std::span<uint8_t> out) = 0;
};

// A readable range of bytes: a piece of a file, bytes in memory that it owns, or bytes that are made on the way. Cheap
// to copy; copies of the last kind share their maker, so that only one of them can be read at a time.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(std::shared_ptr<ByteMaker> maker, uint64_t size) : maker_(std::move(maker)), size_(size) {}
  ByteSource(std::shared_ptr<const File> file, FileOffset offset, uint64_t size)
      : file_(std::move(file)), offset_(offset), size_(size) {}
  explicit ByteSource(std::vector<uint8_t> bytes)
      : memory_(std::make_shared<const std::vector<uint8_t>>(std::move(bytes))), size_(memory_->size()) {}

  uint64_t size() const { return size_; }
  // Where the range starts in its file; 0 for memory.
  FileOffset file_offset() const { return offset_; }
  // Fills `out` with the bytes from `position` on. Fails when the range ends before.
  Result<void> read(uint64_t position, std::span<uint8_t> out) const;

 private:
  std::shared_ptr<const File> file_;
  std::shared_ptr<const std::vector<uint8_t>> memory_;
  std::shared_ptr<ByteMaker> maker_;
  FileOffset offset_;
  uint64_t size_ = 0;
};

}  // namespace fastboot::format
