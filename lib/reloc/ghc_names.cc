#include "reloc/ghc_names.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

namespace fastboot::reloc {

namespace {

constexpr std::array<std::string_view, 6> kWhat = {"_con_info", "_info", "_closure", "_bytes", "_slow", "_srt"};

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return is_upper(c) || (c >= 'a' && c <= 'z'); }

// Characters that are not letters or digits (GHC.Utils.Encoding).
std::string_view z_code(char c) {
  constexpr std::array<std::pair<char, std::string_view>, 25> kCodes = {{
      {'(', "ZL"}, {')', "ZR"}, {'[', "ZM"}, {']', "ZN"}, {':', "ZC"}, {'Z', "ZZ"},  {'z', "zz"},
      {'&', "za"}, {'|', "zb"}, {'^', "zc"}, {'$', "zd"}, {'=', "ze"}, {'>', "zg"},  {'#', "zh"},
      {'.', "zi"}, {'<', "zl"}, {'-', "zm"}, {'!', "zn"}, {'+', "zp"}, {'\'', "zq"}, {'\\', "zr"},
      {'/', "zs"}, {'*', "zt"}, {'_', "zu"}, {'%', "zv"},
  }};
  for (const auto& [character, code] : kCodes) {
    if (character == c) return code;
  }
  return {};
}

// "(,,)" is Z3T, "()" is Z0T, "(# , #)" is Z2H.
std::optional<std::string> tuple(std::string_view text) {
  if (text.size() < 2 || text.front() != '(' || text.back() != ')') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  if (text.find_first_not_of(',') != std::string_view::npos) return std::nullopt;
  return fmt::format("Z{}T", text.empty() ? 0 : text.size() + 1);
}

}  // namespace

std::string zencode(std::string_view text) {
  if (auto known = tuple(text)) return *known;
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::string_view code = z_code(c);
    if (!code.empty()) {
      out += code;
      ++i;
    } else if (is_letter(c) || (is_digit(c) && i != 0)) {
      out += c;
      ++i;
    } else {
      // One character of UTF-8: what is not ASCII, and of that ? @ ~ and the comma.
      auto value = static_cast<unsigned>(static_cast<unsigned char>(text[i++]));
      const int more = value >= 0xf0 ? 3 : value >= 0xe0 ? 2 : value >= 0xc0 ? 1 : 0;
      if (more != 0) value &= 0x3fU >> static_cast<unsigned>(more);
      for (int k = 0; k < more && i < text.size(); ++k) {
        value = value << 6 | (static_cast<unsigned>(static_cast<unsigned char>(text[i++])) & 0x3f);
      }
      const std::string digits = fmt::format("{:x}", value);
      out += fmt::format("z{}{}U", is_digit(digits[0]) ? "" : "0", digits);
    }
  }
  return out;
}

std::optional<GhcName> parse_ghc_symbol(std::string_view symbol) {
  GhcName result;
  for (const std::string_view what : kWhat) {
    if (!symbol.ends_with(what)) continue;
    result.what = what.substr(1);
    symbol.remove_suffix(what.size());
    break;
  }
  if (result.what.empty()) return std::nullopt;
  const size_t first = symbol.find('_');
  if (first == std::string_view::npos || first == 0) return std::nullopt;
  const size_t second = symbol.find('_', first + 1);
  if (second == std::string_view::npos) {
    result.unit = "main";
    result.module = symbol.substr(0, first);
    result.name = symbol.substr(first + 1);
  } else {
    if (symbol.find('_', second + 1) != std::string_view::npos) return std::nullopt;
    result.unit = symbol.substr(0, first);
    result.module = symbol.substr(first + 1, second - first - 1);
    result.name = symbol.substr(second + 1);
  }
  if (result.module.empty() || !is_upper(result.module[0]) || result.name.empty()) return std::nullopt;
  return result;
}

bool is_own_unit(std::string_view unit) { return unit == "main" || unit.find("zminplace") != std::string_view::npos; }

bool is_made_up(std::string_view name) {
  if (is_digit(name.back())) return true;
  // Of names with a $, those that follow from a declaration stay: $fShowFoo, $tcFoo, $tc'Foo, $trModule, $WFoo, $dmfoo.
  if (name.starts_with("zd")) {
    constexpr std::array<std::string_view, 5> kDeclared = {"zdf", "zdtc", "zdtrModule", "zdW", "zddm"};
    const bool declared =
        std::any_of(kDeclared.begin(), kDeclared.end(), [&](std::string_view p) { return name.starts_with(p); });
    // The worker of a function that has a name: who calls it has the wrapper inlined.
    if (!declared && name.starts_with("zdw") && name.size() > 3) return is_made_up(name.substr(3));
    return !declared;
  }
  // Names that the simplifier and everybody's local definitions have.
  constexpr std::array<std::string_view, 14> kCommon = {"go",   "loop", "lvl", "sat",  "eta", "ds",   "x",
                                                        "step", "poly", "ww",  "fail", "f",   "work", "aux"};
  if (std::find(kCommon.begin(), kCommon.end(), name) != kCommon.end()) return true;
  return name.starts_with("polyzu") || name.starts_with("lvl");
}

std::string ConstructorName::symbol(std::string_view prefix) const {
  const std::string encoded = prefix.empty() ? zencode(name) : zencode(prefix) + zencode(name);
  const std::string start = unit == "main" ? "" : zencode(unit) + "_";
  return start + zencode(module) + "_" + encoded;
}

std::optional<ConstructorName> parse_constructor(std::string_view description) {
  const size_t colon = description.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  // Components of the module are words with a capital, each with a dot behind it; the constructor is what follows.
  size_t at = colon + 1;
  size_t end = 0;
  while (at < description.size() && is_upper(description[at])) {
    size_t word = at;
    while (word < description.size() && (isalnum(static_cast<unsigned char>(description[word])) != 0 ||
                                         description[word] == '_' || description[word] == '\'')) {
      ++word;
    }
    if (word >= description.size() || description[word] != '.' || word + 1 == description.size()) break;
    end = word;
    at = word + 1;
  }
  if (end == 0) return std::nullopt;
  return ConstructorName{std::string(description.substr(0, colon)),
                         std::string(description.substr(colon + 1, end - colon - 1)),
                         std::string(description.substr(end + 1))};
}

UnitMap zencoded(const UnitMap& units) {
  UnitMap result;
  for (const auto& [now, old] : units) result.emplace(zencode(now), zencode(old));
  return result;
}

std::string_view mapped_unit(const UnitMap& units, std::string_view unit) {
  const auto found = units.find(unit);
  return found == units.end() ? unit : std::string_view(found->second);
}

std::string mapped_description(const UnitMap& units, std::string_view description) {
  const size_t colon = std::min(description.find(':'), description.size());
  return std::string(mapped_unit(units, description.substr(0, colon))) + std::string(description.substr(colon));
}

std::string mapped_symbol(const UnitMap& encoded, std::string_view symbol) {
  const auto name = encoded.empty() ? std::nullopt : parse_ghc_symbol(symbol);
  if (!name) return std::string(symbol);
  const std::string_view unit = mapped_unit(encoded, name->unit);
  return fmt::format("{}{}{}_{}_{}", unit == "main" ? "" : unit, unit == "main" ? "" : "_", name->module, name->name,
                     name->what);
}

}  // namespace fastboot::reloc
