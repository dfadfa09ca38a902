// Putting a snapshot into a copy of the program that it belongs to.
//
// What is there stays where it is, byte by byte; behind it come the snapshot, at a page of the file so that it can be
// mapped, a table of section names with one more, and section headers with one more: `.fastboot`, which is not loaded.
// So addresses and build-id stay, and strip, which keeps sections that it does not know, keeps it.
#pragma once

#include <string>

#include "format/error.h"

namespace fastboot::format {

// Writes `output`, complete or not at all, with the mode of `program`. Error: no_symbols where `program` is no ELF
// program with section headers; bad_argument where it carries a snapshot already; what reading and writing may meet.
Result<void> embed(const std::string& program, const std::string& snapshot, const std::string& output);

}  // namespace fastboot::format
