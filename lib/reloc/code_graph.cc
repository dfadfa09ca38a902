#include "reloc/code_graph.h"

#include <algorithm>
#include <cstring>

#include "format/ghc_closures.h"
#include "format/wire/hash.h"

namespace fastboot::reloc {

namespace ghc = format::ghc;

namespace {

// Part of every fingerprint: a change of the algorithm makes other ones, never wrong ones.
constexpr std::string_view kVersion = "fastboot fingerprint 1";
constexpr size_t kMostInstructions = 200'000;
constexpr size_t kMostWalked = 20'000;
constexpr uint64_t kMostJumpTable = 4096;
constexpr uint32_t kAbsoluteEntry = 8;  // bytes
constexpr uint32_t kRetBig = 31;

class Hash64 {
 public:
  Hash64() { XXH3_64bits_reset(&state_); }
  void bytes(const void* data, uint64_t size) { XXH3_64bits_update(&state_, data, size); }
  void number(uint64_t value) { bytes(&value, sizeof value); }
  void text(std::string_view value) {
    number(value.size());
    bytes(value.data(), value.size());
  }
  // Never 0, which stands for "none".
  uint64_t finish() const { return std::max<uint64_t>(XXH3_64bits_digest(&state_), 1); }

 private:
  XXH3_state_t state_;
};

// What stands in the local part.
enum Token : uint8_t {
  kTokenInstruction = 1,
  kTokenReference,
  kTokenLiteral,
  kTokenBlock,
  kTokenEndOfBlock,
  kTokenTable,
  kTokenString,
  kTokenWord,
};

// Constructors whose numbers may be addresses of literals.
bool holds_addresses(std::string_view description) {
  constexpr std::array<std::string_view, 7> kNames = {"ghc-prim:GHC.Types.TrNameS",
                                                      "ghc-prim:GHC.Types.KindRepTypeLitS",
                                                      "base:GHC.Ptr.Ptr",
                                                      "base:GHC.Ptr.FunPtr",
                                                      "base:GHC.ForeignPtr.ForeignPtr",
                                                      "bytestring-0.10.12.0:Data.ByteString.Internal.PS",
                                                      "bytestring-0.10.12.1:Data.ByteString.Internal.PS"};
  return std::find(kNames.begin(), kNames.end(), description) != kNames.end();
}

// Z-encoded: a capital, an operator with a colon, a tuple, a list.
bool is_constructor_name(std::string_view name) { return name[0] >= 'A' && name[0] <= 'Z'; }

// Names that mean something: not the assembler's, which --keep-locals leaves.
bool usable(const Symbol& symbol) { return !symbol.name.starts_with(".L") && !symbol.name.empty(); }

}  // namespace

// --- leaves --------------------------------------------------------------------------------------

CodeGraph::CodeGraph(const ProgramFile& file, const UnitMap& units)
    : file_(file), units_(units), encoded_units_(zencoded(units)), disassembler_(file.low(), file.high()) {
  for (const Symbol& symbol : file_.names().all()) {
    const auto name = parse_ghc_symbol(symbol.name);
    if (name && name->what == "closure" && is_constructor_name(name->name)) {
      constructors_.emplace(symbol.name, symbol.address.value());
    }
    if (!name || !is_own(*name)) continue;
    const size_t end = name->name.find_last_not_of("0123456789");
    if (end == std::string_view::npos || end + 1 == name->name.size()) continue;
    numbered_.insert(fmt::format("{}_{}_{}", name->unit, name->module, name->name.substr(0, end + 1)));
  }
}

// As it was in the old program, whose fingerprints were made that way.
bool CodeGraph::is_own(const GhcName& name) const { return is_own_unit(mapped_unit(encoded_units_, name.unit)); }

bool CodeGraph::is_leaf(const GhcName& name) const {
  if (is_made_up(name.name) || name.what == "bytes" || name.what == "slow" || name.what == "srt") return false;
  // Numbers behind a declared name ($tcFoo1) are parts of it, not others by that name.
  return name.name.starts_with("zd") || !numbered_.contains(fmt::format("{}_{}_{}", name.unit, name.module, name.name));
}

uint64_t CodeGraph::leaf_of(std::string_view symbol, uint64_t offset) const {
  Hash64 hash;
  hash.text("name");
  const auto name = parse_ghc_symbol(symbol);
  if (name) {
    hash.text(mapped_unit(encoded_units_, name->unit));
    hash.text(name->module);
    hash.text(name->name);
    hash.text(name->what);
  } else {
    hash.text(symbol);
  }
  hash.number(offset);
  return hash.finish();
}

// --- exploring one node --------------------------------------------------------------------------

class CodeGraph::Explorer {
 public:
  Explorer(CodeGraph* graph, uint32_t node) : graph_(*graph), file_(graph->file_), index_(node) {
    address_ = graph_.nodes_[node].address;
    hash_.text(kVersion);
  }

  void run() {
    if (graph_.nodes_[index_].closure) {
      explore_closure();
    } else {
      explore_info();
    }
    Node& node = graph_.nodes_[index_];
    node.local = hash_.finish();
    node.references = std::move(references_);
    node.uncertain = uncertain_;
    node.variable = variable_;
  }

 private:
  void token(Token token) { hash_.number(token); }
  void doubt() { uncertain_ = true; }

  void add_leaf(uint64_t leaf, uint64_t address) {
    token(kTokenReference);
    references_.push_back({leaf, address, kNone, false});
  }
  void add_node(uint32_t node) {
    token(kTokenReference);
    references_.push_back({0, 0, node, false});
  }
  void add_constructor(const InfoTable& table) {
    Hash64 leaf;
    leaf.text("constructor");
    leaf.text(mapped_description(graph_.units_, table.description));
    leaf.number(table.layout);
    leaf.number(table.type);
    leaf.number(static_cast<uint32_t>(table.srt));
    add_leaf(leaf.finish(), 0);
  }

  // What is in another module, by its name. One of the program's own that GHC made up is other code in other builds of
  // the library that has it.
  void add_import(std::string_view symbol, uint64_t addend) {
    const auto name = parse_ghc_symbol(symbol);
    if (name && graph_.is_own(*name) && !graph_.is_leaf(*name)) {
      const Symbols* library = file_.libraries().own_library_of(symbol);
      if (library == nullptr || library->build_id().empty()) return doubt();
      Hash64 leaf;
      leaf.text("of this very library");
      leaf.number(graph_.leaf_of(symbol, addend));
      leaf.bytes(library->build_id().data(), library->build_id().size());
      return add_leaf(leaf.finish(), 0);
    }
    if (const auto table = name && name->what == "con_info" ? file_.libraries().constructor(symbol) : std::nullopt)
      return add_constructor(*table);
    add_leaf(graph_.leaf_of(symbol, addend), 0);
  }

  // The best symbol at exactly `address`.
  const Symbol* symbol_at(uint64_t address) const {
    for (const Symbol& symbol : file_.names().at(ModuleAddress(address))) {
      if (usable(symbol)) return &symbol;
    }
    return nullptr;
  }

  // --- references
  void refer_info(uint64_t entry, const Symbol* symbol) {
    const InfoTable table = file_.info(entry);
    if (ghc::is_constructor(table.type)) return add_constructor(table);
    const auto name = symbol == nullptr ? std::nullopt : parse_ghc_symbol(symbol->name);
    if (symbol != nullptr && !name) return add_leaf(graph_.leaf_of(symbol->name, 0), entry);
    if (!name || !symbol->global || !graph_.is_leaf(*name) || is_own_worker(*name))
      return add_node(graph_.add_info(entry));
    add_leaf(graph_.leaf_of(symbol->name, 0), entry);
    if (!graph_.is_own(*name)) return;
    references_.back().node = graph_.add_info(entry);
    references_.back().own = true;
  }

  // Is this code the wrapper, and that its worker? Then the two are one function.
  bool is_own_worker(const GhcName& worker) const {
    const Symbol* symbol = symbol_at(address_);
    const auto own = symbol == nullptr ? std::nullopt : parse_ghc_symbol(symbol->name);
    return own && worker.unit == own->unit && worker.module == own->module && worker.name.starts_with("zdw") &&
           worker.name.substr(3) == own->name;
  }

  // An address of code that no jump in this node leads to.
  void refer_code(uint64_t address) {
    const Symbol* symbol = symbol_at(address);
    if (file_.is_info(address)) return refer_info(address, symbol);
    if (symbol != nullptr) return add_leaf(graph_.leaf_of(symbol->name, 0), address);
    const std::string_view import = file_.stub_import(address);
    if (!import.empty()) return add_import(import, 0);
    doubt();
  }

  // C's variables and tables: by the symbol that covers the address.
  bool refer_covered(uint64_t address) {
    const Symbol* symbol = file_.names().nearest(ModuleAddress(address));
    if (symbol == nullptr || !usable(*symbol)) return false;
    const uint64_t offset = address - symbol->address.value();
    const bool closures = symbol->name == "stg_INTLIKE_closure" || symbol->name == "stg_CHARLIKE_closure";
    if (offset >= std::max<uint64_t>(symbol->size, closures ? 16 * 256 + 8 : 1)) return false;
    if (!closures && parse_ghc_symbol(symbol->name)) return false;
    add_leaf(graph_.leaf_of(symbol->name, offset), symbol->address.value());
    return true;
  }

  void refer_data(uint64_t address) {
    const SectionBytes* section = file_.section_at(address);
    if (section->name.starts_with(".got")) {
      if (const Import* import = file_.import_of(address)) return add_import(import->name, import->addend);
      const auto word = file_.word_at(address);
      const SectionBytes* to = word ? file_.section_at(*word) : nullptr;
      if (to == nullptr || to->name.starts_with(".got")) return doubt();
      return refer_address(*word);
    }
    if (refer_covered(address)) return;
    const uint64_t closure = address & ~uint64_t{7};
    hash_.number(address & 7);
    const Symbol* symbol = symbol_at(closure);
    const auto name = symbol == nullptr ? std::nullopt : parse_ghc_symbol(symbol->name);
    if (symbol != nullptr && !name) return add_leaf(graph_.leaf_of(symbol->name, 0), closure);
    if (!name || !symbol->global || !graph_.is_leaf(*name)) return add_node(graph_.add_closure(closure));
    add_leaf(graph_.leaf_of(symbol->name, 0), closure);
    if (!graph_.is_own(*name)) return;
    references_.back().node = graph_.add_closure(closure);
    references_.back().own = true;
  }

  // A literal: up to its NUL, or, where there are NULs in it, to the next thing that something refers to.
  void add_literal(uint64_t address) {
    const auto rest = file_.bytes_at(address);
    const auto text = file_.text_at(address);
    uint64_t size = std::min<uint64_t>(file_.next_referenced(address) - address, rest.size());
    while (size > 0 && rest[size - 1] == 0) --size;
    if (text) size = std::max<uint64_t>(size, text->size());
    token(kTokenString);
    hash_.text({reinterpret_cast<const char*>(rest.data()), std::min<uint64_t>(size, rest.size())});
  }

  void refer_read_only(uint64_t address) {
    const Symbol* symbol = symbol_at(address);
    const auto name = symbol == nullptr ? std::nullopt : parse_ghc_symbol(symbol->name);
    if (symbol != nullptr && !name && symbol->global) return add_leaf(graph_.leaf_of(symbol->name, 0), address);
    add_literal(address);
  }

  void refer_address(uint64_t address) {
    const SectionBytes* section = file_.section_at(address);
    if (section == nullptr) {
      hash_.number(address);  // between the sections: it is a number
      return;
    }
    switch (section->kind) {
      case SectionKind::code:
        return refer_code(address);
      case SectionKind::data:
        return refer_data(address);
      case SectionKind::read_only:
        return refer_read_only(address);
    }
  }

  void refer_memory(const Instruction::Address& operand) {
    const SectionBytes* section = file_.section_at(operand.value);
    if (section == nullptr || section->kind != SectionKind::read_only) return refer_address(operand.value);
    const auto bytes = file_.bytes_at(operand.value);
    if (operand.index_size != 0) {
      if (!refer_covered(operand.value)) doubt();
    } else if (operand.loaded == 0 || operand.loaded > bytes.size()) {
      doubt();
    } else {
      token(kTokenLiteral);
      hash_.bytes(bytes.data(), operand.loaded);
    }
  }

  // --- code
  // A jump's or branch's target inside this code, or something else.
  void refer_target(uint64_t address, bool call) {
    const Symbol* symbol = symbol_at(address);
    if (file_.is_info(address)) return refer_info(address, symbol);
    if (symbol != nullptr) return add_leaf(graph_.leaf_of(symbol->name, 0), address);
    const std::string_view import = file_.stub_import(address);
    if (!import.empty()) return add_import(import, 0);
    if (call) return doubt();
    refer_block(address);
  }

  void refer_block(uint64_t address) {
    const SectionBytes* section = file_.section_at(address);
    if (section == nullptr || section->kind != SectionKind::code) return doubt();
    const auto [found, fresh] = blocks_.emplace(address, blocks_.size());
    if (fresh) pending_.push_back(address);
    token(kTokenBlock);
    hash_.number(found->second);
  }

  void explore_code(uint64_t entry) {
    const auto [found, fresh] = blocks_.emplace(entry, blocks_.size());
    if (fresh) pending_.push_back(entry);
    hash_.number(found->second);
    while (!pending_.empty()) {
      const uint64_t block = pending_.back();
      pending_.pop_back();
      explore_block(block);
    }
  }

  // The table that `jmp *register` goes through, where the instructions before it are
  //   lea T(%rip), base; movslq (base, index, 8), o; add base, o; jmp *o
  struct Lea {
    uint64_t table = 0;
    uint16_t base = 0;
    uint32_t scale = 0;
  };

  void explore_block(uint64_t start) {
    token(kTokenEndOfBlock);
    const uint64_t limit = file_.next_table_after(start);
    Lea lea;
    for (uint64_t at = start; at < limit;) {
      if (at != start && blocks_.contains(at)) {
        token(kTokenBlock);
        hash_.number(blocks_.at(at));
        return;
      }
      const auto bytes = file_.bytes_at(at);
      const auto instruction = graph_.disassembler_.decode(bytes.first(std::min<size_t>(bytes.size(), 16)), at);
      if (!instruction || ++instructions_ > kMostInstructions) return doubt();
      // A lea of a table of jumps is part of the jump: what it holds is not data.
      if (instruction->loads_address && instruction->address_count == 1 &&
          is_jump_table(instruction->addresses[0].value, at + instruction->size, limit)) {
        lea = {instruction->addresses[0].value, instruction->destination, 0};
        token(kTokenTable);
      } else if (instruction->flow == Flow::indirect_jump && instruction->address_count == 1 &&
                 instruction->addresses[0].index_size == kAbsoluteEntry) {
        // jmp *T(, index, 8): addresses of code.
        return add_jump_table(instruction->addresses[0].value, kAbsoluteEntry, true);
      } else {
        add_instruction(*instruction, bytes);
      }
      if (instruction->sign_extends && instruction->base == lea.base) lea.scale = instruction->scale;
      switch (instruction->flow) {
        case Flow::next:
        case Flow::call:
        case Flow::indirect_call:
        case Flow::branch:
          break;
        case Flow::indirect_jump:
          if (lea.table != 0) add_jump_table(lea.table, lea.scale == 4 ? 4 : 8, false);
          return;
        case Flow::jump:
        case Flow::end:
          return;
      }
      at += instruction->size;
    }
  }

  // Does the code from `at` on use `table` as a table of jumps? The pattern of three instructions, perhaps with others
  // between them, in front of an indirect jump.
  bool is_jump_table(uint64_t table, uint64_t at, uint64_t limit) const {
    const SectionBytes* section = file_.section_at(table);
    if (section == nullptr || section->kind != SectionKind::read_only) return false;
    bool extended = false;
    for (int i = 0; i < 8 && at < limit; ++i) {
      const auto bytes = file_.bytes_at(at);
      const auto next = graph_.disassembler_.decode(bytes.first(std::min<size_t>(bytes.size(), 16)), at);
      if (!next) return false;
      if (next->sign_extends && next->index != 0) extended = true;
      if (next->flow == Flow::indirect_jump) return extended;
      if (next->flow != Flow::next) return false;
      at += next->size;
    }
    return false;
  }

  // The table ends where something else is referred to, or where an entry is no code; entries of 0 are holes.
  void add_jump_table(uint64_t table, uint64_t width, bool absolute) {
    const uint64_t count = (file_.next_referenced(table) - table) / width;
    if (count == 0 || count > kMostJumpTable) return doubt();
    token(kTokenTable);
    for (uint64_t i = 0; i < count; ++i) {
      std::optional<uint64_t> entry;
      if (absolute) {
        entry = file_.word_at(table + i * width);
      } else if (const auto half = file_.half_at(table + i * width)) {
        entry = *half;
      }
      if (!entry) return doubt();
      if (*entry == 0) {
        hash_.number(0);
        continue;
      }
      const auto offset = static_cast<uint64_t>(int64_t{static_cast<int32_t>(*entry)});
      const uint64_t to = absolute ? *entry : table + offset;
      const SectionBytes* section = file_.section_at(to);
      if (section == nullptr || section->kind != SectionKind::code) {
        if (i == 0) doubt();
        return;
      }
      refer_target(to, false);
    }
  }

  void add_instruction(const Instruction& instruction, std::span<const uint8_t> bytes) {
    token(kTokenInstruction);
    if (instruction.flow == Flow::jump || instruction.flow == Flow::branch || instruction.flow == Flow::call) {
      hash_.number(static_cast<uint64_t>(instruction.flow));
      hash_.number(instruction.condition);
      return refer_target(instruction.target, instruction.flow == Flow::call);
    }
    std::array<uint8_t, 16> copy = {};
    memcpy(copy.data(), bytes.data(), std::min<size_t>(instruction.size, copy.size()));
    for (uint32_t i = 0; i < instruction.address_count; ++i) {
      memset(copy.data() + instruction.addresses[i].at, 0, instruction.addresses[i].size);
    }
    hash_.number(instruction.size);
    hash_.bytes(copy.data(), instruction.size);
    for (uint32_t i = 0; i < instruction.address_count; ++i) {
      const Instruction::Address& operand = instruction.addresses[i];
      if (operand.memory) {
        refer_memory(operand);
      } else {
        refer_address(operand.value);
      }
    }
  }

  void explore_info() {
    const InfoTable table = file_.info(address_);
    hash_.text("code");
    hash_.number(table.type);
    if (ghc::is_function(table.type)) {
      hash_.number(table.fun_type);
      hash_.number(table.arity);
    }
    const bool big_frame = table.type == kRetBig;
    const bool big_function = table.general() && table.fun_type == 1;
    if (!big_frame) hash_.number(table.layout);
    if (table.general() && !big_function) hash_.number(table.bitmap);
    if (big_frame) add_bitmap(address_ + static_cast<uint64_t>(int64_t{static_cast<int32_t>(table.layout)}));
    if (big_function) add_bitmap(address_ + static_cast<uint64_t>(int64_t{static_cast<int32_t>(table.bitmap)}));
    explore_code(address_);
    if (table.general()) explore_code(address_ + static_cast<uint64_t>(int64_t{table.slow_offset}));
  }

  void add_bitmap(uint64_t address) {
    const auto size = file_.word_at(address);
    if (!size || *size > 65535) return doubt();
    const auto bytes = file_.bytes_at(address);
    const uint64_t whole = 8 * (1 + (*size + 63) / 64);
    if (bytes.size() < whole) return doubt();
    hash_.bytes(bytes.data(), whole);
  }

  // --- static closures
  void explore_closure() {
    hash_.text("closure");
    const auto header = file_.word_at(address_);
    const auto found = file_.table_of_closure(address_);
    if (!header || !found) return doubt();
    const InfoTable table = *found;
    if (table.type == ghc::kFunStatic) return refer_info(*header, nullptr_symbol(*header));
    if (table.type == ghc::kThunkStatic) {
      variable_ = true;
      return refer_info(*header, nullptr_symbol(*header));
    }
    if (!ghc::is_constructor(table.type)) return doubt();
    add_constructor(table);
    const bool addresses = holds_addresses(table.description);
    for (uint64_t i = 0; i < table.pointers() + table.others(); ++i) {
      // A constructor without fields says that it has one number, and is one word.
      if (table.pointers() == 0 && table.others() == 1 && is_nullary(table)) break;
      if (const Import* import = file_.import_of(address_ + 8 * (i + 1))) {
        token(kTokenReference);
        add_import(import->name, import->addend);
        continue;
      }
      const auto word = file_.word_at(address_ + 8 * (i + 1));
      if (!word) return doubt();
      const bool address = i < table.pointers() || (addresses && file_.section_at(*word) != nullptr);
      token(address ? kTokenReference : kTokenWord);
      if (address) {
        refer_address(*word);
      } else {
        hash_.number(*word);
      }
    }
  }

  // Con_closure is a value of that constructor, where it has no fields, else a function.
  bool is_nullary(const InfoTable& table) const {
    const auto name = parse_constructor(table.description);
    const auto found = name ? graph_.constructors_.find(name->symbol("") + "_closure") : graph_.constructors_.end();
    if (found != graph_.constructors_.end()) {
      const auto header = file_.word_at(found->second);
      return header && file_.is_info(*header) && ghc::is_constructor(file_.info(*header).type);
    }
    // Not linked: then the next closure's header tells. A number that is the address of an info table would be taken
    // for one, too; it would have to be one in both builds, and different ones.
    if (file_.import_of(address_ + 8) != nullptr) return true;
    const auto word = file_.word_at(address_ + 8);
    return word && file_.is_info(*word);
  }

  // The code of a closure that has been gone into is gone into, too.
  const Symbol* nullptr_symbol(uint64_t entry) const {
    const Symbol* symbol = symbol_at(entry);
    return symbol != nullptr && !parse_ghc_symbol(symbol->name) ? symbol : nullptr;
  }

  CodeGraph& graph_;
  const ProgramFile& file_;
  uint32_t index_;
  uint64_t address_ = 0;
  Hash64 hash_;
  std::vector<Reference> references_;
  bool uncertain_ = false, variable_ = false;
  std::map<uint64_t, uint64_t> blocks_;
  std::vector<uint64_t> pending_;
  size_t instructions_ = 0;
};

// --- the graph -----------------------------------------------------------------------------------

uint32_t CodeGraph::add(uint64_t address, bool closure) {
  const auto [found, fresh] = by_address_.emplace(address, static_cast<uint32_t>(nodes_.size()));
  if (fresh) {
    nodes_.emplace_back();
    nodes_.back().address = address;
    nodes_.back().closure = closure;
  }
  return found->second;
}

uint32_t CodeGraph::add_info(uint64_t entry) { return add(entry, false); }
uint32_t CodeGraph::add_closure(uint64_t address) { return add(address, true); }

void CodeGraph::explore() {
  for (; explored_ < nodes_.size(); ++explored_) Explorer(this, static_cast<uint32_t>(explored_)).run();
}

void CodeGraph::finish() {
  explore();
  code_ = hash_all(false);
  strict_ = hash_all(true);
}

void CodeGraph::hash_component(const std::vector<uint32_t>& members, bool strict,
                               const std::vector<uint32_t>& component, Hashes* out) const {
  const uint32_t own = component[members.front()];
  bool cyclic = members.size() > 1;
  uint8_t uncertain = 0, variable = 0;
  for (const uint32_t member : members) {
    const Node& node = nodes_[member];
    uncertain |= static_cast<uint8_t>(node.uncertain);
    variable |= static_cast<uint8_t>(node.variable);
    for (const Reference& reference : node.references) {
      if (!goes_into(reference, strict)) continue;
      cyclic |= component[reference.node] == own;
      uncertain |= out->uncertain[reference.node];
      variable |= out->variable[reference.node];
    }
  }
  std::unordered_map<uint32_t, uint64_t> last;
  for (const uint32_t member : members) last[member] = nodes_[member].local;
  size_t classes = 0;
  while (true) {
    std::unordered_map<uint32_t, uint64_t> next;
    std::unordered_set<uint64_t> distinct;
    for (const uint32_t member : members) {
      Hash64 hash;
      hash.number(nodes_[member].local);
      for (const Reference& reference : nodes_[member].references) {
        const bool into = goes_into(reference, strict);
        const bool inside = into && component[reference.node] == own;
        hash.number(!into ? reference.leaf : inside ? last[reference.node] : out->value[reference.node]);
      }
      next[member] = hash.finish();
      distinct.insert(next[member]);
    }
    last = std::move(next);
    if (!cyclic || distinct.size() == classes) break;
    classes = distinct.size();
  }
  uint64_t all = 0;
  if (cyclic) {
    std::vector<uint64_t> sorted;
    sorted.reserve(last.size());
    for (const auto& [member, value] : last) sorted.push_back(value);
    std::sort(sorted.begin(), sorted.end());
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    Hash64 hash;
    hash.bytes(sorted.data(), sorted.size() * sizeof(uint64_t));
    all = hash.finish();
  }
  for (const uint32_t member : members) {
    Hash64 hash;
    hash.number(last[member]);
    hash.number(all);
    out->value[member] = hash.finish();
    out->uncertain[member] = uncertain;
    out->variable[member] = variable;
  }
}

// Tarjan's algorithm, with a stack of its own: code is nested more deeply than our stack.
CodeGraph::Hashes CodeGraph::hash_all(bool strict) const {
  const size_t count = nodes_.size();
  Hashes out = {std::vector<uint64_t>(count), std::vector<uint8_t>(count), std::vector<uint8_t>(count)};
  std::vector<uint32_t> index(count, kNone), low(count), component(count, kNone), stack;
  struct Frame {
    uint32_t node;
    size_t next;
  };
  std::vector<Frame> frames;
  uint32_t counter = 0, components = 0;
  for (uint32_t start = 0; start < count; ++start) {
    if (index[start] != kNone) continue;
    frames.push_back({start, 0});
    while (!frames.empty()) {
      Frame& frame = frames.back();
      const uint32_t node = frame.node;
      if (frame.next == 0) {
        index[node] = low[node] = counter++;
        stack.push_back(node);
      }
      bool descended = false;
      const auto& references = nodes_[node].references;
      while (frame.next < references.size()) {
        const Reference& reference = references[frame.next++];
        if (!goes_into(reference, strict)) continue;
        if (index[reference.node] == kNone) {
          frames.push_back({reference.node, 0});
          descended = true;
          break;
        }
        if (component[reference.node] == kNone) low[node] = std::min(low[node], index[reference.node]);
      }
      if (descended) continue;
      if (references.empty()) frame.next = 1;
      frames.pop_back();
      if (!frames.empty()) low[frames.back().node] = std::min(low[frames.back().node], low[node]);
      if (low[node] != index[node]) continue;
      std::vector<uint32_t> members;
      while (true) {
        const uint32_t member = stack.back();
        stack.pop_back();
        component[member] = components;
        members.push_back(member);
        if (member == node) break;
      }
      ++components;
      hash_component(members, strict, component, &out);
    }
  }
  return out;
}

std::optional<uint64_t> CodeGraph::variable_pattern(uint32_t start, bool strict) const {
  Hash64 hash;
  std::unordered_map<uint32_t, uint64_t> variables;
  std::unordered_set<uint32_t> seen = {start};
  std::vector<uint32_t> pending = {start};
  while (!pending.empty()) {
    const uint32_t node = pending.back();
    pending.pop_back();
    if (seen.size() > kMostWalked) return std::nullopt;
    for (const Reference& reference : nodes_[node].references) {
      if (!goes_into(reference, strict)) continue;
      if (nodes_[reference.node].variable) {
        hash.number(variables.emplace(reference.node, variables.size() + 1).first->second);
      }
      if (seen.insert(reference.node).second) pending.push_back(reference.node);
    }
  }
  return hash.finish();
}

Fingerprint CodeGraph::fingerprint(uint32_t node) const {
  Fingerprint result;
  const auto value = [&](const Hashes& hashes, bool strict, bool* certain) {
    *certain = hashes.uncertain[node] == 0;
    if (hashes.variable[node] == 0) return hashes.value[node];
    const auto pattern = variable_pattern(node, strict);
    *certain &= pattern.has_value();
    Hash64 hash;
    hash.number(hashes.value[node]);
    hash.number(pattern.value_or(0));
    return hash.finish();
  };
  bool strict_certain = false;
  result.code = value(code_, false, &result.certain);
  result.strict = value(strict_, true, &strict_certain);
  if (!strict_certain) result.strict = 0;
  result.reaches_variable = code_.variable[node] != 0;
  return result;
}

std::vector<uint64_t> CodeGraph::type_constructors(uint32_t start) const {
  std::vector<uint64_t> result;
  std::unordered_set<uint32_t> seen = {start};
  std::vector<uint32_t> pending = {start};
  while (!pending.empty()) {
    const uint32_t node = pending.back();
    pending.pop_back();
    for (const Reference& reference : nodes_[node].references) {
      if (reference.leaf != 0) {
        if (reference.address != 0) result.push_back(reference.address);
      } else if (reference.node != kNone && seen.insert(reference.node).second) {
        pending.push_back(reference.node);
      }
    }
  }
  return result;
}

}  // namespace fastboot::reloc
