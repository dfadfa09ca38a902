// Making the best of damaged metadata, for tools that look at broken files.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "format/error.h"
#include "format/wire/parse.h"

namespace fastboot::format {

// Finds what can be found in the first bytes of a snapshot that wire::parse() refused. Everything that the View points
// to lies inside `bytes`, but what records refer to is unchecked. Tables that cannot be used are left empty and
// reported in `damage`. Fails only when the bytes hold no Fastboot header at all.
Result<wire::View> salvage(std::span<const uint8_t> bytes, uint64_t file_size, const std::string& path,
                           std::vector<Error>* damage);

}  // namespace fastboot::format
