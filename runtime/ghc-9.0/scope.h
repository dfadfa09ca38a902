// Unmapping an image that nothing refers to any more.
//
// Whether something does is asked of the collector: for every pointer into the heap that it meets, it looks at the
// block descriptor. So the pages with an image's descriptors are made unreadable for the time of a major collection
// (the image is *watched*), and a fault there says that the image was met: by way of the heap, a stack, a CAF, a stable
// pointer, a spark, a weak pointer, whatever there is. A fault's handler notes it, makes the pages readable again, and
// the collection goes on. Reading or writing data, by the program or by a system call, is not affected.
//
// Addresses without a pointer to a closure (`Addr#`) the collector does not see. Code has them while it uses memory
// that a pointer keeps alive, or of string literals; so an image that holds literals' bytes stays. Under --nonmoving-gc
// pointers are met after the collection, too: there, images stay.
#pragma once

#include <cstdint>

#include "ghc-9.0/image.h"

namespace fastboot::ghc {

// To be called when a scope is left, under the lock of thaw.cc. Gives the number of the watch that it began; 0 where
// the image stays without asking the collector, because others use it, or for a reason that is reported.
uint64_t watch_references(Image* image);

// After a major collection, under the lock: ends the watch, and unmaps the image if it was not met and no new scope
// uses it. Likewise the images that only this one needed, and images that earlier scopes have left behind. Does nothing
// when another watch has begun since.
void release_unless_met(uint64_t watch);

// In the fault handler: was this a read of a watched image's descriptors? Then it is noted, and the read will succeed.
bool notice_reference(Image* image, uint64_t address);

}  // namespace fastboot::ghc
