// Names for the targets of a snapshot, from the symbol tables of the program that froze it.
//
// The runtime knows the names of constructors and of its own parts only; programs carry the other names in .symtab,
// which is not mapped while they run. The names are for people and for tools like nm: identity lies in the target's
// record.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/model.h"
#include "reloc/symbols.h"

namespace fastboot::reloc {

// A module of the model's binding as its file is now.
struct ModuleFile {
  std::optional<Symbols> symbols;
  format::Error problem;  // why there are none
};

struct Annotation {
  uint64_t named = 0;         // targets whose address has a symbol of its own
  uint64_t private_code = 0;  // targets that keep a name like fb.t.INDEX
};

// Opens the file of each module where the binding says that it lies. A file that cannot be read, or has no symbol
// table, is no error: its targets keep the names that they have.
//
// Errors: wrong_build when a file is there, and its build-id is not the recorded one.
Result<std::vector<ModuleFile>> open_modules(const format::Model& model);

// Gives each target the name of the symbol at exactly its address, where there is one and no other target has the same.
// `modules` are the model's, in its order. Order and records of the targets stay.
Annotation annotate(format::Model* model, const std::vector<ModuleFile>& modules);

}  // namespace fastboot::reloc
