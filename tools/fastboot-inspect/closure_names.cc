#include "fastboot-inspect/closure_names.h"

#include "common/output.h"
#include "fastboot-inspect/names.h"
#include "reloc/zdecode.h"

namespace fastboot::inspect {
namespace {

bool starts_module(std::string_view text) { return !text.empty() && text[0] >= 'A' && text[0] <= 'Z'; }

// "Data.Map.Internal.Bin" apart: the module is all parts with a capital that a dot and something follow.
void split_name(std::string_view text, ClosureName* out) {
  size_t begin = 0;
  while (starts_module(text.substr(begin))) {
    const size_t dot = text.find('.', begin);
    if (dot == std::string_view::npos || dot + 1 == text.size()) break;
    begin = dot + 1;
  }
  out->module = begin == 0 ? std::string() : std::string(text.substr(0, begin - 1));
  out->name = std::string(text.substr(begin));
}

// "stg_SMALL_MUT_ARR_PTRS_FROZEN_CLEAN_info" is a SMALL_MUT_ARR_PTRS_FROZEN_CLEAN.
std::string rts_name(std::string_view symbol) {
  if (symbol.starts_with("stg_")) symbol.remove_prefix(4);
  if (symbol.ends_with("_info")) symbol.remove_suffix(5);
  return std::string(symbol);
}

}  // namespace

ClosureName closure_name(const format::Reader& reader, uint64_t target) {
  ClosureName name;
  const std::string text = tools::printable(checked(reader.target_name(target)));
  const bool constructor = reader.view().targets[target].kind == static_cast<uint16_t>(wire::TargetKind::constructor);
  name.full = constructor ? text : reloc::decode_symbol(text);
  if (text.starts_with("stg_") || text.starts_with("fastboot_")) {
    name.package = "rts";
    name.name = rts_name(text);
    return name;
  }
  const size_t colon = name.full.find(':');
  if (colon == std::string::npos || colon == 0) {
    name.package = "(private code)";
    name.name = name.full;
    return name;
  }
  name.package = name.full.substr(0, colon);
  split_name(std::string_view(name.full).substr(colon + 1), &name);
  return name;
}

std::vector<ClosureName> closure_names(const format::Reader& reader) {
  std::vector<ClosureName> names;
  for (uint64_t i = 0; i < reader.view().target_count; ++i) names.push_back(closure_name(reader, i));
  return names;
}

bool is_meant(const ClosureName& name, const std::string& word) {
  return word == name.full || word == name.qualified() || word == name.name;
}

}  // namespace fastboot::inspect
