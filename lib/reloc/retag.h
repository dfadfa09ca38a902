// Constructors whose number in their type has changed: the pointers to them hold it, and are rewritten.
#pragma once

#include <map>

#include "format/error.h"
#include "format/model.h"

namespace fastboot::reloc {

struct Retagged {
  uint64_t pointers = 0;  // that were rewritten
  uint64_t closures = 0;  // that they lead to, those of roots included
};

// Gives the targets (constructors) of `tags` their new numbers, and rewrites the tag of every pointer to one of their
// closures. Takes the image into memory; the old file stays as it is.
//
// Errors: corrupt when a pointer does not hold the old tag; hash_mismatch when the image's bytes are not what was
// frozen.
format::Result<Retagged> retag(format::Model* model, const std::map<uint32_t, uint32_t>& tags);

}  // namespace fastboot::reloc
