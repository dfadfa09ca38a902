// What a program offers to images: its constructors, functions, thunks and CAFs, each with where it lies and what it
// is.
//
// Made once for each build, and kept in the user's cache directory under the build-id: FASTBOOT_CACHE, else
// XDG_CACHE_HOME/fastboot, else ~/.cache/fastboot. So the fingerprints of a program outlive it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "format/wire/structs.h"
#include "reloc/code_graph.h"
#include "reloc/symbols.h"

namespace fastboot::reloc {

enum class ItemKind : uint32_t { constructor = 1, function, thunk, variable, named };

// Bits of Item::flags.
enum ItemFlag : uint32_t {
  kItemCertain = 1,          // the fingerprint is
  kItemReachesVariable = 2,  // see CodeGraph
  kItemUntyped = 4,          // a constructor whose fields' types the program does not tell ($tc'Con is missing)
};

// On disk as in memory: the cache is for the machine that made it.
struct Item {
  uint64_t address;  // ELF virtual address: of the info pointer; of a variable, of the closure
  ItemKind kind;
  uint32_t flags;
  uint32_t type;  // closure type, as the program's own info table says
  uint32_t con_tag;
  uint64_t layout;
  uint32_t fun_type;
  uint32_t arity;
  uint64_t bitmap;
  uint64_t srt;      // functions and thunks: address of the SRT; 0: none
  uint64_t slow;     // functions of general arguments: their slow entry
  uint64_t closure;  // static functions: their closure; 0: none was found
  uint8_t fingerprint[wire::kHashSize];
  uint32_t name;         // offset in the strings: the symbol; 0: none
  uint32_t description;  // likewise: constructors, "unit:Module.Con"
};
static_assert(sizeof(Item) == 96);

class ProgramIndex {
 public:
  ProgramIndex(ProgramIndex&&) = default;
  ProgramIndex& operator=(ProgramIndex&&) = default;

  // Reads the program, or what the cache has for its build-id. With `units` (see UnitMap) the cache is left alone.
  //
  // Errors: those of Symbols::read; no_symbols when it was stripped and has no debug file, is no Haskell program or has
  // no build-id.
  static Result<ProgramIndex> read(const std::string& path, const UnitMap& units = {});
  // The same for a few constructors, by their descriptions, and the RTS's own closures; nothing else is in it. Unless
  // the cache has all, that takes as long as reading the symbols does: no code but the constructors' wrappers is looked
  // at.
  static Result<ProgramIndex> read_constructors(const std::string& path, const std::set<std::string>& descriptions,
                                                const UnitMap& units = {});
  // From the cache alone.
  static std::optional<ProgramIndex> cached(const std::vector<uint8_t>& build_id);

  const std::string& path() const { return path_; }
  const std::vector<uint8_t>& build_id() const { return build_id_; }
  uint32_t ghc_version() const { return ghc_version_; }  // 90002 for 9.0.2
  uint32_t rts_way() const { return rts_way_; }          // wire::RtsWay

  std::string_view name(const Item& item) const { return text(item.name); }
  std::string_view description(const Item& item) const { return text(item.description); }
  std::span<const Item> items() const { return items_; }
  // nullptr: none.
  const Item* at(ModuleAddress address) const;
  const Item* constructor(std::string_view description) const;
  const Item* named(std::string_view symbol) const;
  // Those with this first half of a fingerprint, and certain, by address.
  std::vector<const Item*> with_code(uint64_t code) const;
  // Those with this second half, likewise.
  std::vector<const Item*> with_strict(uint64_t strict) const;
  // "Lib_go_info+0x48": for messages only.
  std::string nearest(ModuleAddress address) const;

 private:
  friend class IndexMaker;
  static Result<ProgramIndex> read_all(const std::string& path, const UnitMap& units,
                                       const std::set<std::string>* descriptions);
  ProgramIndex() = default;
  std::string_view text(uint32_t offset) const { return strings_.c_str() + offset; }
  void build_maps();
  std::vector<uint8_t> save() const;
  bool load(const std::vector<uint8_t>& bytes);

  std::string path_;
  std::vector<uint8_t> build_id_;
  uint32_t ghc_version_ = 0, rts_way_ = 0;
  std::vector<Item> items_;  // by address
  std::string strings_;
  std::unordered_map<std::string_view, uint32_t> by_description_, by_name_;
  std::vector<uint32_t> with_name_;  // items that have one, by address
  std::unordered_multimap<uint64_t, uint32_t> by_code_, by_strict_;
  std::vector<const Item*> all_of(const std::unordered_multimap<uint64_t, uint32_t>& map, uint64_t key) const;
};

// The two halves of a fingerprint. Of constructors: types of the fields, code of the wrapper ($W). Of code: see Note
// [Two fingerprints].
uint64_t first_half(const uint8_t fingerprint[wire::kHashSize]);
uint64_t second_half(const uint8_t fingerprint[wire::kHashSize]);

// "9.0.2" of 90002.
std::string ghc_version_text(uint32_t version);
std::string rts_way_text(uint32_t way);

}  // namespace fastboot::reloc
