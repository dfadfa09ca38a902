#include "format/closure_index.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace fastboot::format {

using wire::Code;

namespace {
constexpr uint64_t kTagMask = 7;
}  // namespace

Result<ClosureIndex> ClosureIndex::make(const Reader& reader) {
  constexpr uint64_t kMostWords = uint64_t{1} << 32;  // closures have two words at least
  ClosureIndex index;
  index.lazy_ = reader.lazy_range();
  index.data_ = reader.data_range();
  index.lazy_words_ = reader.lazy().size() / 8;
  const uint64_t words = index.lazy_words_ + reader.data().size() / 8;
  if (words > kMostWords) {
    return fail(Code::image_too_large,
                fmt::format("an image of {:#x} bytes; this analysis takes at most {:#x}", words * 8, kMostWords * 8),
                reader.path());
  }
  index.bits_.resize(words / 64 + 1);
  return index;
}

uint64_t ClosureIndex::word(ImageAddress address) const {
  if (address.value() % 8 != 0) return kNoWord;
  uint64_t at = kNoWord;
  if (lazy_.holds(address, 8)) at = (address - lazy_.begin) / 8;
  if (data_.holds(address, 8)) at = lazy_words_ + (address - data_.begin) / 8;
  return at / 64 < bits_.size() ? at : kNoWord;
}

void ClosureIndex::add(ImageAddress start) {
  const uint64_t at = word(start);
  if (at != kNoWord) bits_[at / 64] |= uint64_t{1} << at % 64;
}

void ClosureIndex::finish() {
  ranks_.clear();
  uint64_t count = 0;
  for (uint64_t i = 0; i < bits_.size(); ++i) {
    if (i % (kGroup / 64) == 0) ranks_.push_back(static_cast<uint32_t>(count));
    count += static_cast<uint64_t>(std::popcount(bits_[i]));
  }
  count_ = static_cast<uint32_t>(count);
}

uint64_t ClosureIndex::rank(uint64_t word) const {
  uint64_t count = ranks_[word / kGroup];
  for (uint64_t i = word / kGroup * (kGroup / 64); i < word / 64; ++i)
    count += static_cast<uint64_t>(std::popcount(bits_[i]));
  return count + static_cast<uint64_t>(std::popcount(bits_[word / 64] & ((uint64_t{1} << word % 64) - 1)));
}

uint32_t ClosureIndex::at(ImageAddress start) const {
  const uint64_t at = word(start);
  if (at == kNoWord || (bits_[at / 64] >> at % 64 & 1) == 0) return kNone;
  return static_cast<uint32_t>(rank(at));
}

uint32_t ClosureIndex::before(ImageAddress address) const {
  const uint64_t at = word(ImageAddress(address.value() & ~kTagMask));
  if (at == kNoWord) return kNone;
  const uint64_t upto = rank(at) + (bits_[at / 64] >> at % 64 & 1);
  const uint64_t first = at >= lazy_words_ && lazy_words_ != 0 ? rank(lazy_words_) : 0;
  return upto == first ? kNone : static_cast<uint32_t>(upto - 1);
}

ImageAddress ClosureIndex::start(uint32_t number) const {
  const auto group = std::upper_bound(ranks_.begin(), ranks_.end(), number) - ranks_.begin() - 1;
  uint64_t left = number - ranks_[static_cast<size_t>(group)];
  uint64_t i = static_cast<uint64_t>(group) * (kGroup / 64);
  for (; i < bits_.size(); ++i) {
    const auto here = static_cast<uint64_t>(std::popcount(bits_[i]));
    if (left < here) break;
    left -= here;
  }
  if (i == bits_.size()) return {};
  uint64_t bits = bits_[i];
  for (; left != 0; --left) bits &= bits - 1;
  const uint64_t at = i * 64 + static_cast<uint64_t>(std::countr_zero(bits));
  return at < lazy_words_ ? lazy_.begin + at * 8 : data_.begin + (at - lazy_words_) * 8;
}

// --- reading by address --------------------------------------------------------------------------

ImageWords::ImageWords(const Reader& reader)
    : parts_{{reader.lazy_range(), reader.lazy()}, {reader.data_range(), reader.data()}}, pages_(kPages) {}

const ImageWords::Page* ImageWords::page(const ByteSource& source, uint64_t segment, uint64_t number) {
  const uint64_t key = number * 2 + segment;
  Page& page = pages_[(number * 2 + segment) % kPages];
  if (page.number == key) return &page;
  page.number = ~uint64_t{0};
  page.words.resize(std::min(kPage, source.size() - number * kPage) / 8);
  if (!source.read(number * kPage, {reinterpret_cast<uint8_t*>(page.words.data()), page.words.size() * 8}))
    return nullptr;
  page.number = key;
  return &page;
}

bool ImageWords::read(ImageAddress address, std::span<uint64_t> out) {
  if (address.value() % 8 != 0) return false;
  for (uint64_t i = 0; i < 2; ++i) {
    const Part& part = parts_[i];
    if (address < part.range.begin || address - part.range.begin >= part.source.size()) continue;
    uint64_t at = address - part.range.begin;
    if (out.size() > (part.source.size() - at) / 8) return false;
    while (!out.empty()) {
      const Page* found = page(part.source, i, at / kPage);
      if (found == nullptr) return false;
      const uint64_t word = at % kPage / 8;
      const uint64_t count = std::min<uint64_t>(out.size(), found->words.size() - word);
      if (count == 0) return false;
      memcpy(out.data(), &found->words[word], count * 8);
      out = out.subspan(count);
      at += count * 8;
    }
    return true;
  }
  return false;
}

std::optional<uint64_t> ImageWords::word(ImageAddress address) {
  uint64_t value = 0;
  if (!read(address, {&value, 1})) return std::nullopt;
  return value;
}

std::optional<Closure> ClosureReader::closure(ImageAddress address) {
  uint64_t prefix[kMostPrefix] = {};
  Closure closure;
  closure.address = address;
  if (!words_.read(address, {prefix, 1})) return std::nullopt;
  closure.target = index_.find(prefix[0]);
  if (closure.target == TargetIndex::kNone) return std::nullopt;
  closure.lazy = index_.is_trampoline(closure.target);
  if (closure.lazy) {
    if (!words_.read(address, {prefix, 2}) || prefix[1] >= index_.count()) return std::nullopt;
    closure.target = static_cast<uint32_t>(prefix[1]);
  }
  const ghc::Shape& shape = index_.shape(closure.target);
  if (!words_.read(address, {prefix, std::min(shape.words, kMostPrefix)})) return std::nullopt;
  closure.words = ghc::closure_words(shape, prefix);
  const auto last = words_.word(address + (std::max<uint64_t>(closure.words, 1) - 1) * 8);
  if (closure.words == 0 || !last) return std::nullopt;
  return closure;
}

const wire::Target* ClosureReader::function_of(const Closure& closure, std::span<const uint64_t> prefix) {
  const uint32_t type = reader_.view().targets[closure.target].closure_type;
  if (type != ghc::kPap && type != ghc::kAp) return nullptr;
  const uint64_t word = prefix[type == ghc::kPap ? kPapFunction : kApFunction];
  const auto header = words_.word(ImageAddress(word & ~kTagMask));
  const uint32_t function = header ? index_.find(*header) : TargetIndex::kNone;
  return function == TargetIndex::kNone ? nullptr : &reader_.view().targets[function];
}

std::optional<FoundClosure> ClosureReader::find(ImageAddress address) {
  const auto found = closure(address);
  if (!found) return std::nullopt;
  uint64_t prefix[kMostPrefix] = {};
  const uint64_t have = std::min(found->words, kMostPrefix);
  if (!words_.read(address, {prefix, have})) return std::nullopt;
  const wire::Target& record = reader_.view().targets[found->target];
  return FoundClosure{*found, fields_of(reader_.view(), record, {prefix, have}, found->words,
                                        function_of(*found, {prefix, kMostPrefix}))};
}

}  // namespace fastboot::format
