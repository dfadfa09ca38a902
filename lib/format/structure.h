// Is the image what FORMAT.md says that it is, closure by closure?
//
// validate() checks that the bytes are those that were written; this checks that they make sense, whoever wrote them:
//
//   - every closure can be parsed in place, by the record of its target
//   - every pointer leads to the start of a closure and carries the right tag; every address that a value holds leads
//     into a byte array
//   - every word is a closure's, a block descriptor, a filler or zero; padding is zero; block descriptors are as baked
//   - the rebase stream names every word that holds an address of the image, and no other; what lies in other images is
//     named by their streams; relocations to the program stand on values of constructors, functions and thunks
//   - the roots, the number of closures, and each target's uses are as the metadata says
//
// What it cannot see: whether a value is a number that somebody meant, or an address that was left out.
#pragma once

#include <cstdint>
#include <vector>

#include "format/reader.h"

namespace fastboot::format {

// What was seen on the way.
struct StructureCounts {
  uint64_t closures = 0;
  uint64_t pointers = 0;  // words that lead to the start of a closure
  uint64_t interior = 0;  // words that lead into a byte array
  uint64_t cross = 0;     // words that lead into other images
  uint64_t raw = 0;       // words with an address of the program
  uint64_t problems = 0;  // also those that were not listed
};

// Gives what is wrong, at most `limit` entries; nothing: the image is sound. Two passes over lazy and data. Takes at
// most 1/64 + 1/1024 of their bytes and half a byte for each closure, and some megabytes. Safe on any file that opens.
std::vector<Error> check_structure(const Reader& reader, size_t limit = 20, StructureCounts* counts = nullptr);

}  // namespace fastboot::format
