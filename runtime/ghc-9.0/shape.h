// Does the program have what a snapshot's record says, at the place where a binding says it is? Told from the program's
// own info tables and closures. What is read lies in segments of the module, whatever the binding says.
#pragma once

#include "core/modules.h"
#include "format/wire/parse.h"

namespace fastboot::ghc {

// The info table before the code address `address` is as the record of target `i` says. For targets that have one;
// true for what the runtime itself supplies.
bool matches(const wire::View& view, uint64_t i, const runtime::Module& module, uint64_t address);

// `address` is a static closure or SRT: data of `module`, with the info pointer of a static closure, which is in that
// module or in one of `others` (where the RTS and packages are shared libraries); nullptr: there are no others.
bool is_static_closure(const runtime::Module& module, const runtime::Modules* others, uint64_t address);

// The slow entry code of the function whose info pointer is `function`; 0 where that is 0.
uint64_t slow_entry_of(uint64_t function);

}  // namespace fastboot::ghc
