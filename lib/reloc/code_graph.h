// Fingerprints of code and static closures: equal for the same code in two builds, whatever its addresses and names
// are.
//
// Code and static closures of a program are the nodes of a graph. A node's local part is its info table (without the
// SRT, which only the collector reads) and its machine code, with a hole wherever an address stands; its references are
// what stands in the holes, in order. A reference is either a leaf (something known by its name: exported names of
// libraries, constructors, C) or another node. A fingerprint is a hash of everything that can be reached.
//
// Note [Two fingerprints]
// `code` takes exported names of the program's own modules for leaves: what the name stands for in the new program is
// what the program's author wants it to stand for. `strict` goes on through them, and does not see their names.
//
// Note [Names that are no leaves]
// GHC numbers and makes up names ($wgo5, lvl3), and after an edit such a name can be other code. They are nodes like
// code that has no name, and so is a name of the program's own modules beside which there is a numbered one (helper,
// helper1). In libraries that says nothing: the linker takes from them what is needed.
//
// Note [Cycles]
// The graph is cut into strongly connected components. In a cycle, hashes are refined until no more nodes differ; a
// node's fingerprint covers its own last hash and the set of all in the component. If two components have the same set,
// they have the same quotient graph, so equal fingerprints mean that no walk from the two nodes ever sees a difference.
//
// Note [Private variables]
// Two private CAFs may be equal code and yet two variables (newIORef). Where a node reaches such CAFs, the fingerprint
// also covers which of the references lead to the same one, and says so: see reaches_variable.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "reloc/disassembler.h"
#include "reloc/ghc_names.h"
#include "reloc/program_file.h"

namespace fastboot::reloc {

struct Fingerprint {
  uint64_t code = 0;
  uint64_t strict = 0;  // 0: cannot be told
  bool certain = false;
  bool reaches_variable = false;
};

class CodeGraph {
 public:
  CodeGraph(const ProgramFile& file, const UnitMap& units);

  // The node of an info table, or of a static closure. The first use adds it, so all are asked for before finish().
  uint32_t add_info(uint64_t entry);
  uint32_t add_closure(uint64_t address);
  // Explores all that can be reached from what was added; more may be added afterwards.
  void explore();
  // Explores the rest and computes the hashes.
  void finish();
  Fingerprint fingerprint(uint32_t node) const;

  // The type constructors ($tcT closures) that `node` refers to, itself and through other nodes, in order. After
  // explore().
  std::vector<uint64_t> type_constructors(uint32_t node) const;

 private:
  static constexpr uint32_t kNone = 0xffffffff;
  struct Reference {
    uint64_t leaf = 0;
    uint64_t address = 0;  // of what a leaf stands for; 0: not in this file
    uint32_t node = kNone;
    bool own = false;  // a leaf whose node `strict` goes into
  };
  struct Node {
    uint64_t address = 0;
    bool closure = false;
    bool variable = false;
    bool uncertain = false;
    uint64_t local = 0;
    std::vector<Reference> references;
  };
  struct Hashes {
    std::vector<uint64_t> value;
    std::vector<uint8_t> uncertain, variable;
  };
  class Explorer;

  uint32_t add(uint64_t address, bool closure);
  bool goes_into(const Reference& reference, bool strict) const {
    return reference.node != kNone && (reference.leaf == 0 || (strict && reference.own));
  }
  Hashes hash_all(bool strict) const;
  void hash_component(const std::vector<uint32_t>& members, bool strict, const std::vector<uint32_t>& component,
                      Hashes* out) const;
  // Which references lead to the same variable; nothing where there are too many nodes to tell.
  std::optional<uint64_t> variable_pattern(uint32_t node, bool strict) const;
  uint64_t leaf_of(std::string_view symbol, uint64_t offset) const;
  bool is_leaf(const GhcName& name) const;
  bool is_own(const GhcName& name) const;

  const ProgramFile& file_;
  const UnitMap& units_;
  const UnitMap encoded_units_;
  Disassembler disassembler_;
  std::vector<Node> nodes_;
  std::unordered_map<uint64_t, uint32_t> by_address_;
  std::unordered_set<std::string> numbered_;  // "unit_Module_name" of own units that also occur with digits behind
  std::unordered_map<std::string, uint64_t> constructors_;  // addresses of Con_closure
  size_t explored_ = 0;
  Hashes code_, strict_;
};

}  // namespace fastboot::reloc
