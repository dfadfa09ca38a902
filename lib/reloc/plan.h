// Migration, planned: where each target of an image lies in another build of the program.
//
// A target is the same in both builds if everything that can be seen of it is: for constructors unit, module, name,
// tag, layout, the types of the fields and the wrapper; for the RTS's, the name; for code, info table and fingerprint.
// What is not certain is refused.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "format/model.h"
#include "reloc/program_index.h"

namespace fastboot::reloc {

enum class Fate : uint8_t {
  identical,  // the same thing at the same address
  moved,      // the same thing at another
  changed,    // something by that name, and another thing
  gone,       // nothing like it
  ambiguous,  // several, and which one matters
};

std::string_view fate_name(Fate fate);

struct PlannedTarget {
  Fate fate = Fate::gone;
  std::string name;         // a constructor's description, a symbol, or what is near it
  std::string reason;       // changed, gone, ambiguous: what was found and what was expected
  std::string new_name;     // identical, moved: its symbol in the new program, if any
  bool allowed = false;     // changed, and to be bound all the same
  bool unverified = false;  // a constructor whose fields' types were not compared
  uint32_t con_tag = 0;     // constructors: the new tag
  bool retagged = false;    // changed in nothing but that
  wire::BindingEntry entry = {};

  bool bound() const { return fate == Fate::identical || fate == Fate::moved || allowed; }
};

struct Plan {
  std::vector<PlannedTarget> targets;             // as in the image
  std::vector<format::ModelModule> libraries;     // that entries lie in, from module 1 on; module 0 is the program
  std::vector<wire::BindingEntry> further_roots;  // static roots that the new code needs besides the image's
  bool has_fingerprints = true;                   // false: neither the snapshot nor an index has those of the old build

  bool resolved() const;
  // All entries of the binding, further roots at the end.
  std::vector<wire::BindingEntry> entries() const;
};

struct PlanOptions {
  std::set<std::string> allow_changed;      // names of targets
  bool strict = false;                      // compare named functions of own modules, too
  bool retag = false;                       // a constructor's tag may change
  std::set<std::string> mapped_units = {};  // units of the old program that the new one has by other names
  // Shared libraries of packages that the new program is started with.
  std::vector<format::ModelModule> libraries = {};
};

// The program that the old one's targets lie in, as the snapshot's binding names it: the module of most of them that is
// no shared library. 0xffffffff: there is none.
uint32_t program_module(const format::Model& model);

// Gives the targets what `index` (of the build that the model is bound to) knows of them. How many have got one.
uint64_t add_fingerprints(format::Model* model, const ProgramIndex& index);
bool has_fingerprints(const format::Model& model);

// The descriptions of the constructors that the image needs, if it needs nothing else but the runtime system's
// closures: then ProgramIndex::read_constructors() is all that a plan asks for. Nothing: it holds functions or thunks.
std::optional<std::set<std::string>> only_constructors(const format::Model& model);

// `old` may be nullptr: then only what the snapshot records is known. The programs' GHC and RTS are compared by the
// caller.
Plan make_plan(const format::Model& model, const ProgramIndex* old, const ProgramIndex& now,
               const PlanOptions& options);

}  // namespace fastboot::reloc
