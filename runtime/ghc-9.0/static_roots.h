// Keeping alive what an image's code refers to.
#pragma once

#include "ghc-9.0/image.h"

namespace fastboot::ghc {

// Puts the static closures and SRTs among the image's targets into a heap array that a stable pointer holds, so that
// every major collection finds them until it is freed. Called on a thread that holds a capability (an
// unsafe foreign call). `further`: process addresses of closures that are kept besides. Gives the StablePtr, or nullptr
// where the image needs none.
void* keep_static_roots(const Image& image, const uint64_t* further, uint64_t further_count);

// To be called before that, as the last thing that may fail: see to it that all of them can be kept (dead_cafs.h). What
// was kept for an image of this content, and was left, is enough.
bool prepare_static_roots(const Image& image, const uint64_t* further, uint64_t further_count, wire::Error* error);

// To be called when the image goes. A CAF of the program that nothing reaches at a major collection loses its value,
// and finding that out takes a collection: so what an image keeps of the program stays when it goes, once for each
// content.
void leave_static_roots(const Image& image);

}  // namespace fastboot::ghc
