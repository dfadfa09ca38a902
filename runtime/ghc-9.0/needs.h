// The images that an image points into: found, thawed before it, and kept as long as it is.
//
// A needed image is one that this process has already, or a file beside the snapshot that needs it, or in a directory
// of FASTBOOT_PATH, or what the program itself carries; and in each of these, also one that was linked into another.
// What counts is its content id. At the addresses that the snapshot was frozen against nothing is relocated; elsewhere
// the words that point there are changed in this process's own pages.
#pragma once

#include "core/file.h"
#include "ghc-9.0/image.h"

namespace fastboot::ghc {

// A snapshot that is just being thawed, and the one that needs it.
struct Thawing {
  const Thawing* needed_by;  // nullptr: the one that the caller asked for
  const char* path;
  const runtime::SnapshotFile* file;
  Builds builds;  // what the caller allows
};

// Thaws a needed snapshot that was opened; gives it in the list of images, or nullptr.
using ThawNeeded = Image* (*)(const Thawing& thawing, runtime::SnapshotFile* file, wire::Error* error);

// All that one image needs, on the way. Under the lock of thaw.cc.
class Needs {
 public:
  Needs() = default;
  Needs(const Needs&) = delete;
  Needs& operator=(const Needs&) = delete;
  // Unmaps again what was thawed for an image that then could not be.
  ~Needs() {
    if (needed_ != nullptr) give_up();
  }

  // Finds and thaws them. Nothing is left behind on failure: the message says which image needs which, and why.
  bool find(const Thawing& thawing, ThawNeeded thaw, wire::Error* error);

  // Makes the words of the mapped image, whose own addresses are off by `delta`, right for where the needed images lie.
  bool relocate(const runtime::SnapshotFile& file, uint64_t delta, wire::Error* error);

  // From here on they stay as long as `image`, which is in the list.
  void keep_for(Image* image);

  uint64_t relocations() const { return relocations_; }  // words that were changed

 private:
  void give_up();

  Dependency* needed_ = nullptr;
  uint64_t count_ = 0;
  uint64_t relocations_ = 0;
};

}  // namespace fastboot::ghc
