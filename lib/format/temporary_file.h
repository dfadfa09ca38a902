// A file that appears under its name complete, or not at all.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "format/error.h"

namespace fastboot::format {

// Made in the directory of `path`, without a name where the filesystem can do that (O_TMPFILE), so that nothing stays
// of it when the process is killed; elsewhere under a hidden name, which the destructor removes unless commit() has
// succeeded.
class TemporaryFile {
 public:
  static Result<TemporaryFile> create(const std::string& path);
  TemporaryFile(TemporaryFile&& other) noexcept;
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile();

  Result<void> write(FileOffset offset, std::span<const uint8_t> bytes);
  // What was written. Error: not_readable, truncated.
  Result<void> read(FileOffset offset, std::span<uint8_t> out) const;
  // Sets the mode, syncs, gives it its name, syncs the directory.
  Result<void> commit(unsigned mode = 0444);

 private:
  TemporaryFile(int descriptor, std::string name, std::string path)
      : descriptor_(descriptor), name_(std::move(name)), path_(std::move(path)) {}
  Failure failure(const char* what, int error) const;
  int place();  // 0, or what went wrong

  int descriptor_;
  std::string name_;  // that it has before commit(); empty: none
  std::string path_;
};

// A whole file of text, mode 0644.
Result<void> write_text(const std::string& path, std::string_view text);

}  // namespace fastboot::format
