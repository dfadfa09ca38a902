#include "reloc/program_index.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "format/file.h"
#include "format/ghc_closures.h"
#include "format/reader.h"
#include "format/temporary_file.h"
#include "format/wire/hash.h"
#include "reloc/debug_file.h"

namespace fastboot::reloc {

namespace ghc = format::ghc;
namespace fs = std::filesystem;
using format::fail;
using wire::Code;

namespace {

constexpr char kMagic[] = "fastboot index 1";
constexpr uint64_t kTyConKindRep = 3;  // word of a TyCon closure: module, name, then the kind's representation

struct CacheHeader {
  char magic[sizeof kMagic];
  uint8_t padding[7];
  uint8_t hash[wire::kHashSize];  // of all that follows the hash
  uint8_t build_id[wire::kMaxBuildId];
  uint32_t build_id_size;
  uint32_t ghc_version;
  uint32_t rts_way;
  uint32_t path;
  uint64_t item_count;
  uint64_t strings_size;
};
static_assert(sizeof(CacheHeader) == 24 + 16 + 32 + 16 + 16);
constexpr size_t kHashedFrom = offsetof(CacheHeader, build_id);

std::string cache_file(const std::vector<uint8_t>& build_id) {
  const auto variable = [](const char* name) -> std::string {
    const char* value = getenv(name);
    return value == nullptr ? "" : value;
  };
  std::string directory = variable("FASTBOOT_CACHE");
  if (directory.empty() && !variable("XDG_CACHE_HOME").empty()) directory = variable("XDG_CACHE_HOME") + "/fastboot";
  if (directory.empty() && !variable("HOME").empty()) directory = variable("HOME") + "/.cache/fastboot";
  if (directory.empty() || build_id.empty()) return {};
  return directory + "/" + format::to_hex(build_id.data(), build_id.size()) + ".index";
}

// A file that somebody else could have written decides nothing.
bool trusted(const std::string& path) {
  struct stat status = {};
  return lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

// The cache is a convenience: a failure to write costs time, later.
void store(const std::vector<uint8_t>& build_id, const std::vector<uint8_t>& bytes) {
  const std::string path = cache_file(build_id);
  if (path.empty()) return;
  std::error_code ignored;
  fs::create_directories(fs::path(path).parent_path(), ignored);
  auto file = format::TemporaryFile::create(path);
  if (!file) return;
  if (file->write(format::FileOffset(0), bytes)) (void)file->commit();
}

// --- the program as a whole ----------------------------------------------------------------------

// "9.0.2" or "9.0", with anything behind it: 90002; 0 where it is no such text.
uint32_t parse_version(std::string_view text) {
  uint32_t part[3] = {};
  uint32_t count = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (count < 3) {
    const auto [next, trouble] = std::from_chars(at, end, part[count]);
    if (trouble != std::errc{}) break;
    ++count;
    if (next == end || *next != '.') break;
    at = next + 1;
  }
  return count < 2 ? 0 : part[0] * 10000 + part[1] * 100 + part[2];
}

// "GHC 9.0.2", which GHC leaves in .comment.
uint32_t find_ghc_version(const Symbols& symbols) {
  for (const SectionBytes& section : symbols.sections()) {
    if (section.name != ".comment") continue;
    const std::string_view text(reinterpret_cast<const char*>(section.bytes.data()), section.bytes.size());
    const size_t at = text.find("GHC ");
    if (at == std::string_view::npos) return 0;
    return parse_version(text.substr(at + 4));
  }
  return 0;
}

const Symbol* find_symbol(const Symbols& symbols, std::string_view name) {
  for (const Symbol& symbol : symbols.all()) {
    if (symbol.name == name) return &symbol;
  }
  return nullptr;
}

bool has_ghc_libraries(const Symbols& program) {
  return std::any_of(program.needed().begin(), program.needed().end(),
                     [](const std::string& name) { return name.starts_with("libHS"); });
}

// As the runtime finds it (facts.cc), from outside: what functions of the runtime system return, and which it has.
uint32_t find_rts_way(const ProgramFile& file) {
  const auto returns_true = [&](std::string_view function) {
    const Symbol* symbol = find_symbol(file.names(), function);
    const auto bytes = symbol == nullptr ? std::span<const uint8_t>() : file.bytes_at(symbol->address.value());
    return bytes.size() > 5 && bytes[0] == 0xb8 && bytes[1] != 0;  // mov $1, %eax
  };
  if (const auto way = file.libraries().rts_way()) return *way;
  const bool debug = find_symbol(file.names(), "checkClosure") != nullptr;
  uint32_t way = 0;
  if (returns_true("rtsSupportsBoundThreads")) way |= wire::kWayThreaded;
  if (debug) way |= wire::kWayDebug;
  if (!debug && find_symbol(file.names(), "initTracing") != nullptr) way |= wire::kWayEventlog;
  if (returns_true("rts_isProfiled")) way |= wire::kWayProfiled;
  if (returns_true("rts_isDynamic")) way |= wire::kWayDynamic;
  return way;
}

}  // namespace

// --- making --------------------------------------------------------------------------------------

class IndexMaker {
 public:
  // `wanted`: constructors; nullptr: all there is.
  IndexMaker(const ProgramFile& file, const UnitMap& units, const std::set<std::string>* wanted, ProgramIndex* out)
      : file_(file), units_(units), encoded_units_(zencoded(units)), wanted_(wanted), graph_(file, units), out_(*out) {
    out_.strings_ = std::string(1, '\0');
  }

  void run() {
    for (const Symbol& symbol : file_.names().all()) {
      if (!symbol.name.starts_with(".L")) symbols_.emplace(symbol.name, &symbol);
    }
    find_types();
    for (const uint64_t entry : file_.infos()) add_info(entry);
    if (wanted_ == nullptr) add_variables();
    add_named();
    add_field_types();
    graph_.finish();
    for (size_t i = 0; i < out_.items_.size(); ++i) fill_fingerprint(i);
    std::sort(out_.items_.begin(), out_.items_.end(),
              [](const Item& a, const Item& b) { return a.address < b.address; });
  }

 private:
  uint32_t text(std::string_view value) {
    if (value.empty()) return 0;
    const auto offset = static_cast<uint32_t>(out_.strings_.size());
    out_.strings_.append(value);
    out_.strings_ += '\0';
    return offset;
  }

  std::string_view symbol_at(uint64_t address) const {
    for (const Symbol& symbol : file_.names().at(ModuleAddress(address))) {
      if (!symbol.name.starts_with(".L")) return symbol.name;
    }
    return {};
  }

  // Names of the new program, as the old one has them.
  std::string mapped(std::string_view description) const { return mapped_description(units_, description); }

  void add_info(uint64_t entry) {
    const InfoTable table = file_.info(entry);
    if (wanted_ != nullptr && !(ghc::is_constructor(table.type) && wanted_->contains(mapped(table.description))))
      return;
    Item item = {};
    if (ghc::is_constructor(table.type)) {
      item.kind = ItemKind::constructor;
    } else if (ghc::is_function(table.type)) {
      item.kind = ItemKind::function;
    } else if (ghc::is_thunk(table.type) || table.type == ghc::kThunkSelector) {
      item.kind = ItemKind::thunk;
    } else {
      return;
    }
    item.address = entry;
    item.type = table.type;
    item.layout = table.layout;
    item.name = text(mapped_symbol(encoded_units_, symbol_at(entry)));
    uint32_t node = 0;
    if (item.kind == ItemKind::constructor) {
      item.con_tag = static_cast<uint32_t>(table.srt);
      item.description = text(mapped(table.description));
      node = add_constructor(table.description);
    } else {
      item.fun_type = table.fun_type;
      item.arity = table.arity;
      item.bitmap = table.bitmap;
      if (table.srt != 0) item.srt = entry + static_cast<uint64_t>(int64_t{table.srt});
      if (table.general()) item.slow = entry + static_cast<uint64_t>(int64_t{table.slow_offset});
      item.closure = file_.closure_of(entry);
      node = graph_.add_info(entry);
    }
    out_.items_.push_back(item);
    nodes_.push_back(node);
  }

  void add_variables() {
    for (const uint64_t entry : file_.infos()) {
      if (file_.info(entry).type != ghc::kThunkStatic) continue;
      const uint64_t closure = file_.closure_of(entry);
      if (closure == 0) continue;
      Item item = {};
      item.kind = ItemKind::variable;
      item.address = closure;
      item.type = ghc::kThunkStatic;
      item.name = text(mapped_symbol(encoded_units_, symbol_at(closure)));
      out_.items_.push_back(item);
      nodes_.push_back(graph_.add_closure(closure));
    }
  }

  // The RTS's and Fastboot's own: their names are their identity.
  void add_named() {
    for (const Symbol& symbol : file_.names().all()) {
      if (!symbol.name.starts_with("stg_") && !symbol.name.starts_with("fastboot_")) continue;
      const bool known = symbol.section == SectionKind::code && file_.is_info(symbol.address.value());
      const InfoTable table = known ? file_.info(symbol.address.value()) : InfoTable{};
      if (ghc::is_thunk(table.type) || ghc::is_function(table.type) || table.type == ghc::kThunkSelector) continue;
      Item item = {};
      item.kind = ItemKind::named;
      item.address = symbol.address.value();
      item.type = table.type;
      item.layout = table.layout;
      item.name = text(symbol.name);
      out_.items_.push_back(item);
      nodes_.push_back(0);
    }
  }

  // --- constructors: the types of their fields, and whether they are strict
  struct Constructor {
    bool typed = false;
    uint32_t kind = 0;  // node of the kind's representation
    uint32_t wrapper = 0;
    bool wrapped = false;
  };

  // Names tell little here: $tc'A1 may be a part of $tc'A.
  std::optional<uint64_t> kind_of(uint64_t type_constructor) const {
    if (constructor_of(type_constructor) != "ghc-prim:GHC.Types.TyCon") return std::nullopt;
    const auto kind = file_.word_at(type_constructor + 8 * kTyConKindRep);
    if (!kind || file_.section_at(*kind & ~uint64_t{7}) == nullptr) return std::nullopt;
    return *kind & ~uint64_t{7};
  }

  // Which promoted constructors make values of which type: a newtype or a type with one constructor may be part of a
  // field without a closure of its own, so a field's type is only the same if theirs is.
  void find_types() {
    for (const auto& [name, symbol] : symbols_) {
      const auto parsed = parse_ghc_symbol(name);
      if (!parsed || parsed->what != "closure" || !parsed->name.starts_with("zdtczq")) continue;
      const auto kind = kind_of(symbol->address.value());
      if (!kind) continue;
      if (const uint64_t type = result_type(*kind)) constructors_of_[type].push_back(*kind);
    }
  }

  std::string_view constructor_of(uint64_t closure) const {
    const auto table = file_.table_of_closure(closure);
    return table ? table->description : std::string_view();
  }

  // a -> b -> T c: T
  uint64_t result_type(uint64_t kind) const {
    for (int depth = 0; depth < 1000; ++depth) {
      const std::string_view what = constructor_of(kind);
      const auto next = [&](uint64_t field) { return file_.word_at(kind + 8 * field).value_or(0) & ~uint64_t{7}; };
      if (what == "ghc-prim:GHC.Types.KindRepTyConApp") return next(1);
      if (what != "ghc-prim:GHC.Types.KindRepFun") return 0;
      kind = next(2);
    }
    return 0;
  }

  uint32_t add_constructor(std::string_view description) {
    Constructor result;
    if (const auto name = parse_constructor(description)) {
      const auto type = symbols_.find(name->symbol("$tc'") + "_closure");
      if (type != symbols_.end()) {
        if (const auto kind = kind_of(type->second->address.value())) {
          result.typed = true;
          result.kind = graph_.add_closure(*kind);
        }
      }
      const auto wrapper = symbols_.find(name->symbol("$W") + "_info");
      if (wrapper != symbols_.end() && file_.is_info(wrapper->second->address.value())) {
        result.wrapped = true;
        result.wrapper = graph_.add_info(wrapper->second->address.value());
      }
    }
    constructors_.push_back(result);
    return static_cast<uint32_t>(constructors_.size() - 1);
  }

  // For each type with one constructor that a field may have, that one's kind.
  template <class Visit>
  void each_part(uint32_t kind, std::unordered_set<uint64_t>* seen, Visit visit) {
    for (const uint64_t type : graph_.type_constructors(kind)) {
      const auto found = constructors_of_.find(type);
      if (found == constructors_of_.end() || found->second.size() != 1 || !seen->insert(type).second) continue;
      visit(graph_.add_closure(found->second.front()));
    }
  }

  // All that hash_types() is going to ask for has to be in the graph before it is finished.
  void add_field_types() {
    std::vector<uint32_t> kinds;
    for (const Constructor& constructor : constructors_) {
      if (constructor.typed) kinds.push_back(constructor.kind);
    }
    std::unordered_set<uint64_t> seen;
    for (size_t i = 0; i < kinds.size(); ++i) {
      graph_.explore();
      each_part(kinds[i], &seen, [&](uint32_t kind) { kinds.push_back(kind); });
    }
  }

  bool hash_types(const Constructor& constructor, uint64_t* out) {
    std::vector<uint64_t> hashes;
    std::vector<uint32_t> kinds = {constructor.kind};
    std::unordered_set<uint64_t> seen;
    for (size_t i = 0; i < kinds.size(); ++i) {
      const Fingerprint print = graph_.fingerprint(kinds[i]);
      if (!print.certain) return false;
      hashes.push_back(print.code);
      each_part(kinds[i], &seen, [&](uint32_t kind) { kinds.push_back(kind); });
    }
    *out = XXH3_64bits(hashes.data(), hashes.size() * sizeof(uint64_t));
    return true;
  }

  void fill_fingerprint(size_t i) {
    Item& item = out_.items_[i];
    if (item.kind == ItemKind::named) return;
    uint64_t halves[2] = {};
    bool certain = true;
    if (item.kind == ItemKind::constructor) {
      const Constructor& constructor = constructors_[nodes_[i]];
      if (!constructor.typed || !hash_types(constructor, &halves[0])) item.flags |= kItemUntyped;
      if (constructor.wrapped) {
        const Fingerprint wrapper = graph_.fingerprint(constructor.wrapper);
        halves[1] = wrapper.code;
        certain = wrapper.certain;
      }
    } else {
      const Fingerprint print = graph_.fingerprint(nodes_[i]);
      halves[0] = print.code;
      halves[1] = print.strict;
      certain = print.certain;
      if (print.reaches_variable) item.flags |= kItemReachesVariable;
    }
    if (certain) item.flags |= kItemCertain;
    memcpy(item.fingerprint, halves, sizeof halves);
  }

  const ProgramFile& file_;
  const UnitMap& units_;
  const UnitMap encoded_units_;
  const std::set<std::string>* wanted_;
  CodeGraph graph_;
  ProgramIndex& out_;
  std::vector<uint32_t> nodes_;  // of items_: the graph's node; of constructors, index in constructors_
  std::vector<Constructor> constructors_;
  std::unordered_map<std::string_view, const Symbol*> symbols_;
  std::unordered_map<uint64_t, std::vector<uint64_t>> constructors_of_;
};

Result<ProgramIndex> ProgramIndex::read(const std::string& path, const UnitMap& units) {
  return read_all(path, units, nullptr);
}

Result<ProgramIndex> ProgramIndex::read_constructors(const std::string& path, const std::set<std::string>& descriptions,
                                                     const UnitMap& units) {
  return read_all(path, units, &descriptions);
}

Result<ProgramIndex> ProgramIndex::read_all(const std::string& path, const UnitMap& units,
                                            const std::set<std::string>* descriptions) {
  auto symbols = Symbols::read(path);
  if (!symbols) return tl::unexpected(symbols.error());
  if (symbols->build_id().empty()) {
    return fail(Code::no_build_id,
                "has no build-id, so that no snapshot can be bound to it; link it with -optl-Wl,--build-id", path);
  }
  // What a program linked with -dynamic is depends on the libraries that are there now.
  if (units.empty() && !has_ghc_libraries(*symbols)) {
    if (auto known = cached(symbols->build_id())) {
      known->path_ = path;
      return std::move(*known);
    }
  }
  ProgramIndex index;
  index.path_ = path;
  index.build_id_ = symbols->build_id();
  index.ghc_version_ = find_ghc_version(*symbols);
  if (index.ghc_version_ == 0) {
    return fail(Code::no_symbols, "not made by GHC (its section .comment names no GHC); expected a Haskell program",
                path);
  }
  const auto names = names_of(*symbols);
  if (!names) return tl::unexpected(names.error());
  const ProgramFile file(*symbols, *names);
  index.rts_way_ = find_rts_way(file);
  IndexMaker(file, units, descriptions, &index).run();
  index.build_maps();
  if (units.empty() && descriptions == nullptr) store(index.build_id_, index.save());
  return index;
}

// --- the cache -----------------------------------------------------------------------------------

std::vector<uint8_t> ProgramIndex::save() const {
  CacheHeader header = {};
  memcpy(header.magic, kMagic, sizeof kMagic);
  memcpy(header.build_id, build_id_.data(), std::min<size_t>(build_id_.size(), wire::kMaxBuildId));
  header.build_id_size = static_cast<uint32_t>(build_id_.size());
  header.ghc_version = ghc_version_;
  header.rts_way = rts_way_;
  header.item_count = items_.size();
  header.strings_size = strings_.size();
  std::vector<uint8_t> bytes(sizeof header + items_.size() * sizeof(Item) + strings_.size());
  memcpy(bytes.data(), &header, sizeof header);
  if (!items_.empty()) memcpy(bytes.data() + sizeof header, items_.data(), items_.size() * sizeof(Item));
  memcpy(bytes.data() + bytes.size() - strings_.size(), strings_.data(), strings_.size());
  wire::hash128(bytes.data() + kHashedFrom, bytes.size() - kHashedFrom, bytes.data() + offsetof(CacheHeader, hash));
  return bytes;
}

bool ProgramIndex::load(const std::vector<uint8_t>& bytes) {
  CacheHeader header;
  if (bytes.size() < sizeof header) return false;
  memcpy(&header, bytes.data(), sizeof header);
  uint8_t hash[wire::kHashSize];
  wire::hash128(bytes.data() + kHashedFrom, bytes.size() - kHashedFrom, hash);
  const uint64_t rest = bytes.size() - sizeof header;
  if (memcmp(header.magic, kMagic, sizeof kMagic) != 0 || memcmp(hash, header.hash, sizeof hash) != 0 ||
      header.build_id_size > wire::kMaxBuildId || header.item_count > rest / sizeof(Item) || header.strings_size == 0 ||
      rest - header.item_count * sizeof(Item) != header.strings_size || bytes.back() != 0) {
    return false;
  }
  build_id_.assign(header.build_id, header.build_id + header.build_id_size);
  ghc_version_ = header.ghc_version;
  rts_way_ = header.rts_way;
  items_.resize(header.item_count);
  if (!items_.empty()) memcpy(items_.data(), bytes.data() + sizeof header, items_.size() * sizeof(Item));
  strings_.assign(reinterpret_cast<const char*>(bytes.data()) + bytes.size() - header.strings_size,
                  header.strings_size);
  const auto inside = [&](const Item& item) {
    return item.name < strings_.size() && item.description < strings_.size();
  };
  return std::all_of(items_.begin(), items_.end(), inside);
}

std::optional<ProgramIndex> ProgramIndex::cached(const std::vector<uint8_t>& build_id) {
  const std::string path = cache_file(build_id);
  if (path.empty() || !trusted(path)) return std::nullopt;
  const auto file = format::File::open(path);
  if (!file) return std::nullopt;
  std::vector<uint8_t> bytes((*file)->size());
  if (!(*file)->read(format::FileOffset(0), bytes)) return std::nullopt;
  ProgramIndex index;
  if (!index.load(bytes) || index.build_id_ != build_id) return std::nullopt;
  index.build_maps();
  return index;
}

void ProgramIndex::build_maps() {
  for (uint32_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    if (item.description != 0) by_description_.emplace(description(item), i);
    if (item.name != 0) {
      by_name_.emplace(name(item), i);
      with_name_.push_back(i);
    }
    if ((item.flags & kItemCertain) == 0 || item.kind == ItemKind::constructor || item.kind == ItemKind::named)
      continue;
    by_code_.emplace(first_half(item.fingerprint), i);
    if (second_half(item.fingerprint) != 0) by_strict_.emplace(second_half(item.fingerprint), i);
  }
}

// --- looking up ----------------------------------------------------------------------------------

const Item* ProgramIndex::at(ModuleAddress address) const {
  const auto found = std::partition_point(items_.begin(), items_.end(),
                                          [&](const Item& item) { return item.address < address.value(); });
  return found != items_.end() && found->address == address.value() ? &*found : nullptr;
}

const Item* ProgramIndex::constructor(std::string_view description) const {
  const auto found = by_description_.find(description);
  return found == by_description_.end() ? nullptr : &items_[found->second];
}

const Item* ProgramIndex::named(std::string_view symbol) const {
  const auto found = by_name_.find(symbol);
  return found == by_name_.end() ? nullptr : &items_[found->second];
}

std::vector<const Item*> ProgramIndex::with_code(uint64_t code) const { return all_of(by_code_, code); }
std::vector<const Item*> ProgramIndex::with_strict(uint64_t strict) const { return all_of(by_strict_, strict); }

std::vector<const Item*> ProgramIndex::all_of(const std::unordered_multimap<uint64_t, uint32_t>& map,
                                              uint64_t key) const {
  std::vector<const Item*> result;
  const auto [begin, end] = map.equal_range(key);
  for (auto at = begin; at != end; ++at) result.push_back(&items_[at->second]);
  std::sort(result.begin(), result.end(), [](const Item* a, const Item* b) { return a->address < b->address; });
  return result;
}

std::string ProgramIndex::nearest(ModuleAddress address) const {
  const auto after = std::partition_point(with_name_.begin(), with_name_.end(),
                                          [&](uint32_t i) { return items_[i].address <= address.value(); });
  if (after == with_name_.begin()) return to_string(address);
  const Item& item = items_[*std::prev(after)];
  const uint64_t distance = address.value() - item.address;
  return distance == 0 ? std::string(name(item)) : fmt::format("{}+{:#x}", name(item), distance);
}

uint64_t first_half(const uint8_t fingerprint[wire::kHashSize]) {
  uint64_t value;
  memcpy(&value, fingerprint, sizeof value);
  return value;
}

uint64_t second_half(const uint8_t fingerprint[wire::kHashSize]) {
  uint64_t value;
  memcpy(&value, fingerprint + 8, sizeof value);
  return value;
}

std::string ghc_version_text(uint32_t version) {
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

std::string rts_way_text(uint32_t way) {
  std::string result;
  constexpr std::array<std::pair<uint32_t, std::string_view>, 5> kNames = {{{wire::kWayThreaded, "threaded"},
                                                                            {wire::kWayDebug, "debug"},
                                                                            {wire::kWayEventlog, "eventlog"},
                                                                            {wire::kWayProfiled, "profiled"},
                                                                            {wire::kWayDynamic, "dynamic"}}};
  for (const auto& [bit, name] : kNames) {
    if ((way & bit) == 0) continue;
    if (!result.empty()) result += ' ';
    result += name;
  }
  return result.empty() ? "vanilla" : result;
}

}  // namespace fastboot::reloc
