// Saying what happened when a program writes where an image is.
#pragma once

namespace fastboot::ghc {

// Data pages of an image are read-only: code that writes to a frozen closure (unsafeThaw on an array) faults. From the
// first thaw on, such a fault is reported on stderr with the image and the closure, and then the program ends as it
// would have without us.
void report_faults();

// Whether nobody has put a handler of their own in front of this one since.
bool faults_are_ours();

}  // namespace fastboot::ghc
