// Mutations of snapshot files that keep them worth reading: a field is changed where fields are, and then the hashes
// are made right again, so that what is behind the check of the hash is reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "fuzz/support/input.h"

namespace fastboot::fuzz {

enum class Focus : uint8_t { metadata, heap };  // where most mutations go

// As LLVMFuzzerCustomMutator, for packed files.
size_t mutate_snapshot(uint8_t* data, size_t size, size_t most, unsigned seed, Focus focus);
// As LLVMFuzzerCustomCrossOver: a piece of the second in the first.
size_t cross_snapshots(std::span<const uint8_t> first, std::span<const uint8_t> second, uint8_t* out, size_t most,
                       unsigned seed);

}  // namespace fastboot::fuzz

// Both of libFuzzer's hooks, for a target whose inputs are snapshots.
#define FASTBOOT_MUTATE_SNAPSHOTS(focus)                                                                      \
  extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {         \
    return fastboot::fuzz::mutate_snapshot(data, size, most, seed, fastboot::fuzz::Focus::focus);             \
  }                                                                                                           \
  extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* first, size_t first_size, const uint8_t* second, \
                                              size_t second_size, uint8_t* out, size_t most, unsigned seed) { \
    return fastboot::fuzz::cross_snapshots({first, first_size}, {second, second_size}, out, most, seed);      \
  }
