// Linking, less of it: closures that no kept root reaches are dropped, and equal ones become one.
//
// What may become one (`icf`, after the linkers' name for the same thing, identical code folding): constructors,
// functions, partial applications, byte arrays that are not pinned, arrays with elements, and the closures that stand
// for a CAF, where their info tables, their other words, and what their pointers lead to are the same. All of these are
// values that nobody can write: an image's data is mapped read-only. Left alone are
//
//   - lazy closures: each has a value of its own once it is forced, and perhaps an effect (unsafePerformIO);
//   - variables, and arrays without elements, which lie where writing is allowed, since unsafeThaw writes their
//   headers;
//   - pinned byte arrays: programs compare and keep their addresses;
//   - closures with a word that holds an address of the program, or of an image that is still needed;
//   - the closures at which a cycle is entered: nothing that they lead to is known to be equal before they are. What
//     leads into a cycle, and what of it hangs on a closure that was left alone, is compared like anything else.
//
// What only differs in identity (reallyUnsafePtrEquality#, StableName) is not kept apart: a collector may share it,
// too.
#pragma once

#include <string>
#include <vector>

#include "format/error.h"
#include "format/model.h"

namespace fastboot::reloc {

struct ShrinkOptions {
  bool icf = false;
  bool gc = false;
  std::vector<std::string> keep;  // gc: names of roots; empty: all
};

struct Shrunk {
  uint64_t bytes_before = 0, bytes_after = 0;  // of lazy and data
  uint64_t dropped_closures = 0, dropped_bytes = 0;
  uint64_t folded_closures = 0, folded_bytes = 0;
  uint64_t dropped_roots = 0;
  uint64_t dropped_targets = 0;
};

// Makes `model` smaller. Holds lazy and data in memory, about two and a half times. Errors: undefined_root; corrupt.
format::Result<Shrunk> shrink(format::Model* model, const ShrinkOptions& options);

}  // namespace fastboot::reloc
