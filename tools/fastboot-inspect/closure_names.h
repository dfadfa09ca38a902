// How people name what closures are: constructors, code, the RTS's own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/reader.h"

namespace fastboot::inspect {

struct ClosureName {
  std::string full;     // "containers-0.6.4.1:Data.Map.Internal.Bin", "base:GHC.Base.map", "stg_ARR_WORDS_info"
  std::string package;  // "containers-0.6.4.1"; "rts" for the RTS's own; "(private code)" where no name is known
  std::string module;   // "Data.Map.Internal"; empty: none
  std::string name;     // "Bin", "map", "ARR_WORDS"
  std::string qualified() const { return module.empty() ? name : module + "." + name; }
};

// Of target `target`. Code has its symbol's decoded name, without "_info".
ClosureName closure_name(const format::Reader& reader, uint64_t target);

// Of all targets, in their order.
std::vector<ClosureName> closure_names(const format::Reader& reader);

// Does a person mean it by this word? The full name, the name with its module, or the bare name.
bool is_meant(const ClosureName& name, const std::string& word);

}  // namespace fastboot::inspect
