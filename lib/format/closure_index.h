// Where the closures of an image start, and reading single ones.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "format/closure_scan.h"

namespace fastboot::format {

// A number for each closure, in the order in which they lie: lazy, then data. Takes a bit for each word of the image
// and 4 bytes for each 512 words: 1/64 and a bit more of the image's bytes.
class ClosureIndex {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  // Images with more words than a number can tell apart are refused (image_too_large).
  static Result<ClosureIndex> make(const Reader& reader);

  // During a scan: closures in ascending order; then finish().
  void add(ImageAddress start);
  void finish();

  uint32_t count() const { return count_; }
  // The number of the closure that starts there; kNone: none does.
  uint32_t at(ImageAddress start) const;
  // The number of the last closure that starts at or before `address`, in the same segment; kNone: none does.
  uint32_t before(ImageAddress address) const;
  // Where closure `number` starts; number < count().
  ImageAddress start(uint32_t number) const;

 private:
  static constexpr uint64_t kGroup = 512;  // words of image for each entry of ranks_
  static constexpr uint64_t kNoWord = ~uint64_t{0};
  uint64_t word(ImageAddress address) const;
  uint64_t rank(uint64_t word) const;  // closures that start before it

  ImageRange lazy_, data_;
  uint64_t lazy_words_ = 0;
  std::vector<uint64_t> bits_;
  std::vector<uint32_t> ranks_;
  uint32_t count_ = 0;
};

// Reads words of lazy and data by address, through a cache of fixed size.
class ImageWords {
 public:
  explicit ImageWords(const Reader& reader);
  // Fills `out`. False where the words are not all in one segment, or the file cannot be read.
  bool read(ImageAddress address, std::span<uint64_t> out);
  std::optional<uint64_t> word(ImageAddress address);

 private:
  static constexpr uint64_t kPage = 16384;
  static constexpr uint64_t kPages = 256;
  struct Page {
    uint64_t number = ~uint64_t{0};
    std::vector<uint64_t> words;
  };
  const Page* page(const ByteSource& source, uint64_t segment, uint64_t number);

  struct Part {
    ImageRange range;
    ByteSource source;
  };
  Part parts_[2];
  std::vector<Page> pages_;
};

// A closure by its address: its target and size, and the fields that its layout gives it.
struct FoundClosure {
  Closure closure;
  ClosureFields fields;
};
class ClosureReader {
 public:
  ClosureReader(const Reader& reader, const TargetIndex& index) : reader_(reader), index_(index), words_(reader) {}
  // Nothing where no closure can be. That one starts there is for the caller to know.
  std::optional<FoundClosure> find(ImageAddress address);
  // Likewise, without the fields.
  std::optional<Closure> closure(ImageAddress address);
  ImageWords& words() { return words_; }

 private:
  const wire::Target* function_of(const Closure& closure, std::span<const uint64_t> prefix);

  const Reader& reader_;
  const TargetIndex& index_;
  ImageWords words_;
};

}  // namespace fastboot::format
