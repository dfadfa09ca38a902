// Linking, the targets: those of all inputs, each once.
#pragma once

#include <span>
#include <vector>

#include "format/model.h"

namespace fastboot::reloc {

// One image's targets, and where they lie in the build that the output is for.
struct BoundTargets {
  std::span<const format::ModelTarget> targets;
  std::span<const uint64_t> bitmaps;
  std::span<const format::ModelModule> modules;
  std::span<const wire::BindingEntry> entries;  // one for each target, then further static roots
};

struct MergedTargets {
  std::vector<format::ModelTarget> targets;
  std::vector<uint64_t> bitmaps;
  std::vector<format::ModelModule> modules;
  std::vector<wire::BindingEntry> entries;  // likewise
  uint64_t info_size = 0;                   // bytes
  // For each image and each of its targets, which one it became.
  std::vector<std::vector<uint32_t>> from;
};

// Two targets are one if the same thing lies at the same place of the build, under the same record. Names do not tell:
// private code is named by its number, and what one image has no name for another may have.
MergedTargets merge_targets(std::span<const BoundTargets> images);

// Gives the interned info tables their places, one after the other in the order of their targets; what they take.
// Targets whose info_offset is 0 have none.
uint64_t place_info_tables(std::vector<format::ModelTarget>* targets, std::span<const uint64_t> bitmaps);

// Words of the argument bitmap at `index`, with the one that holds its size.
inline uint64_t bitmap_words(std::span<const uint64_t> bitmaps, uint64_t index) {
  return 1 + (bitmaps[index] + 63) / 64;
}

}  // namespace fastboot::reloc
