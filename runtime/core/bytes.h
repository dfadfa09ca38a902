// What libc has, too, for code that must not be the first to call it: looking up a function takes the dynamic linker
// longer than the few bytes here take (see system_calls.h).
#pragma once

#include <cstdint>

namespace fastboot::runtime {

inline bool equal_bytes(const void* a, const void* b, uint64_t size) {
  const auto* left = static_cast<const uint8_t*>(a);
  const auto* right = static_cast<const uint8_t*>(b);
  for (uint64_t i = 0; i < size; ++i) {
    if (left[i] != right[i]) return false;
  }
  return true;
}

}  // namespace fastboot::runtime
