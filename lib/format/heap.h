// Going through the closures of an image, in the order in which they lie.
//
// An image is a row of megablocks: 16 KiB of block descriptors, then closures back to back, up to a word that is zero.
// A closure that does not fit into what is left of a megablock goes on over the following ones (which then have no
// descriptors), and the next closure starts in a fresh megablock. A word that is 1 fills a gap of alignment.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "format/error.h"
#include "format/ghc_closures.h"
#include "format/reader.h"

namespace fastboot::format {

// The shape of closures of that target.
ghc::Shape shape_of(const wire::Target& target);

// Finds the target of a closure by its header word. An array lookup: images have many millions of closures.
class TargetIndex {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  static Result<TargetIndex> make(const Reader& reader);

  // kNone: no interned info table starts there.
  uint32_t find(uint64_t header_word) const {
    const uint64_t slot = (header_word - info_begin_) / 8;
    return header_word % 8 == 0 && slot < by_slot_.size() ? by_slot_[slot] : kNone;
  }
  const ghc::Shape& shape(uint32_t target) const { return shapes_[target]; }
  bool is_trampoline(uint32_t target) const { return trampoline_[target]; }
  uint32_t count() const { return static_cast<uint32_t>(shapes_.size()); }

 private:
  uint64_t info_begin_ = 0;
  std::vector<uint32_t> by_slot_;
  std::vector<ghc::Shape> shapes_;
  std::vector<bool> trampoline_;
};

struct Census {
  struct Count {
    uint64_t closures = 0;
    uint64_t bytes = 0;
  };
  std::vector<Count> by_target;
  Count all;
  uint64_t lazy_closures = 0;
  uint64_t descriptor_bytes = 0;
  uint64_t unused_bytes = 0;  // ends of megablocks, fillers
};

// Counts closures and bytes by target. Bounded memory; as fast as the bytes can be read. In lenient mode a closure that
// makes no sense ends the walk of its megablock; what was wrong goes to `damage`.
Result<Census> take_census(const Reader& reader, std::vector<Error>* damage);

}  // namespace fastboot::format
