#include "fuzz/support/snapshot_mutator.h"

#include "fuzz/support/anatomy.h"
#include "fuzz/support/mutation.h"

namespace fastboot::fuzz {

size_t mutate_snapshot(uint8_t* data, size_t size, size_t most, unsigned seed, Focus focus) {
  Bytes file = unpack(data, size);
  const Anatomy anatomy(file);
  Mutation mutation(&file, seed, {anatomy.pieces(), anatomy.heap(), focus == Focus::heap ? 6u : 1u});
  mutation.run();
  if (mutation.below(32) != 0) seal(&file, mutation.below(8) != 0, mutation.below(2) == 0);
  const size_t packed = pack_into(file, data, most);
  return packed == 0 ? size : packed;
}

size_t cross_snapshots(std::span<const uint8_t> first, std::span<const uint8_t> second, uint8_t* out, size_t most,
                       unsigned seed) {
  Bytes file = unpack(first.data(), first.size());
  const Bytes other = unpack(second.data(), second.size());
  const Anatomy anatomy(other);
  Mutation(&file, seed, {anatomy.pieces(), anatomy.heap(), 2}).take_from(other);
  seal(&file, true, true);
  return pack_into(file, out, most);
}

}  // namespace fastboot::fuzz
