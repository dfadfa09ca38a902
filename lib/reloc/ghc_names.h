// What GHC's symbols say: "containerszm0zi6zi4zi1_DataziMapziInternal_Bin_con_info" is the unit
// containers-0.6.4.1, the module Data.Map.Internal, the name Bin and what of it is meant (con_info). All parts stay
// Z-encoded.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace fastboot::reloc {

struct GhcName {
  std::string_view unit;  // "main" where the symbol names none
  std::string_view module;
  std::string_view name;
  std::string_view what;  // "con_info", "info", "closure", "bytes", "slow", "srt"
};

// Nothing: not a symbol of that form (the RTS's, C's, the assembler's).
std::optional<GhcName> parse_ghc_symbol(std::string_view symbol);

// Is the unit one that is built along with the program, so that its code may change while its name stays?
bool is_own_unit(std::string_view unit);

// May the same name stand for other code after an edit, since GHC made it up or may have numbered it? (lvl3, $wgo, go)
// Exported names that end in a digit are counted in: that costs nothing but a longer fingerprint.
bool is_made_up(std::string_view name);

// "unit:Module.Con", as constructors describe themselves, to the start of their symbols: "unit_Module_" (Z-encoded),
// and the constructor's name. Nothing: not of that form.
struct ConstructorName {
  std::string unit, module, name;  // as written
  // "containerszm0zi6zi4zi1_DataziMapziInternal_zdWBin" for prefix "$W"
  std::string symbol(std::string_view prefix) const;
};
std::optional<ConstructorName> parse_constructor(std::string_view description);

std::string zencode(std::string_view text);

// Units of the new program that are to be taken for units of the old one, as users write them: NEW to OLD.
using UnitMap = std::map<std::string, std::string, std::less<>>;
// The same, Z-encoded, as units are in symbols.
UnitMap zencoded(const UnitMap& units);
// What the old program calls it: a unit, a constructor's description, a symbol (of a Z-encoded map).
std::string_view mapped_unit(const UnitMap& units, std::string_view unit);
std::string mapped_description(const UnitMap& units, std::string_view description);
std::string mapped_symbol(const UnitMap& encoded, std::string_view symbol);

}  // namespace fastboot::reloc
