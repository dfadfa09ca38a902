// A pass over all closures of an image, in the order in which they lie, with the words that the rebase stream names.
//
// Works on any file, however damaged, in memory that does not depend on its size: a megablock of the image and a bit
// for each of its words. A closure larger than a megablock is handed over in pieces.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "format/closure_fields.h"
#include "format/heap.h"
#include "format/reader.h"

namespace fastboot::format {

struct Closure {
  ImageAddress address;
  uint32_t target = 0;  // of a lazy closure: the thunk's own, not the trampoline
  bool lazy = false;    // its header is the trampoline's
  uint64_t words = 0;
};

// Which of a run of words are named by a rebase stream.
class WordBits {
 public:
  WordBits(const uint64_t* bits, uint64_t first) : bits_(bits), first_(first) {}
  bool operator[](uint64_t word) const {
    const uint64_t at = first_ + word;
    return (bits_[at / 64] >> at % 64 & 1) != 0;
  }
  WordBits from(uint64_t word) const { return {bits_, first_ + word}; }

 private:
  const uint64_t* bits_;
  uint64_t first_;
};

// What a scan hands over. Words are valid during the call only.
class ClosureVisitor {
 public:
  virtual ~ClosureVisitor() = default;
  // Words [first, first + words.size()) of a closure. One call for each closure (first == 0), but for those that go on
  // over further megablocks. The first piece holds at least what its size depends on.
  virtual void closure(const Closure& closure, uint64_t first, std::span<const uint64_t> words, WordBits rebased) = 0;
  // The descriptor area at the start of a megablock.
  virtual void descriptors(ImageAddress, std::span<const uint64_t>, WordBits) {}
  // Filler words, and what lies behind the last closure of a megablock.
  virtual void unused(ImageAddress, std::span<const uint64_t>, WordBits) {}
  // Something that makes no sense; the rest of its megablock is left out. False: enough, end the scan.
  virtual bool damage(Error error) = 0;
};

// Fails when the file cannot be read. What is wrong with its contents goes to the visitor.
Result<void> scan_closures(const Reader& reader, const TargetIndex& index, ClosureVisitor* visitor);

}  // namespace fastboot::format
