// The metadata of a file against what write() makes of what it says.
//
// A reader that uses a few of the fields does not see damage in the others, in those that only ELF tools read, or in
// what lies between them. Here all of it is made anew and compared, byte for byte.
#pragma once

#include <cstdint>
#include <vector>

#include "format/error.h"
#include "format/model.h"
#include "format/reader.h"

namespace fastboot::format {

// The metadata that write() would make of a model as Reader::model() gave it. What depends on the image's bytes (the
// hash of the chunk hashes, and so the content id) is that of zeros. Error: bad_argument, where write() would refuse
// it.
Result<std::vector<uint8_t>> metadata_of(const Model& model);

// Is all of the metadata what write() makes of it, and what nobody gives a meaning to zero? `model` is the reader's.
// Not compared: the fields of the ELF header that strip changes, its padding (which ELF tells readers to ignore), and
// hashes, which are checked against what they are of. Of another minor version than this build's nothing is known.
// Error: corrupt.
Result<void> check_canonical(const Reader& reader, const Model& model);

}  // namespace fastboot::format
