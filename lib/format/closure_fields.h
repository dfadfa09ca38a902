// What each word of a closure is, by its target's record: pointers, numbers, padding.
//
// The rebase stream names the words of an image that hold addresses; this says which ones have to be there. Both
// together are what a verifier compares, and a reader of single closures needs only this.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "format/ghc_closures.h"
#include "format/heap.h"
#include "format/reader.h"

namespace fastboot::format {

enum class WordKind : uint8_t {
  header,   // image address of an interned info pointer
  pointer,  // tagged address of a closure
  number,   // a count or an index: never an address
  value,    // a number; or an address in a byte array or of the program, which the rebase stream or a relocation says
  either,   // an argument of a function that is not known: a pointer or a value
  bytes,    // part of a byte array: never an address
  zero,     // padding
};

// Which arguments of a function are pointers. Bits past the size mean none.
class ArgumentBitmap {
 public:
  ArgumentBitmap() = default;
  // The bitmap of a function target. Empty for a record that makes no sense.
  static ArgumentBitmap of(const wire::View& view, const wire::Target& target);

  uint64_t size() const { return size_; }
  bool is_pointer(uint64_t argument) const;

 private:
  uint64_t size_ = 0;
  uint64_t small_ = 0;               // bit set: not a pointer
  const uint64_t* large_ = nullptr;  // in the view; instead of small_
};

// The words of one closure. What no range names is a number.
struct ClosureFields {
  struct Range {
    uint64_t begin = 0, end = 0;
    bool holds(uint64_t word) const { return word >= begin && word < end; }
  };
  Range pointers, values, bytes, zeros;
  Range arguments;  // of a partial application: pointers or values, by its function's bitmap
  ArgumentBitmap bitmap;
  bool function_known = false;

  WordKind kind(uint64_t word) const {
    if (word == 0) return WordKind::header;
    if (pointers.holds(word)) return WordKind::pointer;
    if (bytes.holds(word)) return WordKind::bytes;
    if (values.holds(word)) return WordKind::value;
    if (zeros.holds(word)) return WordKind::zero;
    if (!arguments.holds(word)) return WordKind::number;
    if (!function_known) return WordKind::either;
    return bitmap.is_pointer(word - arguments.begin) ? WordKind::pointer : WordKind::value;
  }
  bool is_pointer(uint64_t word) const { return kind(word) == WordKind::pointer; }
};

// The words of closures that PAP and AP start with, before their arguments, and the word that holds their function.
inline constexpr uint64_t kPapFunction = 2;
inline constexpr uint64_t kApFunction = 3;
// Words at a closure's start that say all about its size.
inline constexpr uint64_t kMostPrefix = 4;

// Fields of the closure of `words` words whose first min(words, kMostPrefix) words are `prefix`. `record` is its own
// target's, not the trampoline's. `function`: the record of a PAP's or AP's function, if it is known (it may lie in
// another image).
ClosureFields fields_of(const wire::View& view, const wire::Target& record, std::span<const uint64_t> prefix,
                        uint64_t words, const wire::Target* function);

// The tag that pointers to closures of this target carry.
uint32_t pointer_tag(const wire::Target& record);

// What is wrong with a target's record, as far as its kind, type and layout must agree; empty: nothing.
std::string record_fault(const wire::Target& record);

}  // namespace fastboot::format
