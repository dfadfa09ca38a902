// Where the names of a stripped program are: in its debug file, which is the one with the program's build-id among
// those at the places where debuggers look.
#pragma once

#include "reloc/symbols.h"

namespace fastboot::reloc {

// The program itself if it has .symtab; otherwise its debug file, looked for as
//   what .gnu_debuglink names, beside the program, in .debug/ there, and in D/DIRECTORY-OF-THE-PROGRAM;
//   PROGRAM.debug; and D/.build-id/xx/REST.debug,
// where D is each directory of FASTBOOT_DEBUG (colons between them), or /usr/lib/debug. Error: no_symbols, with what to
// do.
Result<Symbols> names_of(const Symbols& program);

}  // namespace fastboot::reloc
