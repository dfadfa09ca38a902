// Going through the bytes of a piece of a file, and through the strings in it, in bounded memory.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "fastboot-inspect/piece.h"

namespace fastboot::inspect {

inline constexpr size_t kHexRow = 16;

// Calls `take` with position and bytes of each block: at most 64 KiB, a multiple of kHexRow but for the last. Ends with
// an error where the file cannot be read.
format::Result<void> each_block(const Piece& piece,
                                const std::function<void(uint64_t, std::span<const uint8_t>)>& take);

// Calls `take` with position and text of each run of printable bytes, UTF-8's among them; of a very long one, in parts.
format::Result<void> each_string(const Piece& piece, const std::function<void(uint64_t, std::string_view)>& take);

}  // namespace fastboot::inspect
