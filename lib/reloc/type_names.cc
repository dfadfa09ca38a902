#include "reloc/type_names.h"

#include <llvm/ADT/ArrayRef.h>
#include <llvm/Support/MD5.h>

#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "reloc/debug_file.h"
#include "reloc/shared_libraries.h"
#include "reloc/zdecode.h"

namespace fastboot::reloc {

using format::fail;
using wire::Code;

namespace {

constexpr size_t kMostGuesses = 100000;
constexpr int kMostNested = 200;

// --- GHC's fingerprints --------------------------------------------------------------------------

using Fingerprint = std::array<uint64_t, 2>;

void put_big_endian(uint64_t value, size_t size, std::vector<uint8_t>* out) {
  for (size_t i = size; i-- > 0;) out->push_back(static_cast<uint8_t>(value >> (8 * i)));
}

Fingerprint md5(const std::vector<uint8_t>& bytes) {
  llvm::MD5 hash;
  hash.update(llvm::ArrayRef<uint8_t>(bytes));
  llvm::MD5::MD5Result result;
  hash.final(result);
  Fingerprint out = {};
  for (size_t i = 0; i < 16; ++i) out[i / 8] = out[i / 8] << 8 | result.Bytes[i];
  return out;
}

// As GHC.Fingerprint makes them: of a text, four bytes for each character; of others.
Fingerprint of_text(std::string_view ascii) {
  std::vector<uint8_t> bytes;
  for (const char c : ascii) put_big_endian(static_cast<uint8_t>(c), 4, &bytes);
  return md5(bytes);
}

Fingerprint of_all(const std::vector<Fingerprint>& parts) {
  std::vector<uint8_t> bytes;
  for (const Fingerprint& part : parts) {
    for (const uint64_t half : part) put_big_endian(half, 8, &bytes);
  }
  return md5(bytes);
}

// --- types as Haskell shows them -----------------------------------------------------------------

struct Type {
  std::string name;         // a type constructor, if there are no parts
  std::vector<Type> parts;  // function and argument; or 'Many, argument and result
};

Type apply(Type function, Type argument) {
  Type result;
  result.parts.push_back(std::move(function));
  result.parts.push_back(std::move(argument));
  return result;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  std::optional<Type> run() {
    Type type = whole(0);
    return wrong_ || !rest_.empty() ? std::nullopt : std::optional(std::move(type));
  }

 private:
  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  // NOLINTNEXTLINE(misc-no-recursion): `depth` is bounded
  Type whole(int depth) {
    wrong_ |= depth > kMostNested;
    if (wrong_) return {};
    Type type = one(depth);
    while (!wrong_ && rest_.size() > 1 && rest_[0] == ' ' && rest_[1] != '-') {
      rest_.remove_prefix(1);
      type = apply(std::move(type), one(depth));
    }
    if (!take(" -> ")) return type;
    Type result;
    result.parts = {{"'Many", {}}, std::move(type), whole(depth + 1)};
    return result;
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  Type one(int depth) {
    if (take("[]")) return {"[]", {}};
    if (take("[")) {
      Type element = whole(depth + 1);
      wrong_ |= !take("]");
      return apply({"[]", {}}, std::move(element));
    }
    if (take("()")) return {"()", {}};
    if (take("(")) return in_parentheses(depth);
    const size_t end = std::min(rest_.find_first_of(" ,()[]"), rest_.size());
    wrong_ |= end == 0;
    Type type = {std::string(rest_.substr(0, end)), {}};
    rest_.remove_prefix(end);
    return type;
  }

  // (a -> b), (a,b), (,) and (:+:), behind the first parenthesis.
  // NOLINTNEXTLINE(misc-no-recursion)
  Type in_parentheses(int depth) {
    const size_t close = rest_.find(')');
    const std::string_view within = rest_.substr(0, std::min(close, rest_.size()));
    if (within.find_first_not_of("!#$%&*+./<=>?@\\^|-~:,") == std::string_view::npos && close != within.npos) {
      const bool tuple = within.find_first_not_of(',') == std::string_view::npos;
      Type type = {tuple ? "(" + std::string(within) + ")" : std::string(within), {}};
      rest_.remove_prefix(close + 1);
      return type;
    }
    std::vector<Type> parts;
    do {
      parts.push_back(whole(depth + 1));
    } while (!wrong_ && take(","));
    wrong_ |= !take(")");
    if (parts.size() == 1) return std::move(parts.front());
    Type tuple = {"(" + std::string(parts.size() - 1, ',') + ")", {}};
    for (Type& part : parts) tuple = apply(std::move(tuple), std::move(part));
    return tuple;
  }

  std::string_view rest_;
  bool wrong_ = false;
};

// NOLINTNEXTLINE(misc-no-recursion): as nested as the parser allowed
void collect_names(const Type& type, std::set<std::string>* out) {
  if (type.parts.empty()) out->insert(type.name);
  for (const Type& part : type.parts) collect_names(part, out);
}

// --- what the new program has by such a name -----------------------------------------------------

struct Candidate {
  Fingerprint old = {}, now = {};
};
using Chosen = std::map<std::string, Candidate>;

// NOLINTNEXTLINE(misc-no-recursion)
Fingerprint fingerprint_of(const Type& type, const Chosen& chosen, Fingerprint Candidate::*which) {
  if (type.parts.empty()) return of_all({chosen.at(type.name).*which});
  std::vector<Fingerprint> parts;
  for (const Type& part : type.parts) parts.push_back(fingerprint_of(part, chosen, which));
  return of_all(parts);
}

class Types {
 public:
  Types(const Symbols& program, const Symbols& names, const UnitMap& units) : units_(units) {
    add(names);
    const SharedLibraries libraries(program);
    for (const Symbols& library : libraries.all()) add(library);
  }

  // The fingerprint in the new program of what was shown so and had that fingerprint in the old one. Nothing: it cannot
  // be told.
  std::optional<Fingerprint> renamed(const Type& type, const Fingerprint& old) const {
    std::set<std::string> names;
    collect_names(type, &names);
    Candidates candidates;
    std::set<std::string> elsewhere;  // what could be the name of a type of another module, too
    for (const std::string& name : names) {
      const auto places = by_name_.find(zencode("$tc" + name).substr(4));  // ZLz2cUZR, not Z2T
      if (places != by_name_.end()) {
        candidates[name] = candidates_in(places->second, name);
        elsewhere.insert(name);
      } else {
        candidates[name] = candidates_in(modules_, name);
      }
    }
    auto found = guess(type, old, candidates);
    for (auto name = elsewhere.begin(); !found && name != elsewhere.end(); ++name) {
      Candidates more = candidates;
      more[*name] = candidates_in(modules_, *name);
      found = guess(type, old, more);
    }
    return found;
  }

 private:
  using Place = std::pair<std::string, std::string>;  // unit and module
  using Candidates = std::map<std::string, std::vector<Candidate>>;

  // GHC may have put the description of a type ($tcT) into the code that uses it, but the texts in it ($tcT1, $tcT2)
  // stay; unless it found the same text under another name in the module.
  void add(const Symbols& names) {
    std::pair<std::string_view, std::string_view> last;
    for (const Symbol& symbol : names.all()) {
      const auto name = parse_ghc_symbol(symbol.name);
      if (!name) continue;
      if (std::pair(name->unit, name->module) != last) {
        last = {name->unit, name->module};
        modules_.insert({zdecode(name->unit), zdecode(name->module)});
      }
      if (!name->name.starts_with("zdtc")) continue;
      const std::string_view type = name->name.substr(4);
      size_t end = type.size();
      while (true) {
        if (end > 0) by_name_[std::string(type.substr(0, end))].insert({zdecode(name->unit), zdecode(name->module)});
        if (end == 0 || type[end - 1] < '0' || type[end - 1] > '9') break;
        --end;
      }
    }
  }

  std::vector<Candidate> candidates_in(const std::set<Place>& places, const std::string& name) const {
    std::vector<Candidate> result;
    const Fingerprint type = of_text(name);
    for (const auto& [unit, module] : places) {
      const Fingerprint in_module = of_text(module);
      result.push_back(
          {of_all({of_text(mapped_unit(units_, unit)), in_module, type}), of_all({of_text(unit), in_module, type})});
    }
    return result;
  }

  static std::optional<Fingerprint> guess(const Type& type, const Fingerprint& old, const Candidates& candidates) {
    size_t guesses = 1;
    for (const auto& [name, all] : candidates) guesses = std::min(guesses * all.size(), kMostGuesses);
    for (size_t number = 0; number < guesses; ++number) {
      Chosen chosen;
      size_t rest = number;
      for (const auto& [name, all] : candidates) {
        chosen[name] = all[rest % all.size()];
        rest /= all.size();
      }
      if (fingerprint_of(type, chosen, &Candidate::old) == old) return fingerprint_of(type, chosen, &Candidate::now);
    }
    return std::nullopt;
  }

  const UnitMap& units_;
  std::map<std::string, std::set<Place>> by_name_;  // Z-encoded
  std::set<Place> modules_;
};

}  // namespace

Result<uint64_t> rename_types(format::Model* model, const Symbols& program, const UnitMap& units) {
  const auto names = names_of(program);
  if (!names) return tl::unexpected(names.error());
  const Types types(program, *names, units);
  uint64_t changed = 0;
  for (format::ModelRoot& root : model->roots) {
    Fingerprint old = {root.type_fingerprint[0], root.type_fingerprint[1]};
    const auto type = Parser(root.type_name).run();
    const auto now = type ? types.renamed(*type, old) : std::nullopt;
    if (!now) {
      return fail(Code::wrong_type,
                  fmt::format("what type its root \"{}\" ({}) is by the new names of units cannot be told from {}; "
                              "freeze it again",
                              root.name, root.type_name, program.path()));
    }
    if (*now == old) continue;
    root.type_fingerprint[0] = (*now)[0];
    root.type_fingerprint[1] = (*now)[1];
    ++changed;
  }
  return changed;
}

}  // namespace fastboot::reloc
