// The closure types of GHC 9.0 that can occur in an image, and how large such closures are.
//
// Numbers from GHC's rts/storage/ClosureTypes.h. This header exists because the tools do not include GHC's headers;
// the runtime, which does, asserts that the two agree. Freestanding.
#pragma once

#include <cstdint>

namespace fastboot::format::ghc {

enum ClosureType : uint32_t {
  kConstr = 1,
  kConstr10 = 2,
  kConstr01 = 3,
  kConstr20 = 4,
  kConstr11 = 5,
  kConstr02 = 6,
  kConstrNocaf = 7,
  kFun = 8,
  kFun10 = 9,
  kFun01 = 10,
  kFun20 = 11,
  kFun11 = 12,
  kFun02 = 13,
  kFunStatic = 14,
  kThunk = 15,
  kThunk10 = 16,
  kThunk01 = 17,
  kThunk20 = 18,
  kThunk11 = 19,
  kThunk02 = 20,
  kThunkStatic = 21,
  kThunkSelector = 22,
  kAp = 24,
  kPap = 25,
  kArrWords = 42,
  kMutArrPtrsFrozenDirty = 45,
  kMutArrPtrsFrozenClean = 46,
  kMutVarClean = 47,
  kMutVarDirty = 48,
  kSmallMutArrPtrsFrozenDirty = 61,
  kSmallMutArrPtrsFrozenClean = 62,
};

inline constexpr uint64_t kWordSize = 8;
inline constexpr uint64_t kMegablockSize = uint64_t{1} << 20;
inline constexpr uint64_t kDescriptorArea = 0x4000;  // at the start of each megablock
inline constexpr uint64_t kFillerWord = 1;           // stands between closures where one had to be aligned

constexpr bool is_constructor(uint32_t type) { return type >= kConstr && type <= kConstrNocaf; }
constexpr bool is_function(uint32_t type) { return type >= kFun && type <= kFunStatic; }
constexpr bool is_thunk(uint32_t type) { return type >= kThunk && type <= kThunk02; }

// How a closure's size is found: a fixed number of words, or a word of the closure.
enum class SizeRule : uint8_t { unknown, fixed, arr_words, mut_arr_ptrs, small_array, pap, ap };

struct Shape {
  SizeRule rule = SizeRule::unknown;
  uint64_t words = 0;  // rule fixed: the size; else: words that must be read to know it
};

constexpr uint64_t at_least(uint64_t words, uint64_t minimum) { return words < minimum ? minimum : words; }

// The shape of closures whose info table has this type and layout word (pointers in the low half, others in the high).
constexpr Shape shape_of(uint32_t type, uint64_t layout) {
  const uint64_t payload = (layout & 0xffffffff) + (layout >> 32);
  if (is_constructor(type) || is_function(type)) return {SizeRule::fixed, at_least(1 + payload, 2)};
  if (is_thunk(type)) return {SizeRule::fixed, 2 + at_least(payload, 1)};
  switch (type) {
    case kThunkStatic:  // the one-word closure that jumps to a static closure, padded to the smallest size
      return {SizeRule::fixed, 2};
    case kThunkSelector:
      return {SizeRule::fixed, 3};
    case kMutVarClean:
    case kMutVarDirty:
      return {SizeRule::fixed, 2};
    case kArrWords:
      return {SizeRule::arr_words, 2};
    case kMutArrPtrsFrozenDirty:
    case kMutArrPtrsFrozenClean:
      return {SizeRule::mut_arr_ptrs, 3};
    case kSmallMutArrPtrsFrozenDirty:
    case kSmallMutArrPtrsFrozenClean:
      return {SizeRule::small_array, 2};
    case kPap:
      return {SizeRule::pap, 3};
    case kAp:
      return {SizeRule::ap, 4};
    default:
      return {};
  }
}

// Words of the closure that starts at `closure`, of which shape.words words can be read. 0: unknown, or a size that no
// closure has.
constexpr uint64_t closure_words(const Shape& shape, const uint64_t* closure) {
  constexpr uint64_t kMost = uint64_t{1} << 50;  // so that no sum wraps
  uint64_t words = 0;
  switch (shape.rule) {
    case SizeRule::unknown:
      return 0;
    case SizeRule::fixed:
      words = shape.words;
      break;
    case SizeRule::arr_words:
      words = closure[1] > kMost ? 0 : 2 + (closure[1] + kWordSize - 1) / kWordSize;
      break;
    case SizeRule::mut_arr_ptrs:
      words = closure[2] > kMost || closure[1] > closure[2] ? 0 : 3 + closure[2];
      break;
    case SizeRule::small_array:
      words = closure[1] > kMost ? 0 : 2 + closure[1];
      break;
    case SizeRule::pap:
      words = 3 + (closure[1] >> 32);
      break;
    case SizeRule::ap:
      words = 4 + (closure[2] >> 32);
      break;
  }
  return words > kMost ? 0 : words;
}

}  // namespace fastboot::format::ghc
