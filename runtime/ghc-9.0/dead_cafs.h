// CAFs that the collector has let go of, and that an image reaches again.
//
// What no code can reach any more the collector frees, and leaves a CAF that was evaluated with an indirection to
// nowhere: it does not know that a thaw may bring back code that reaches it. Nor can one tell by looking at it: the
// mark that the collector leaves in a static closure's link field alternates between two values. So where there has
// been a major collection, the marks of all that an image's roots lead to are taken off, another collection is asked
// for, and what has no mark after it is dead. Its CAFs are made unevaluated again: they are evaluated anew when they
// are needed.
#pragma once

#include "format/wire/error.h"
#include "ghc-9.0/rts.h"

namespace fastboot::ghc {

// To be called before an image's static roots are kept, unless all_cafs_live(), on a thread that holds a capability (an
// unsafe foreign call), under the lock of thaw.cc. `content_id`: the image's. Afterwards no CAF that `roots` (static
// closures and SRTs) lead to has a value that is gone, and the collector looks into all of them anew. False, with
// Code::collection_needed or collection_running: the caller has to try again, with the same image, after a major
// collection or when the concurrent one has ended.
bool revive_cafs(const uint8_t* content_id, StgClosure* const* roots, uint64_t count, wire::Error* error);

// Whether there has been no collection yet that can have let go of a CAF, or CAFs are kept whatever refers to them.
bool all_cafs_live();

}  // namespace fastboot::ghc
