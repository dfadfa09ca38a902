// Finding an image's targets in this process without a binding.
#pragma once

#include "core/modules.h"
#include "format/wire/buffer.h"
#include "format/wire/parse.h"
#include "ghc-9.0/builds.h"

namespace fastboot::ghc {

// Makes a binding of `view` to the executable, in `memory`, from the symbols in its file: for images whose targets are
// constructors and closures of the RTS only. Each is found by its name, and must have the words that the snapshot's
// record has. A constructor of a library is then the same, since the library's version is in its name; those of the
// program's own modules may have other fields by now, and are taken only where `allowed` is `any`. `needed` becomes the
// least that it would have had to be. Error: target_mismatch or no_symbols; the message is a part of a sentence.
// Reading the symbols takes milliseconds.
bool resolve_by_name(const wire::View& view, const runtime::Module& executable, Builds allowed, wire::Buffer* memory,
                     wire::Binding* out, Builds* needed, wire::Error* error);

}  // namespace fastboot::ghc
