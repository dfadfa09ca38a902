// Keeping alive what an image's code refers to.
#pragma once

#include "ghc-9.0/image.h"

namespace fastboot::ghc {

// Puts the static closures and SRTs among the image's targets into a heap array that a stable pointer holds, so that
// every major collection finds them until it is freed. Called on a thread that holds a capability (an
// unsafe foreign call). `further`: process addresses of closures that are kept besides. Gives the StablePtr, or nullptr
// where the image needs none.
void* keep_static_roots(const Image& image, const uint64_t* further, uint64_t further_count);

}  // namespace fastboot::ghc
