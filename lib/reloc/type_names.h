// The types of an image's roots, where --map-unit gives units other names.
//
// A root's type is recorded as GHC's fingerprint of it, which is made of the names of units, modules and types; a
// program thaws the root only at the type with that fingerprint. So a type of a unit that is called something else now
// has another. What is shown of a type (Map [Char] Entry) says no units: the symbols of the new program's
// descriptions of types ($tcEntry) do, and what is taken for the type is right if the fingerprint made of the old names
// is the recorded one.
#pragma once

#include "format/model.h"
#include "reloc/ghc_names.h"
#include "reloc/symbols.h"

namespace fastboot::reloc {

// Gives the roots the fingerprints that their types have in `program`. `units`: NEW to OLD. How many have changed.
//
// Errors: wrong_type, where what a root's type is cannot be told; those of Symbols and names_of().
Result<uint64_t> rename_types(format::Model* model, const Symbols& program, const UnitMap& units);

}  // namespace fastboot::reloc
