#include "reloc/link_heap.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace fastboot::reloc {

namespace ghc = format::ghc;
using format::Error;
using format::fail;
using format::ImageAddress;
using format::Model;
using format::RebaseCursor;
using format::Result;
using wire::Code;
using wire::TargetKind;

namespace {

constexpr uint64_t kMegablockWords = ghc::kMegablockSize / 8;
constexpr uint64_t kFirstWord = ghc::kDescriptorArea / 8;
constexpr uint64_t kGcBlockWords = wire::kPageSize / 8;  // what a descriptor is for
constexpr uint64_t kBlock = 4096;                        // words; any number that makes searches short
constexpr uint32_t kNone = 0xffffffff;

}  // namespace

uint64_t WordSet::next(uint64_t from, uint64_t end) const {
  while (from < end) {
    const uint64_t bits = bits_[from / 64] >> from % 64;
    if (bits != 0) return std::min(end, from + static_cast<uint64_t>(std::countr_zero(bits)));
    from = (from / 64 + 1) * 64;
  }
  return end;
}

uint64_t WordSet::last(uint64_t from, uint64_t begin) const {
  for (uint64_t group = from / 64;; --group) {
    uint64_t bits = bits_[group];
    if (group == from / 64 && from % 64 != 63) bits &= (uint64_t{1} << (from % 64 + 1)) - 1;
    if (bits != 0) {
      const uint64_t found = group * 64 + 63 - static_cast<uint64_t>(std::countl_zero(bits));
      return found < begin ? 0 : found;
    }
    if (group == 0 || group * 64 <= begin) return 0;
  }
}

Result<LinkHeap> LinkHeap::read(const Model& model) {
  LinkHeap heap(model);
  auto done = heap.load();
  if (done) done = heap.mark();
  if (done) done = heap.mark_foreign();
  if (done) heap.index_targets();
  if (done) done = heap.find_closures();
  if (!done) return tl::unexpected(done.error());
  return heap;
}

Result<void> LinkHeap::load() {
  lazy_ = model_.lazy_address;
  data_ = model_.data_address;
  lazy_used_ = model_.lazy.size() / 8;
  lazy_words_ = wire::round_up(lazy_used_, kMegablockWords);
  const uint64_t total = lazy_words_ + model_.data.size() / 8;
  if (total >= kNone) {
    return fail(Code::image_too_large,
                fmt::format("an image of {:#x} bytes; closures of at most 32 GiB can be merged or dropped", total * 8));
  }
  words_.resize(total);
  constexpr uint64_t kPiece = wire::kHugePageSize;
  for (const auto& [source, first] : {std::pair(&model_.lazy, uint64_t{0}), std::pair(&model_.data, lazy_words_)}) {
    auto* bytes = reinterpret_cast<uint8_t*>(words_.data() + first);
    for (uint64_t at = 0; at < source->size(); at += kPiece) {
      auto read = source->read(at, {bytes + at, std::min(kPiece, source->size() - at)});
      if (!read) return read;
    }
  }
  return {};
}

Result<void> LinkHeap::mark() {
  marked_ = WordSet(words_.size());
  RebaseCursor cursor(model_.rebase, {lazy_, lazy_ + lazy_used_ * 8}, {data_, data_ + model_.data.size()});
  auto done = cursor.each_in(lazy_, lazy_ + lazy_used_ * 8, [&](ImageAddress at) { marked_.add((at - lazy_) / 8); });
  if (!done) return done;
  return cursor.each_in(data_, data_ + model_.data.size(),
                        [&](ImageAddress at) { marked_.add(lazy_words_ + (at - data_) / 8); });
}

Result<void> LinkHeap::mark_foreign() {
  foreign_ = WordSet(words_.size());
  const auto add = [&](ImageAddress at) {
    WordNumber word;
    if (number(at.value(), &word)) foreign_.add(word);
  };
  for (const format::ModelRaw& raw : model_.raws) add(raw.address);
  for (const format::ModelNeeded& needed : model_.needed) {
    RebaseCursor cursor(needed.cross, {lazy_, lazy_ + lazy_used_ * 8}, {data_, data_ + model_.data.size()});
    while (true) {
      const auto next = cursor.next();
      if (!next) return tl::unexpected(next.error());
      if (!*next) break;
      add(**next);
    }
  }
  return {};
}

void LinkHeap::index_targets() {
  by_info_.assign(model_.info_size / 8 + 1, kNone);
  for (uint32_t i = 0; i < model_.targets.size(); ++i) {
    const wire::Target& record = model_.targets[i].record;
    shapes_.push_back(format::shape_of(record));
    const uint64_t pointers = record.layout & 0xffffffff;
    const uint32_t type = shapes_.back().rule == ghc::SizeRule::fixed ? record.closure_type : 0;
    const bool stub = record.kind == static_cast<uint16_t>(TargetKind::static_closure);
    if (ghc::is_thunk(type) && !stub) {
      pointer_end_.push_back(2 + pointers);
    } else if (ghc::is_constructor(type) || ghc::is_function(type)) {
      pointer_end_.push_back(1 + pointers);
    } else {
      pointer_end_.push_back(~uint64_t{0});
    }
    if (record.info_offset == 0 || record.info_offset / 8 >= by_info_.size()) continue;
    by_info_[record.info_offset / 8] = i;
    const bool trampoline = record.kind == static_cast<uint16_t>(TargetKind::trampoline);
    if (trampoline && model_.targets[i].symbol != "fastboot_forced_enter")
      lazy_header_ = model_.info_address.value() + record.info_offset;
  }
}

Error LinkHeap::corrupt(uint64_t word, std::string message) const {
  return Error{
      Code::corrupt,
      fmt::format("closure at {}: {}; freeze it again", to_string(address(static_cast<WordNumber>(word))), message),
      {},
      is_lazy(static_cast<WordNumber>(word)) ? ".fastboot.lazy" : ".fastboot.data",
      std::nullopt};
}

// Words of the closure at `at`, which must not reach past `end`.
Result<uint64_t> LinkHeap::closure_at(uint64_t at, uint64_t end) {
  const uint64_t slot = (words_[at] - model_.info_address.value()) / 8;
  if (words_[at] % 8 != 0 || slot >= by_info_.size() || by_info_[slot] == kNone)
    return tl::unexpected(corrupt(at, fmt::format("header {:#x} is no interned info table", words_[at])));
  const bool lazy = words_[at] == lazy_header_ && at < lazy_words_;
  if (lazy && (at + 1 >= end || words_[at + 1] >= shapes_.size()))
    return tl::unexpected(corrupt(at, "a lazy closure of no target"));
  const ghc::Shape& shape = shapes_[lazy ? words_[at + 1] : by_info_[slot]];
  const uint64_t size = shape.words > end - at ? 0 : ghc::closure_words(shape, &words_[at]);
  if (size < 2 || size > end - at) return tl::unexpected(corrupt(at, fmt::format("it has {} words", size)));
  return size;
}

Result<void> LinkHeap::find_closures() {
  starts_ = WordSet(words_.size());
  for (const auto& [first, end] :
       {std::pair(uint64_t{0}, lazy_used_), std::pair(lazy_words_, uint64_t{words_.size()})}) {
    for (uint64_t head = first; head < end;) {
      const uint64_t next = std::min(head + kMegablockWords, end);
      uint64_t at = head + kFirstWord;
      while (at < next && words_[at] != 0) {
        if (words_[at] == ghc::kFillerWord) {
          ++at;
          continue;
        }
        if (descriptor_ == nullptr) descriptor_ = &words_[head + (at - head) / kGcBlockWords * 8];
        const auto size = closure_at(at, end);
        if (!size) return tl::unexpected(size.error());
        starts_.add(at);
        at += *size;
      }
      head += wire::round_up(std::max(at, next) - head, kMegablockWords);
    }
  }
  before_block_.assign(words_.size() / kBlock + 1, 0);
  for (uint64_t i = 1; i < before_block_.size(); ++i) {
    const uint64_t last = starts_.last(i * kBlock - 1, (i - 1) * kBlock);
    before_block_[i] = last != 0 ? static_cast<WordNumber>(last) : before_block_[i - 1];
  }
  return {};
}

uint32_t LinkHeap::target(WordNumber closure) const {
  if (is_lazy_closure(closure)) return static_cast<uint32_t>(words_[closure + 1]);
  return by_info_[(words_[closure] - model_.info_address.value()) / 8];
}

uint64_t LinkHeap::words(WordNumber closure) const {
  return ghc::closure_words(shapes_[target(closure)], &words_[closure]);
}

bool LinkHeap::is_young(WordNumber closure) const {
  if (!is_lazy(closure)) return false;
  constexpr uint64_t kGenerationWord = 5;  // of a descriptor, its low half
  const uint64_t head = closure / kMegablockWords * kMegablockWords;
  const uint64_t descriptor = head + (closure - head) / kGcBlockWords * 8;
  return words_[descriptor] != 0 && (words_[descriptor + kGenerationWord] & 0xffff) == 0;
}

WordNumber LinkHeap::closure_of(WordNumber word) const {
  const uint64_t block = word / kBlock;
  uint64_t closure = starts_.last(word, block * kBlock);
  if (closure == 0) closure = before_block_[block];
  if (closure == 0 || word - closure >= words(static_cast<WordNumber>(closure))) return 0;
  return static_cast<WordNumber>(closure);
}

bool LinkHeap::follow(WordNumber closure, uint64_t index, Reference* out) const {
  const uint64_t value = words_[closure + index];
  WordNumber word;
  if (index < pointer_end_[target(closure)]) {
    if (!number(value & ~uint64_t{7}, &word) || !starts_.has(word)) return false;
    *out = {word, value & 7, true};
    return true;
  }
  // Never a header's address, since it leads into a payload: where it is one, it is the end of what lies before.
  if (!number(value - 1, &word)) return false;
  const WordNumber array = closure_of(word);
  if (array == 0) return false;
  *out = {array, value - address(array).value(), false};
  return out->offset >= 2 * ghc::kWordSize;
}

}  // namespace fastboot::reloc
