// Names for targets: Z-encoded symbols of constructors, and words for an info pointer.
#pragma once

#include "core/modules.h"
#include "format/wire/buffer.h"

namespace fastboot::ghc {

// Appends the symbol of a constructor's info table, with its NUL: "containers-0.6.4.1:Data.Map.Internal.Bin" gives
// "containerszm0zi6zi4zi1_DataziMapziInternal_Bin_con_info". Appends nothing for a description that is none.
void constructor_symbol(const char* description, wire::Buffer* out);

// Finds words for an info pointer: the constructor's description, or the nearest symbol at or before it in the module's
// file. False where there is nothing to say.
bool describe_info(const runtime::Modules& modules, uint64_t info, char* out, uint64_t size);

// Does the module's file say that the static closure at process address `closure` is `unit_Module_Con_closure`, for the
// constructor with this description? False also where the file has no symbols.
bool is_constructor_closure(const runtime::Module& module, uint64_t closure, const char* description);

// What is looked for, and what was found: an ELF virtual address, or 0.
struct WantedSymbol {
  const char* name;
  uint64_t value;
};

// Looks for symbols that the module's file defines, in one pass over its .symtab. False where it has none.
bool find_symbols(const char* path, WantedSymbol* wanted, uint64_t count);

}  // namespace fastboot::ghc
