// Moving an image to addresses other than its own.
#pragma once

#include "core/file.h"
#include "ghc-9.0/image.h"

namespace fastboot::ghc {

// Adds `delta` to every word of the mapped image (at its process addresses, writable) that holds an address inside it.
// `base` is where the snapshot starts in its file.
// The list of these words comes from the file, and is checked against its hash and word by word.
bool rebase_image(int fd, uint64_t base, const wire::View& view, uint64_t delta, wire::Error* error);

// Likewise for the words that hold addresses of needed images which lie elsewhere than expected: `needed` has one for
// each entry of the table. `delta` is by how much the image itself, which is mapped, lies elsewhere.
bool relocate_cross(const runtime::SnapshotFile& file, const Dependency* needed, uint64_t delta, uint64_t* relocations,
                    wire::Error* error);

// Makes the words that hold addresses of this very build (R_X86_64_64) right for this process. A page that needs no
// change is only read; the others are made writable for the moment.
bool apply_raw_references(const wire::View& view, uint64_t delta, wire::Error* error);

}  // namespace fastboot::ghc
