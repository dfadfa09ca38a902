// Finding closures by what a person writes: a root's name, an address, a constructor.
#pragma once

#include <optional>
#include <string>

#include "format/closure_index.h"
#include "format/reader.h"

namespace fastboot::inspect {

// "0x12300204018": any address; nothing for what is none.
std::optional<format::ImageAddress> parse_address(const std::string& text);

// The closure that a root's name means, or the one at an address, whose tag does not matter. Fails with a sentence that
// lists the roots where the name is none.
format::Result<format::ImageAddress> find_place(const format::Reader& reader, const std::string& text);

// The index of the root whose closure starts there.
std::optional<uint64_t> root_at(const format::Reader& reader, format::ImageAddress address);

}  // namespace fastboot::inspect
