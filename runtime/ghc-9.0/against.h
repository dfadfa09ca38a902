// The images that a freeze points into, instead of copying what it meets of them.
//
// Whoever freezes names them by their files; they must be thawed in this process. What the file will say of each is
// taken when they are named, for an image may be unmapped while the other is written.
#pragma once

#include "ghc-9.0/image.h"

namespace fastboot::ghc {

class Against {
 public:
  // Where one of them lies in this process. Two bindings of one snapshot are two images, and the same to the file.
  struct Place {
    const Image* image;
    uint32_t number;  // of record() and name()
    bool holds(uint64_t address) const { return image->holds_closures(address); }
  };

  // Names the snapshot at `path`. Its file must be readable; find_images() says whether it is thawed. With `optional`,
  // nothing is said where it is not. Codes: those of opening a file, and refused_dependency.
  bool add(const char* path, bool optional, wire::Error* error);
  // Names those of FASTBOOT_NEEDS.
  bool add_from_environment(wire::Error* error);
  // Looks for them among the images of this process, where no thread can unmap one meanwhile.
  bool find_images(wire::Error* error);

  uint32_t count() const { return count_; }
  bool empty() const { return place_count_ == 0; }
  // The image that has a closure at process address `address`, or nullptr.
  const Place* find(uint64_t address) const {
    for (uint32_t i = 0; i < place_count_; ++i) {
      if (places_[i].holds(address)) return &places_[i];
    }
    return nullptr;
  }
  // What the file says of image `number`; the name and the words that point there aside.
  const wire::Needed& record(uint32_t number) const { return images_[number].record; }
  // The name of its file, NAME.snap.
  const char* name(uint32_t number) const { return images_[number].name; }

 private:
  struct Named {
    wire::Needed record;
    char name[264];
    bool optional;
    bool found;
  };
  static constexpr uint32_t kMostPlaces = 2 * wire::kMaxNeeded;

  Named images_[wire::kMaxNeeded];
  Place places_[kMostPlaces];
  uint32_t count_ = 0;
  uint32_t place_count_ = 0;
};

// The images that FASTBOOT_NEEDS names: paths of snapshots, separated by colons. Gives the one whose file is named as
// the file `path`, in memory from malloc; nullptr: none is, or the variable is not set.
char* needed_by_name(const char* path);

}  // namespace fastboot::ghc
