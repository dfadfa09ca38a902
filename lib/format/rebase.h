// The rebase stream: which words of an image hold an address inside the image. Its coding is ELF's RELR. The streams of
// words that hold addresses of other images are of the same form.
//
//   even word A     the word at image address A; the next bitmap starts at A + 8
//   odd word B      bit i (1 to 63) set: the word at base + 8 * (i - 1); afterwards base += 63 * 8
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "format/address.h"
#include "format/error.h"
#include "format/file.h"

namespace fastboot::format {

// A range of image addresses.
struct ImageRange {
  ImageAddress begin, end;
  bool holds(ImageAddress address, uint64_t bytes) const {
    return address >= begin && address <= end && end - address >= bytes;
  }
};

// Gives the addresses of a stream in ascending order. Whatever the stream holds, each is a multiple of 8, larger than
// the one before, and the word lies inside one of the two ranges; anything else is an error, and the cursor stays
// there.
class RebaseCursor {
 public:
  // `section` is where the stream comes from, for messages.
  RebaseCursor(ByteSource stream, ImageRange lazy, ImageRange data, const char* section = ".fastboot.rebase")
      : stream_(std::move(stream)), lazy_(lazy), data_(data), section_(section) {}

  // The next address; nothing at the end.
  Result<std::optional<ImageAddress>> next();

  // For a caller that goes through the image in pieces: sets *out to the next address if it lies before `end`; else
  // false, and the address comes later.
  Result<bool> next_before(ImageAddress end, ImageAddress* out);

 private:
  Result<bool> load();  // the next stream word into bits_ and base_; false at the end
  Result<std::optional<ImageAddress>> checked(ImageAddress address);

  ByteSource stream_;
  ImageRange lazy_, data_;
  const char* section_;
  std::vector<uint64_t> buffer_;
  uint64_t buffered_ = 0;  // words of buffer_ that are valid
  uint64_t at_ = 0;        // next word in buffer_
  uint64_t position_ = 0;  // bytes of the stream already in buffer_ or used
  uint64_t bits_ = 0;      // what is left of the present bitmap, shifted
  uint64_t bit_base_ = 0;  // address that bit 0 of bits_ stands for
  uint64_t base_ = 0;      // where the next bitmap starts
  bool have_base_ = false;
  ImageAddress last_;     // 0: none yet
  ImageAddress waiting_;  // taken by next_before() and not given out
  bool is_waiting_ = false;
};

// Makes a stream from ascending addresses, each a multiple of 8.
class RebaseEncoder {
 public:
  void add(ImageAddress address);
  std::vector<uint64_t> finish();

 private:
  void flush();
  std::vector<uint64_t> words_;
  uint64_t base_ = 0;  // the open bitmap's first address; 0: none yet
  uint64_t bitmap_ = 0;
};

}  // namespace fastboot::format
