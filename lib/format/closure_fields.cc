#include "format/closure_fields.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace fastboot::format {

using wire::TargetKind;

namespace {

// GHC's argument patterns (FunTypes.h, from ARG_NONE on) as their words: p a pointer, n none.
constexpr uint32_t kArgGen = 0;
constexpr uint32_t kArgGenBig = 1;
constexpr uint32_t kArgNone = 3;
constexpr std::array<std::string_view, 26> kArguments = {
    "",    "n",   "p",   "n",   "n",   "n",   "nn",  "nnnn", "nnnnnnnn", "nn",    "np",     "pn",      "pp",
    "nnn", "nnp", "npn", "npp", "pnn", "pnp", "ppn", "ppp",  "pppp",     "ppppp", "pppppp", "ppppppp", "pppppppp"};

bool is_kind(const wire::Target& record, TargetKind kind) { return record.kind == static_cast<uint16_t>(kind); }

uint64_t pointers_of(uint64_t layout) { return layout & 0xffffffff; }

}  // namespace

ArgumentBitmap ArgumentBitmap::of(const wire::View& view, const wire::Target& target) {
  ArgumentBitmap bitmap;
  if (target.fun_type == kArgGenBig) {
    const bool has = (target.flags & wire::kTargetLargeBitmap) != 0 && target.bitmap < view.bitmap_count;
    const uint64_t size = has ? view.bitmaps[target.bitmap] : 0;
    if (!has || (size + 63) / 64 >= view.bitmap_count - target.bitmap || size > 0xffff) return bitmap;
    bitmap.size_ = size;
    bitmap.large_ = view.bitmaps + target.bitmap + 1;
  } else if (target.fun_type == kArgGen) {  // the size in the low six bits
    bitmap.size_ = std::min<uint64_t>(target.bitmap & 63, 58);
    bitmap.small_ = target.bitmap >> 6;
  } else if (target.fun_type >= kArgNone && target.fun_type - kArgNone < kArguments.size()) {
    const std::string_view words = kArguments[target.fun_type - kArgNone];
    bitmap.size_ = words.size();
    for (size_t i = 0; i < words.size(); ++i) bitmap.small_ |= uint64_t{words[i] == 'n'} << i;
  }
  return bitmap;
}

bool ArgumentBitmap::is_pointer(uint64_t argument) const {
  if (argument >= size_) return false;
  const uint64_t bits = large_ != nullptr ? large_[argument / 64] >> argument % 64 : small_ >> argument;
  return (bits & 1) == 0;
}

namespace {

// Pointers, then others, from word `first` on; what is left of the closure is padding.
ClosureFields by_layout(uint64_t first, uint64_t layout, uint64_t words) {
  ClosureFields fields;
  fields.pointers = {first, std::min(words, first + pointers_of(layout))};
  fields.values = {fields.pointers.end, std::min(words, fields.pointers.end + (layout >> 32))};
  fields.zeros = {fields.values.end, words};
  return fields;
}

ClosureFields application(const wire::View& view, uint64_t function_at, uint64_t words, const wire::Target* function) {
  ClosureFields fields;
  fields.pointers = {function_at, function_at + 1};
  fields.arguments = {function_at + 1, words};
  fields.function_known = function != nullptr;
  if (function != nullptr) fields.bitmap = ArgumentBitmap::of(view, *function);
  return fields;
}

}  // namespace

ClosureFields fields_of(const wire::View& view, const wire::Target& record, std::span<const uint64_t> prefix,
                        uint64_t words, const wire::Target* function) {
  ClosureFields fields;
  if (is_kind(record, TargetKind::static_closure)) {
    fields.zeros = {1, words};
    return fields;
  }
  const uint32_t type = record.closure_type;
  if (ghc::is_constructor(type) || ghc::is_function(type)) return by_layout(1, record.layout, words);
  if (ghc::is_thunk(type)) return by_layout(2, record.layout, words);
  const auto word = [&](size_t i) { return i < prefix.size() ? prefix[i] : 0; };
  switch (type) {
    case ghc::kThunkSelector:
      fields.pointers = {2, 3};
      break;
    case ghc::kMutVarClean:
    case ghc::kMutVarDirty:
      fields.pointers = {1, 2};
      break;
    case ghc::kArrWords:
      fields.bytes = {2, words};
      break;
    case ghc::kMutArrPtrsFrozenClean:
    case ghc::kMutArrPtrsFrozenDirty:
      fields.pointers = {3, std::min(words, 3 + std::min(word(1), words))};
      fields.zeros = {fields.pointers.end, words};
      break;
    case ghc::kSmallMutArrPtrsFrozenClean:
    case ghc::kSmallMutArrPtrsFrozenDirty:
      fields.pointers = {2, words};
      break;
    case ghc::kPap:
      return application(view, kPapFunction, words, function);
    case ghc::kAp:
      return application(view, kApFunction, words, function);
    default:
      break;
  }
  return fields;
}

uint32_t pointer_tag(const wire::Target& record) {
  constexpr uint32_t kMost = 7;
  if (is_kind(record, TargetKind::constructor)) return record.con_tag < kMost ? record.con_tag + 1 : kMost;
  if (is_kind(record, TargetKind::function)) return record.arity <= kMost ? record.arity : 0;
  return 0;
}

std::string record_fault(const wire::Target& record) {
  const uint32_t type = record.closure_type;
  const auto wrong_type = [&](bool right, const char* expected) {
    return right ? std::string() : fmt::format("closure type {}; expected {}", type, expected);
  };
  switch (static_cast<TargetKind>(record.kind)) {
    case TargetKind::constructor:
      return wrong_type(ghc::is_constructor(type), "a constructor's (1 to 7)");
    case TargetKind::function:
      return wrong_type(ghc::is_function(type) && type != ghc::kFunStatic, "a function's (8 to 13)");
    case TargetKind::thunk:
      return wrong_type(ghc::is_thunk(type) || type == ghc::kThunkSelector || type == ghc::kAp,
                        "a thunk's (15 to 20, 22, 24)");
    case TargetKind::rts:
      return wrong_type(ghc::shape_of(type, 0).rule != ghc::SizeRule::unknown && type > ghc::kAp,
                        "an array's, a PAP's or a MUT_VAR's");
    default:
      return {};
  }
}

}  // namespace fastboot::format
