// What a signature is over. The hash and the signing are libsodium's, which only the tools and the package
// fastboot-signed know; this says which bytes, in which order.
//
// XXH3, which the content id is made of, protects against accidents: anybody can make another image with the same one.
// So what is signed is a BLAKE2b hash over all of what the content id stands for, data included:
//
//   digest = BLAKE2b-512(for each part: its size as u64, its bytes; then each file range's bytes, see signed_bytes())
//   image   signs  kImageContext   content_id  digest
//   binding signs  kBindingContext digest      BLAKE2b-512(the table `binding`)
#pragma once

#include "format/wire/parse.h"

namespace fastboot::wire {

inline constexpr uint32_t kDigestSize = 64;
inline constexpr uint32_t kPublicKeySize = 32;
inline constexpr char kImageContext[] = "Fastboot image 1";  // 16 bytes, without the NUL
inline constexpr char kBindingContext[] = "Fastboot binding";
static_assert(sizeof kImageContext == 17 && sizeof kBindingContext == 17);

// A piece of the metadata in memory.
struct SignedPart {
  const void* bytes;
  uint64_t size;
};
// A piece of the file.
struct SignedRange {
  uint64_t offset, size;
};

struct SignedBytes {
  Header header;  // the part of it that counts, and what parts[0] points into
  SignedPart parts[24];
  uint32_t part_count;
  SignedRange ranges[4];  // lazy, data, what the cold part holds before the chunk hashes
  uint32_t range_count;
  SignedPart binding;
};

// `out` must stay where it is, and the view's bytes too, as long as it is used.
void signed_bytes(const View& view, SignedBytes* out);

}  // namespace fastboot::wire
