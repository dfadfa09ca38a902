// XXH3 as the format uses it. xxHash is compiled into each user (XXH_INLINE_ALL), so that no library is needed.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <cstring>

#include "format/wire/placement_of_code.h"
#include "format/wire/structs.h"

namespace fastboot::wire {

// A hash over pieces, in the order in which they are added. Each thaw hashes its metadata, with all of xxHash that this
// takes within these functions.
class Hasher {
 public:
  FASTBOOT_EVERY_THAW [[gnu::flatten, gnu::noinline]] Hasher() { XXH3_128bits_reset(&state_); }
  FASTBOOT_EVERY_THAW [[gnu::flatten, gnu::noinline]] void add(const void* bytes, uint64_t size) {
    XXH3_128bits_update(&state_, bytes, size);
  }
  FASTBOOT_EVERY_THAW [[gnu::flatten, gnu::noinline]] void finish(uint8_t out[kHashSize]) const {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state_));
    memcpy(out, canonical.digest, kHashSize);
  }

 private:
  XXH3_state_t state_;
};

inline void hash128(const void* bytes, uint64_t size, uint8_t out[kHashSize]) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, size));
  memcpy(out, canonical.digest, kHashSize);
}

// What a chunk of zeros hashes to is nothing special: every chunk is hashed alike, the last one at its own length.
inline uint64_t chunk_count(uint64_t size) { return (size + kChunkSize - 1) / kChunkSize; }

}  // namespace fastboot::wire
