// An image in memory, closure by closure.
//
// Words have numbers: those of lazy, up to a whole megablock, then those of data. A closure is known by the number of
// its header.
#pragma once

#include <cstdint>
#include <vector>

#include "format/heap.h"
#include "format/model.h"
#include "format/rebase.h"

namespace fastboot::reloc {

using WordNumber = uint32_t;

// One bit for each word.
class WordSet {
 public:
  explicit WordSet(uint64_t words = 0) : bits_(words / 64 + 1) {}
  bool has(uint64_t word) const { return (bits_[word / 64] >> word % 64 & 1) != 0; }
  void add(uint64_t word) { bits_[word / 64] |= uint64_t{1} << word % 64; }
  // The first one from `from` on and before `end`; `end`: none.
  uint64_t next(uint64_t from, uint64_t end) const;
  // The last one at or below `from` and not below `begin`; 0: none (word 0 is never in a set).
  uint64_t last(uint64_t from, uint64_t begin) const;

 private:
  std::vector<uint64_t> bits_;
};

class LinkHeap {
 public:
  // Errors: corrupt, where the closures do not lie one behind the other.
  static format::Result<LinkHeap> read(const format::Model& model);

  uint64_t size() const { return words_.size(); }
  uint64_t lazy_size() const { return lazy_words_; }  // words of lazy, by whole megablocks
  bool is_lazy(WordNumber word) const { return word < lazy_words_; }
  uint64_t& operator[](uint64_t word) { return words_[word]; }
  uint64_t operator[](uint64_t word) const { return words_[word]; }
  const uint64_t* at(WordNumber word) const { return &words_[word]; }

  const WordSet& starts() const { return starts_; }    // closures' headers
  const WordSet& pointers() const { return marked_; }  // words that hold addresses of the image
  const WordSet& foreign() const { return foreign_; }  // words that hold other addresses: the program's, other images'

  format::ImageAddress address(WordNumber word) const {
    return word < lazy_words_ ? lazy_ + uint64_t{word} * 8 : data_ + (uint64_t{word} - lazy_words_) * 8;
  }
  bool number(uint64_t address, WordNumber* out) const {
    if (address - data_.value() < (words_.size() - lazy_words_) * 8) {
      *out = static_cast<WordNumber>(lazy_words_ + (address - data_.value()) / 8);
      return true;
    }
    *out = static_cast<WordNumber>((address - lazy_.value()) / 8);
    return address - lazy_.value() < lazy_words_ * 8;
  }

  // The closure whose header is there was checked when the heap was read.
  uint32_t target(WordNumber closure) const;  // a lazy closure's own
  const wire::Target& record(uint32_t target) const { return model_.targets[target].record; }
  uint64_t words(WordNumber closure) const;  // its size
  bool is_lazy_closure(WordNumber closure) const { return is_lazy(closure) && words_[closure] == lazy_header_; }
  bool is_young(WordNumber closure) const;  // in a block of generation 0: an array without elements
  uint64_t lazy_header() const { return lazy_header_; }
  // The descriptor of a block that holds closures, eight words of which the first two are its addresses.
  const uint64_t* descriptor() const { return descriptor_; }
  // The closure that the word belongs to; 0: none.
  WordNumber closure_of(WordNumber word) const;

  // Where a word of a closure that is in pointers() leads: to a closure, or to a byte of one's payload, or one behind
  // its last. False: to neither.
  struct Reference {
    WordNumber closure;
    uint64_t offset;  // from its header, in bytes; its tag where it is a pointer
    bool pointer;
  };
  bool follow(WordNumber closure, uint64_t index, Reference* out) const;

 private:
  explicit LinkHeap(const format::Model& model) : model_(model) {}
  format::Result<void> load();
  format::Result<void> mark();
  format::Result<void> find_closures();
  format::Result<uint64_t> closure_at(uint64_t at, uint64_t end);
  format::Error corrupt(uint64_t word, std::string message) const;
  void index_targets();
  format::Result<void> mark_foreign();

  const format::Model& model_;
  format::ImageAddress lazy_, data_;
  uint64_t lazy_words_ = 0, lazy_used_ = 0;
  std::vector<uint64_t> words_;
  WordSet starts_, marked_, foreign_;
  std::vector<uint32_t> by_info_;  // target, for each eight bytes of info tables
  std::vector<format::ghc::Shape> shapes_;
  std::vector<uint64_t> pointer_end_;     // for each target: marked words of a closure before this one are pointers
  std::vector<WordNumber> before_block_;  // for each kBlock words: the last closure that starts before
  uint64_t lazy_header_ = 0;
  const uint64_t* descriptor_ = nullptr;
};

}  // namespace fastboot::reloc
