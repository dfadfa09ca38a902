#include "fuzz/support/mutation.h"

#include <algorithm>
#include <cstring>

// libFuzzer's own mutations.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

namespace fastboot::fuzz {

void Mutation::run() {
  const uint32_t count = 1 + (below(4) == 0 ? below(4) : 0);
  for (uint32_t i = 0; i < count; ++i) once();
}

void Mutation::take_from(const Bytes& other) {
  const Piece piece = any_piece();
  if (piece.offset >= file_.size() || piece.offset >= other.size()) return;
  memcpy(file_.data() + piece.offset, other.data() + piece.offset,
         std::min({piece.size, file_.size() - piece.offset, other.size() - piece.offset}));
}

uint32_t Mutation::below(uint64_t limit) { return static_cast<uint32_t>(random_() % std::max<uint64_t>(limit, 1)); }

void Mutation::once() {
  switch (below(16)) {
    case 0:
      return resize();
    case 1:
      return scramble();
    case 2:
      return copy_record();
    case 3:
      file_.resize(std::max<size_t>(file_.size(), 16));
      file_[15] = static_cast<uint8_t>(random_());
      return;
    default:
      return change_field();
  }
}

Piece Mutation::any_piece() {
  const bool contents = !pieces_.contents.empty() && below(8) < pieces_.contents_of_8;
  const std::vector<Piece>& all = contents ? pieces_.contents : pieces_.structures;
  if (all.empty()) return {0, file_.size()};
  const Piece piece = all[below(all.size())];
  // Mutations before this one may have made the file shorter.
  if (piece.offset >= file_.size()) return {0, file_.size()};
  return {piece.offset, std::min(piece.size, file_.size() - piece.offset)};
}

uint64_t Mutation::interesting(uint64_t old) {
  constexpr uint64_t kFixed[] = {0, 1, 2, 3, 7, 8, 16, 0x40, 0x1000, 0x4000, 0x10000, 0x100000, 0x200000, 0x40000000};
  switch (below(9)) {
    case 0:
      return kFixed[below(std::size(kFixed))];
    case 1:
      return ~kFixed[below(std::size(kFixed))];
    case 2:
      return uint64_t{1} << below(64);
    case 3:
      return old + below(17) - 8;
    case 4:
      return old ^ uint64_t { 1 } << below(64);
    case 5:
      return file_.size() + below(17) - 8;
    case 6:
      return -old;
    default:
      return another_word() + (below(2) == 0 ? 0 : (below(5) - 2) * kFixed[4 + below(5)]);
  }
}
// A number that means something elsewhere in the file.
uint64_t Mutation::another_word() {
  const Piece piece = any_piece();
  uint64_t value = 0;
  const size_t size = below(2) == 0 ? 8 : 4;
  const size_t at = piece.offset + below(piece.size / size) * size;
  if (at + size <= file_.size()) memcpy(&value, file_.data() + at, size);
  return value;
}

void Mutation::change_field() {
  const Piece piece = any_piece();
  constexpr size_t kSizes[] = {1, 2, 4, 4, 8, 8};
  const size_t size = kSizes[below(std::size(kSizes))];
  if (piece.size < size) return;
  const size_t at = piece.offset + below(piece.size / size) * size;
  uint64_t old = 0;
  memcpy(&old, file_.data() + at, size);
  const uint64_t value = interesting(old);
  memcpy(file_.data() + at, &value, size);
}

void Mutation::scramble() {
  const Piece piece = any_piece();
  if (piece.size == 0) return;
  const size_t size = std::min<size_t>(piece.size, 1 + below(64));
  const size_t at = piece.offset + below(piece.size - size + 1);
  Bytes part(file_.begin() + static_cast<std::ptrdiff_t>(at), file_.begin() + static_cast<std::ptrdiff_t>(at + size));
  LLVMFuzzerMutate(part.data(), size, size);
  memcpy(file_.data() + at, part.data(), size);
}

void Mutation::copy_record() {
  const Piece piece = any_piece();
  constexpr size_t kSizes[] = {8, 16, 24, 32, 48, 56, 80};
  const size_t size = kSizes[below(std::size(kSizes))];
  if (piece.size < 2 * size) return;
  const size_t from = piece.offset + below(piece.size / size) * size;
  const size_t to = piece.offset + below(piece.size / size) * size;
  memmove(file_.data() + to, file_.data() + from, size);
}

void Mutation::resize() {
  const Piece piece = any_piece();
  const size_t size = below(2) == 0 ? piece.offset + below(piece.size + 1) : file_.size() + below(4096);
  file_.resize(std::min<size_t>(size, kMostFile));
}

}  // namespace fastboot::fuzz
