// Making an image's interned info tables and stubs.
#pragma once

#include "format/wire/parse.h"

namespace fastboot::ghc {

// Fills `info` (zeros, `view.table(info).size` bytes, which will be at process address `info_address`) with the
// interned info table of each target. Stubs jump through the link table at process address `link_address`.
void make_interned_tables(const wire::View& view, uint8_t* info, uint64_t info_address, uint64_t link_address);

}  // namespace fastboot::ghc
