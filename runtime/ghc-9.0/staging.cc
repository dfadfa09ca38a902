#include "ghc-9.0/staging.h"

#include <string.h>

#include "ghc-9.0/rts.h"

namespace fastboot::ghc {

static_assert(kMegablockWords * 8 == MBLOCK_SIZE && kFirstWord * 8 == FIRST_BLOCK_OFF);

bool Staging::reserve(uint64_t slot_address, runtime::Reservation::Kept* kept) {
  constexpr uint64_t kMost = uint64_t{16} << 30;  // a word offset has 31 bits in the walker's shadow
  constexpr uint64_t kLeast = uint64_t{16} << 20;
  if (!memory_.take(kept, kMost) && !memory_.reserve(kMost, kLeast, true)) return false;
  if (!bitmap_.reserve(memory_.size() / 64, kLeast / 64, true) || bitmap_.size() < memory_.size() / 64) return false;
  if (!heads_.reserve(memory_.size() / MBLOCK_SIZE + 512) || !young_.reserve(memory_.size() / BLOCK_SIZE + 512))
    return false;
  words_ = reinterpret_cast<uint64_t*>(memory_.data());
  bits_ = reinterpret_cast<uint64_t*>(bitmap_.data());
  base_ = slot_address + wire::kUsualDataOffset;
  const auto total = static_cast<Offset>(memory_.size() / 8);
  const Offset middle = total / 4 * 3;
  data_ = Area{0, 0, 0, middle};
  lazy_ = Area{middle, middle, middle, total};
  return true;
}

Offset Staging::allocate_in_new_megablock(Area& area, uint64_t count) {
  const uint64_t head = wire::round_up(area.cursor, kMegablockWords);
  const uint64_t start = head + kFirstWord;
  if (count > area.end || start + count > area.end || !heads_.push(static_cast<Offset>(head))) return 0;
  area.cursor = static_cast<Offset>(start + count);
  area.limit = count > kMegablockWords - kFirstWord ? area.cursor : static_cast<Offset>(head + kMegablockWords);
  return static_cast<Offset>(start);
}

Offset Staging::allocate_aligned(Area& area, uint64_t count, uint32_t payload, uint64_t alignment) {
  const uint64_t unit = alignment / 8;
  const auto skip_at = [&](uint64_t at) { return (unit - (at + payload) % unit) % unit; };
  uint64_t skip = skip_at(area.cursor);
  if (count + skip > area.limit - area.cursor) {
    // In a fresh megablock the first closure starts at a known place.
    skip = skip_at(kFirstWord);
  }
  const Offset at = allocate(area, count + skip);
  if (at == 0) return 0;
  for (uint64_t i = 0; i < skip; ++i) words_[at + i] = kFillerWord;
  return at + static_cast<Offset>(skip);
}

Offset Staging::allocate_empty(uint32_t count) {
  constexpr uint32_t kBlockWords = BLOCK_SIZE / 8;
  if (count > empty_end_ - empty_cursor_) {
    const Offset block = allocate_aligned(lazy_, kBlockWords, 0, BLOCK_SIZE);
    if (block == 0 || !young_.push(block)) return 0;
    for (uint32_t i = 0; i < kBlockWords; ++i) words_[block + i] = kFillerWord;
    empty_cursor_ = block;
    empty_end_ = block + kBlockWords;
  }
  const Offset at = empty_cursor_;
  empty_cursor_ += count;
  for (uint32_t i = 0; i < count; ++i) words_[at + i] = 0;
  return at;
}

void Staging::mark_long(Offset offset, uint32_t count) {
  while (count != 0) {
    const uint32_t shift = offset % 64;
    const uint32_t here = count < 64 - shift ? count : 64 - shift;
    bits_[offset / 64] |= (here == 64 ? ~uint64_t{0} : (uint64_t{1} << here) - 1) << shift;
    offset += here;
    count -= here;
  }
}

namespace {

void clear_bits(uint64_t* bits, Offset begin, Offset end) {
  for (Offset at = begin; at < end;) {
    if (at % 64 == 0 && end - at >= 64) {
      bits[at / 64] = 0;
      at += 64;
    } else {
      bits[at / 64] &= ~(uint64_t{1} << (at % 64));
      ++at;
    }
  }
}

}  // namespace

void Staging::unmark(Offset begin, Offset end) {
  clear_bits(bits_, begin, end);
  for (uint32_t i = 0; i < cross_count_; ++i) {
    if (cross_[i].data() != nullptr) clear_bits(reinterpret_cast<uint64_t*>(cross_[i].data()), begin, end);
  }
}

// --- words that point into other images ----------------------------------------------------------

bool Staging::reserve_cross(uint32_t count) {
  cross_count_ = count;
  return count <= wire::kMaxNeeded;
}

bool Staging::mark_cross(Offset offset, uint32_t image) {
  runtime::Reservation& map = cross_[image];
  if (map.data() == nullptr && !map.reserve(bitmap_.size(), bitmap_.size(), false)) return false;
  clear_bits(bits_, offset, offset + 1);
  reinterpret_cast<uint64_t*>(map.data())[offset / 64] |= uint64_t{1} << (offset % 64);
  return true;
}

uint32_t Staging::cross_image(Offset offset) const {
  for (uint32_t i = 0; i < cross_count_; ++i) {
    if (cross_[i].data() != nullptr && (cross_bits(i)[offset / 64] >> (offset % 64) & 1) != 0) return i;
  }
  return kNoImage;
}

bool Staging::has_cross(uint32_t image) const {
  if (cross_[image].data() == nullptr) return false;
  const Area* areas[] = {&data_, &lazy_};
  for (const Area* area : areas) {
    for (uint64_t group = area->begin / 64; group * 64 < area->cursor; ++group) {
      if (cross_bits(image)[group] != 0) return true;
    }
  }
  return false;
}

void Staging::cross_stream(uint32_t image, const Area& area, uint64_t address, wire::Buffer* out) const {
  append_stream(cross_bits(image), area, address, out);
}

void Staging::rewind(const Watermark& before) {
  const auto clear = [&](const Area& now, const Area& then) {
    memset(words_ + then.cursor, 0, uint64_t{now.cursor - then.cursor} * 8);
    unmark(then.cursor, now.cursor);
  };
  clear(data_, before.data);
  clear(lazy_, before.lazy);
  data_ = before.data;
  lazy_ = before.lazy;
  heads_.truncate(before.heads);
  young_.truncate(before.young);
  // What was handed out of a block that stays becomes filler again.
  for (Offset at = before.empty_cursor; at < before.empty_end; ++at) words_[at] = kFillerWord;
  unmark(before.empty_cursor, before.empty_end);
  empty_cursor_ = before.empty_cursor;
  empty_end_ = before.empty_end;
}

void Staging::finish() {
  for (uint64_t i = 0; i < heads_.size(); ++i) {
    const Offset head = heads_[i];
    const Area& area = head >= lazy_.begin ? lazy_ : data_;
    for (uint32_t block = 4; block < 256; ++block) {
      const Offset first = head + block * 512;
      if (first >= area.cursor) break;
      // Values under which every collector leaves the block alone: docs/DESIGN.md, "Block descriptors".
      bdescr descriptor = {};
      descriptor.start = reinterpret_cast<StgPtr>(address(first));
      descriptor.free = reinterpret_cast<StgPtr>(address(first + 512));
      descriptor.gen_no = 0xffff;
      descriptor.dest_no = 0xffff;
      descriptor.flags = BF_EVACUATED | BF_PINNED | BF_LARGE;
      descriptor.blocks = 1;
      const Offset at = head + block * 8;
      memcpy(words_ + at, &descriptor, sizeof descriptor);
      mark(at, 2);
    }
  }
  for (uint64_t i = 0; i < young_.size(); ++i) {
    const Offset head = young_[i] / kMegablockWords * kMegablockWords;
    auto* descriptor = reinterpret_cast<bdescr*>(words_ + head + (young_[i] - head) / 512 * 8);
    descriptor->gen_no = 0;
    descriptor->dest_no = 0;
  }
}

void Staging::relocate(const Move* moves, uint32_t count) {
  const Area* areas[] = {&data_, &lazy_};
  for (const Area* area : areas) {
    for (uint64_t group = area->begin / 64; group * 64 < area->cursor; ++group) {
      for (uint64_t bits = bits_[group]; bits != 0; bits &= bits - 1) {
        uint64_t& word = words_[group * 64 + static_cast<uint64_t>(__builtin_ctzll(bits))];
        for (uint32_t i = 0; i < count; ++i) {
          if (word - moves[i].from < moves[i].size) {
            word += moves[i].delta;
            break;
          }
        }
      }
    }
  }
}

namespace {

// 64 bits of a bitmap from any position.
uint64_t bits_at(const uint64_t* bits, uint64_t position) {
  const uint64_t shift = position % 64;
  const uint64_t low = bits[position / 64] >> shift;
  return shift == 0 ? low : low | bits[position / 64 + 1] << (64 - shift);
}

}  // namespace

void Staging::rebase_stream(const Area& area, uint64_t address, wire::Buffer* out) const {
  append_stream(bits_, area, address, out);
}

// RELR: an even word is the address of a word to rebase; an odd word's bits 1 to 63 tell about the 63 words that follow
// the last one spoken of.
void Staging::append_stream(const uint64_t* map, const Area& area, uint64_t address, wire::Buffer* out) {
  constexpr uint64_t kBits63 = (uint64_t{1} << 63) - 1;
  uint64_t position = area.begin;
  const uint64_t end = area.cursor;
  while (position < end) {
    const uint64_t bits = bits_at(map, position);
    if (bits == 0) {
      position += 64;
      continue;
    }
    position += static_cast<uint64_t>(__builtin_ctzll(bits));
    if (position >= end) break;
    const uint64_t first = address + (position - area.begin) * 8;
    out->append(&first, sizeof first);
    ++position;
    while (position < end) {
      const uint64_t next = bits_at(map, position) & kBits63;
      if (next == 0) break;
      const uint64_t coded = next << 1 | 1;
      out->append(&coded, sizeof coded);
      position += 63;
    }
  }
}

}  // namespace fastboot::ghc
