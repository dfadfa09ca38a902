// The image while it is made: an area of our own memory in which closures get their final addresses at once.
//
// Closures are named by their *word offset*: 8-byte words from the start of the data area. Their image address is
// slot + kUsualDataOffset + 8 * offset as long as nothing unusual happens; where there are lazy closures, or more
// targets than the usual link segment holds, freeze.cc moves the addresses once at the end (relocate()). A bitmap with
// a bit for each word says which words hold addresses inside the image: it serves that move, and becomes the rebase
// stream.
#pragma once

#include "core/memory.h"
#include "format/wire/emit.h"
#include "format/wire/structs.h"

namespace fastboot::ghc {

using Offset = uint32_t;  // words; 0 is never a closure's

inline constexpr uint32_t kMegablockWords = 1u << 17;
inline constexpr uint32_t kFirstWord = 0x4000 / 8;  // of a megablock that has descriptors
inline constexpr uint64_t kFillerWord = 1;          // stands where alignment skips a word; never a header

// A contiguous run of megablocks.
struct Area {
  Offset begin = 0;
  Offset cursor = 0;  // next free word
  Offset limit = 0;   // end of the megablock in use; an object larger than a megablock leaves none
  Offset end = 0;

  bool empty() const { return cursor == begin; }
  uint64_t size() const { return wire::round_up(uint64_t{cursor - begin} * 8, wire::kPageSize); }
};

class Staging {
 public:
  // Takes memory that an earlier freeze left in `kept`, if there is any.
  bool reserve(uint64_t slot_address, runtime::Reservation::Kept* kept);
  // Leaves the memory there for the next.
  void keep_in(runtime::Reservation::Kept* kept) {
    memory_.keep_in(kept, data_.size(), uint64_t{lazy_.begin} * 8, lazy_.size());
  }

  uint64_t* words() const { return words_; }
  Area& data() { return data_; }
  Area& lazy() { return lazy_; }
  bool is_lazy(Offset offset) const { return offset >= lazy_.begin; }

  // Words in use, gaps between closures included.
  uint64_t used() const { return uint64_t{data_.cursor} + (lazy_.cursor - lazy_.begin); }

  // Image address of a word, before relocate().
  uint64_t address(Offset offset) const { return base_ + uint64_t{offset} * 8; }
  uint64_t base() const { return base_; }

  // Gives `count` zeroed words that do not straddle a megablock's descriptors; 0 when the area is full.
  Offset allocate(Area& area, uint64_t count) {
    if (count <= area.limit - area.cursor) {
      const Offset at = area.cursor;
      area.cursor += static_cast<Offset>(count);
      return at;
    }
    return allocate_in_new_megablock(area, count);
  }
  // The same, with the word `payload` of it at a multiple of `alignment` bytes.
  Offset allocate_aligned(Area& area, uint64_t count, uint32_t payload, uint64_t alignment);

  // Gives `count` words for an array without elements. They lie in blocks whose descriptors say generation 0, so that
  // the RTS puts such an array on no mutable list when somebody thaws it in place.
  Offset allocate_empty(uint32_t count);

  // Says that words [offset, offset + count) hold image addresses.
  void mark(Offset offset, uint32_t count) {
    uint64_t* bits = bits_ + offset / 64;
    const uint32_t shift = offset % 64;
    if (shift + count <= 64) {
      *bits |= (count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1) << shift;
    } else {
      mark_long(offset, count);
    }
  }
  bool marked(Offset offset) const { return (bits_[offset / 64] >> (offset % 64) & 1) != 0; }

  // Makes room for telling the words that hold addresses of up to `count` other images.
  bool reserve_cross(uint32_t count);
  // Says that the word holds an address of other image `image`, and none of this one. False: no memory for that.
  bool mark_cross(Offset offset, uint32_t image);
  // The other image whose address the word holds, or kNoImage.
  static constexpr uint32_t kNoImage = 0xffffffff;
  uint32_t cross_image(Offset offset) const;
  bool has_cross(uint32_t image) const;
  // As rebase_stream(), of these words.
  void cross_stream(uint32_t image, const Area& area, uint64_t address, wire::Buffer* out) const;

  // Everything that was allocated after save() can be taken back; its words are zero again.
  struct Watermark {
    Area data, lazy;
    uint64_t heads, young;
    Offset empty_cursor, empty_end;
  };
  Watermark save() const { return {data_, lazy_, heads_.size(), young_.size(), empty_cursor_, empty_end_}; }
  void rewind(const Watermark& before);

  // Writes the block descriptors. No more allocation afterwards.
  void finish();

  // Moves every address in [from, from + size) by `delta`, wherever a marked word holds one.
  struct Move {
    uint64_t from, size, delta;
  };
  void relocate(const Move* moves, uint32_t count);

  // The rebase stream of an area that lies at `address`: RELR words, appended to `out`.
  void rebase_stream(const Area& area, uint64_t address, wire::Buffer* out) const;

  // Megablocks that have descriptors, in the order in which they were begun.
  uint64_t head_count() const { return heads_.size(); }
  Offset head(uint64_t i) const { return heads_[i]; }

 private:
  Offset allocate_in_new_megablock(Area& area, uint64_t count);
  void mark_long(Offset offset, uint32_t count);
  void unmark(Offset begin, Offset end);
  static void append_stream(const uint64_t* bits, const Area& area, uint64_t address, wire::Buffer* out);
  const uint64_t* cross_bits(uint32_t image) const { return reinterpret_cast<const uint64_t*>(cross_[image].data()); }

  runtime::Reservation memory_;
  runtime::Reservation bitmap_;
  runtime::Reservation cross_[wire::kMaxNeeded];  // likewise, for each other image; made when there is a word for it
  uint32_t cross_count_ = 0;
  runtime::ReservedArray<Offset> heads_;     // megablocks that have descriptors
  runtime::ReservedArray<Offset> young_;     // blocks of generation 0
  Offset empty_cursor_ = 0, empty_end_ = 0;  // in the last of them
  uint64_t* words_ = nullptr;
  uint64_t* bits_ = nullptr;
  uint64_t base_ = 0;
  Area data_, lazy_;
};

}  // namespace fastboot::ghc
