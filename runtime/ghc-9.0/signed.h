// Demanding that snapshots be signed. What is demanded, and how a signature is verified, the package fastboot-signed
// knows; a program without it cannot verify any, and so thaws none where FASTBOOT_REQUIRE_SIGNATURE demands one.
#pragma once

#include "core/file.h"
#include "ghc-9.0/binding.h"

namespace fastboot::ghc {

// Whether somebody may demand a signature.
bool signatures_matter();

// To be called before the image is mapped. A signature covers the image and the snapshot's own binding. Another binding
// chooses code that nobody signed for: only constructors, which the program itself tells by name, may come by one.
// A snapshot that the program carries is as good as the program. *demanded: signatures mattered.
bool check_signature(const runtime::SnapshotFile& file, const Bound& bound, bool* demanded, wire::Error* error);

}  // namespace fastboot::ghc
