// Linking, the words: what the bytes of an image become when its parts and targets get other places.
//
// Bytes are read, checked against their hashes, changed and given on in pieces, so that an image of any size passes
// through a few megabytes of memory.
#pragma once

#include <memory>
#include <vector>

#include "format/file.h"
#include "format/model.h"
#include "format/rebase.h"

namespace fastboot::reloc {

// Addresses that come to lie elsewhere. Whole megablocks.
struct PartMove {
  format::ImageRange from;
  uint64_t by = 0;  // modulo 2^64

  bool holds(uint64_t value) const { return value - from.begin.value() < from.end - from.begin; }
};

// What happens to one image's words.
struct ImageMoves {
  // The new address of the interned info pointer that was at info_begin + 8 * i; 0: there was none.
  uint64_t info_begin = 0;
  std::vector<uint64_t> info;
  PartMove lazy, data;
  // The header of lazy closures, whose second word is the number of a target, and what the numbers become; 0: none.
  uint64_t lazy_header = 0;
  std::vector<uint32_t> targets;

  format::ImageAddress place(format::ImageAddress at) const {
    return at + (lazy.holds(at.value()) ? lazy.by : data.by);
  }
  // What a word of the part `own` that holds an address becomes; 0: it is no address of the image. The end of a part
  // is an address of it: a block descriptor and a pointer behind an array's last byte hold it.
  uint64_t value(const PartMove& own, uint64_t value) const {
    const uint64_t slot = value - info_begin;
    if (slot < info.size() * 8) return slot % 8 == 0 ? info[slot / 8] : 0;
    if (own.holds(value) || value == own.from.end.value()) return value + own.by;
    if (data.holds(value) || value == data.from.end.value()) return value + data.by;
    return lazy.holds(value) ? value + lazy.by : 0;
  }
};

// Another image's addresses, in words that held them when that image was a file of its own.
struct CrossMoves {
  format::ByteSource stream;  // which words
  std::vector<PartMove> parts;

  uint64_t value(uint64_t value) const {
    for (const PartMove& part : parts) {
      if (part.holds(value) || value == part.from.end.value()) return value + part.by;
    }
    return 0;
  }
};

// An image on its way into the output.
struct MovedImage {
  std::string path;  // for messages
  const format::Model* model = nullptr;
  ImageMoves moves;
  std::vector<CrossMoves> cross;  // those that are addresses of the output from now on
};

enum class ImagePart : uint8_t { lazy, data };

using MovedImages = std::shared_ptr<const std::vector<MovedImage>>;

// One part of the output: that part of all images, each at the next megablock. The models must outlive what is
// returned.
format::ByteSource moved_part(const MovedImages& images, ImagePart part);

// Bytes of that part.
uint64_t moved_part_size(const std::vector<const format::Model*>& models, ImagePart part);

// Which words of the output hold addresses of it: a RELR stream.
format::Result<format::ByteSource> moved_rebase(const MovedImages& images);

// The same for words that keep what they hold: streams of some of the images, in the images' order.
struct ImageStream {
  const MovedImage* image;
  format::ByteSource stream;
};
format::Result<format::ByteSource> moved_streams(const std::vector<ImageStream>& streams);

format::ByteSource words_source(const std::vector<uint64_t>& words);

}  // namespace fastboot::reloc
