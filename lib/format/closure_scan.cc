#include "format/closure_scan.h"

#include <algorithm>

namespace fastboot::format {

using wire::Code;

namespace {

constexpr uint64_t kBlockWords = ghc::kMegablockSize / 8;
constexpr uint64_t kFirstWord = ghc::kDescriptorArea / 8;
constexpr uint64_t kAlwaysFits = kBlockWords - kFirstWord - 8;  // even where fillers align it

// Goes through lazy and then data, with one cursor over the rebase stream, whose addresses ascend over both.
class Scan {
 public:
  Scan(const Reader& reader, const TargetIndex& index, ClosureVisitor* visitor)
      : reader_(reader),
        index_(index),
        visitor_(*visitor),
        cursor_(reader.rebase_cursor()),
        block_(kBlockWords),
        bits_(kBlockWords / 64) {}

  Result<void> segment(const ByteSource& source, ImageAddress base, const char* section) {
    size_ = source.size() / 8;
    base_ = base;
    section_ = section;
    for (uint64_t at = 0; at < size_ && !ended_;) {
      if (auto loaded = load(source, at); !loaded) return loaded;
      uint64_t end = megablock(at);
      // A closure that goes on over the next megablocks.
      while (end > at + kBlockWords && at + kBlockWords < size_ && !ended_) {
        at += kBlockWords;
        if (auto loaded = load(source, at); !loaded) return loaded;
        go_on(at, end);
      }
      at += kBlockWords;
    }
    return {};
  }

 private:
  // Brings the megablock that starts `at` words into the segment, and its bits.
  Result<void> load(const ByteSource& source, uint64_t at) {
    words_ = std::min(kBlockWords, size_ - at);
    if (auto read = source.read(at * 8, {reinterpret_cast<uint8_t*>(block_.data()), words_ * 8}); !read) return read;
    std::fill(bits_.begin(), bits_.end(), 0);
    const ImageAddress begin = base_ + at * 8;
    while (!broken_stream_) {
      ImageAddress word;
      auto more = cursor_.next_before(begin + words_ * 8, &word);
      if (!more) {
        broken_stream_ = true;
        ended_ = !visitor_.damage(std::move(more.error()));
      }
      if (!more || !*more) break;
      // What lies before this megablock is in a gap between the segments, where the cursor lets none be.
      if (word < begin) continue;
      const uint64_t i = (word - begin) / 8;
      bits_[i / 64] |= uint64_t{1} << i % 64;
    }
    return {};
  }

  WordBits bits(uint64_t word) const { return {bits_.data(), word}; }
  std::span<const uint64_t> words(uint64_t begin, uint64_t end) const { return {&block_[begin], end - begin}; }

  // Gives the word of the segment at which the last closure ends.
  uint64_t megablock(uint64_t start) {
    const uint64_t area = std::min(kFirstWord, words_);
    visitor_.descriptors(base_ + start * 8, words(0, area), bits(0));
    uint64_t at = area;
    while (at < words_ && block_[at] != 0 && !ended_) {
      if (block_[at] == ghc::kFillerWord) {
        visitor_.unused(base_ + (start + at) * 8, words(at, at + 1), bits(at));
        ++at;
        continue;
      }
      const uint64_t size = closure(start, at);
      if (size == 0) return start + at;
      at += size;
    }
    if (at < words_ && !ended_) visitor_.unused(base_ + (start + at) * 8, words(at, words_), bits(at));
    return start + at;
  }

  // Hands over the closure at word `at` and gives its words; 0 when it makes no sense.
  uint64_t closure(uint64_t start, uint64_t at) {
    const uint64_t* header = &block_[at];
    const uint64_t left = words_ - at;
    Closure& closure = closure_;
    closure.address = base_ + (start + at) * 8;
    closure.target = index_.find(*header);
    if (closure.target == TargetIndex::kNone)
      return corrupt(fmt::format("header {:#x} is no interned info table", *header));
    closure.lazy = index_.is_trampoline(closure.target);
    if (closure.lazy) {
      if (left < 2 || header[1] >= index_.count())
        return corrupt("a lazy closure whose second word is no target's index");
      closure.target = static_cast<uint32_t>(header[1]);
    }
    const ghc::Shape& shape = index_.shape(closure.target);
    if (shape.words > left) return corrupt("the closure's first words are past the end of its megablock");
    closure.words = ghc::closure_words(shape, header);
    if (closure.words == 0 || closure.words > size_ - start - at)
      return corrupt(fmt::format("a closure of target {} has {} words", closure.target, closure.words));
    if (closure.words > left && closure.words <= kAlwaysFits)
      return corrupt(fmt::format("a closure of {} words crosses its megablock's end, and would fit into one of its own",
                                 closure.words));
    visitor_.closure(closure, 0, words(at, at + std::min(closure.words, left)), bits(at));
    return closure.words;
  }

  // The present megablock holds the words of closure_ from word `at` of the segment on; it ends at `end`.
  void go_on(uint64_t at, uint64_t end) {
    const uint64_t here = std::min(end - at, words_);
    visitor_.closure(closure_, (base_ + at * 8 - closure_.address) / 8, words(0, here), bits(0));
    if (here < words_) visitor_.unused(base_ + (at + here) * 8, words(here, words_), bits(here));
  }

  uint64_t corrupt(const std::string& message) {
    ended_ = !visitor_.damage(
        Error{Code::corrupt, fmt::format("closure at {}: {}; freeze it again", to_string(closure_.address), message),
              reader_.path(), section_, std::nullopt});
    return 0;
  }

  const Reader& reader_;
  const TargetIndex& index_;
  ClosureVisitor& visitor_;
  RebaseCursor cursor_;
  std::vector<uint64_t> block_;
  std::vector<uint64_t> bits_;
  uint64_t words_ = 0;  // of block_ that are in use
  uint64_t size_ = 0;   // words of the segment
  ImageAddress base_;
  const char* section_ = "";
  Closure closure_;
  bool broken_stream_ = false;
  bool ended_ = false;
};

}  // namespace

Result<void> scan_closures(const Reader& reader, const TargetIndex& index, ClosureVisitor* visitor) {
  Scan scan(reader, index, visitor);
  if (auto done = scan.segment(reader.lazy(), reader.lazy_range().begin, ".fastboot.lazy"); !done) return done;
  return scan.segment(reader.data(), reader.data_range().begin, ".fastboot.data");
}

}  // namespace fastboot::format
