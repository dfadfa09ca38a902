// A file that appears under its name complete, or not at all.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "format/error.h"

namespace fastboot::format {

// Made in the directory of `path`, under a hidden name; removed by the destructor unless commit() has succeeded.
class TemporaryFile {
 public:
  static Result<TemporaryFile> create(const std::string& path);
  TemporaryFile(TemporaryFile&& other) noexcept;
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile();

  Result<void> write(FileOffset offset, std::span<const uint8_t> bytes);
  // Sets the mode, syncs, renames to `path`, syncs the directory.
  Result<void> commit(unsigned mode = 0444);

 private:
  TemporaryFile(int descriptor, std::string name, std::string path)
      : descriptor_(descriptor), name_(std::move(name)), path_(std::move(path)) {}
  Failure failure(const char* what, int error) const;

  int descriptor_;
  std::string name_, path_;
};

// A whole file of text, mode 0644.
Result<void> write_text(const std::string& path, std::string_view text);

}  // namespace fastboot::format
