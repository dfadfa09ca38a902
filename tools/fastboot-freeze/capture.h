// The directory into which PROGRAM freezes: private, fresh, beside the snapshot that is to be written.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "format/error.h"

namespace fastboot::freeze {

struct Captured {
  std::string image;  // its file's name without .snap
  std::string path;
};

// An image that the program could not freeze.
struct NotCaptured {
  std::string image;
  std::string message;  // the runtime's: "error 301: cannot freeze ..."
};

class CaptureDirectory {
 public:
  // In the directory of `output`, with mode 0700 and a name of its own. Removes those that killed processes left there.
  // Error: write_failed, no_space, bad_argument.
  static format::Result<CaptureDirectory> create(const std::string& output);
  CaptureDirectory(CaptureDirectory&& other) noexcept
      : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {
    other.path_.clear();
  }
  CaptureDirectory& operator=(CaptureDirectory&&) = delete;
  ~CaptureDirectory();  // removes it with all that is in it

  const std::string& path() const { return path_; }  // absolute
  // The finished snapshots in it, by name.
  std::vector<Captured> images() const;
  // What the program's runtime says of those that it could not freeze, by name.
  std::vector<NotCaptured> failures() const;

 private:
  CaptureDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::vector<Captured> files(std::string_view ending) const;
  std::string path_;
  int lock_;  // the open directory, locked for as long as it is in use; -1: it cannot be locked here
};

}  // namespace fastboot::freeze
