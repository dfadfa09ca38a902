// Where in this process an image can lie.
//
// To the collector, whatever lies in [mblock_address_space.begin, .end) is its heap, and only there may an image be (a
// thunk elsewhere would stop the program). A program with the RTS in a shared library cannot raise the range, so that
// there only what the RTS has reserved can be had. The RTS reserves 1 TiB and takes megablocks from the low end; slots
// are at the high end.
#pragma once

#include "format/wire/parse.h"

namespace fastboot::ghc {

struct Placement {
  uint64_t begin = 0;  // process address of the slot
  uint64_t end = 0;    // of the mapping: a whole number of megablocks
  bool reserved =
      false;  // the RTS holds these addresses: map over them; otherwise they are free, and the range is extended
};

// One past the last byte that the image needs, rounded up to a megablock.
uint64_t image_end(const wire::View& view);

// Chooses the image's own addresses if they can be had, by extending the collector's range if need be; else others of
// it.
bool choose_placement(const wire::View& view, Placement* out, wire::Error* error);

// Makes the collector take the placement for its heap. To be called when everything is mapped.
void extend_heap_range(const Placement& placement);

// Gives the addresses back in the state in which they were found. Those that the collector takes for its heap are only
// emptied: nobody else may have them.
void release(const Placement& placement);

}  // namespace fastboot::ghc
