// The slot of an image follows from its name, so that images that were made apart seldom want the same addresses.
#pragma once

#include <cstring>

#include "format/wire/hash.h"
#include "format/wire/structs.h"

namespace fastboot::wire {

// The last slots are left for images that have to go elsewhere.
inline constexpr uint64_t kAllSlots = 124;
inline constexpr uint64_t kNamedSlots = 96;

inline uint64_t slot_of(const char* name) {
  return kSlotBase + XXH3_64bits(name, strlen(name)) % kNamedSlots * kSlotUnit;
}

}  // namespace fastboot::wire
