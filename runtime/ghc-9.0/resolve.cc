#include "ghc-9.0/resolve.h"

#include <string.h>

#include "ghc-9.0/binding.h"
#include "ghc-9.0/shape.h"
#include "ghc-9.0/symbols.h"

namespace fastboot::ghc {

using wire::Code;
using wire::Error;
using wire::fail;
using wire::TargetKind;
using wire::View;

namespace {

const char* symbol_of(const View& view, uint64_t i) {
  return view.string(view.symbols[view.targets[i].symbol].st_name);
}

// Is it a unit that is built along with the program, so that its types may change while their names stay? The same rule
// as fastboot-migrate's (reloc/ghc_names.h), for a constructor's description.
bool is_own(const char* description) {
  const char* colon = strchr(description, ':');
  const char* inplace = strstr(description, "-inplace");
  return strncmp(description, "main:", 5) == 0 || (inplace != nullptr && colon != nullptr && inplace < colon);
}

// What has to be allowed for name and info table to tell everything about target `i`. False: they never do.
bool least_builds(const View& view, uint64_t i, Builds* out) {
  const wire::Target& target = view.targets[i];
  const auto kind = static_cast<TargetKind>(target.kind);
  *out = kind == TargetKind::constructor && is_own(view.string(target.name)) ? Builds::any : Builds::same_types;
  return kind == TargetKind::constructor || kind == TargetKind::rts;
}

}  // namespace

bool resolve_by_name(const View& view, const runtime::Module& executable, Builds allowed, wire::Buffer* memory,
                     wire::Binding* out, Builds* needed, Error* error) {
  const uint64_t count = view.target_count;
  *needed = Builds::same_types;
  for (uint64_t i = 0; i < count; ++i) {
    Builds least = Builds::same_types;
    if (!least_builds(view, i, &least)) {
      return fail(
          error, Code::target_mismatch,
          "it holds functions or unevaluated parts, and which code is the same is for fastboot-migrate to tell");
    }
    if (least > allowed) {
      return fail(error, Code::target_mismatch,
                  "whether %.200s has the same fields in both is for fastboot-migrate to tell",
                  view.string(view.targets[i].name));
    }
    if (least > *needed) *needed = least;
  }
  wire::Buffer wanted;
  wanted.grow(count * sizeof(WantedSymbol));
  memory->grow(sizeof(wire::BindingHeader) + sizeof(wire::BindingModule) + count * sizeof(wire::BindingEntry) + 1);
  if (wanted.failed() || memory->failed()) return fail(error, Code::out_of_memory, "no memory for its targets' names");
  auto* symbols = wanted.at<WantedSymbol>(0);
  for (uint64_t i = 0; i < count; ++i) symbols[i].name = symbol_of(view, i);
  if (!find_symbols(executable.path, symbols, count))
    return fail(error, Code::no_symbols, "this program has no symbols to find its targets by (strip took them)");

  auto* header = memory->at<wire::BindingHeader>(0);
  header->module_count = 1;
  header->entry_count = static_cast<uint32_t>(count);
  header->strings_size = 1;
  auto* module = reinterpret_cast<wire::BindingModule*>(header + 1);
  memcpy(module->build_id, executable.build_id, executable.build_id_size);
  module->build_id_size = executable.build_id_size;
  auto* entries = reinterpret_cast<wire::BindingEntry*>(module + 1);
  for (uint64_t i = 0; i < count; ++i) {
    if (symbols[i].value == 0) return fail(error, Code::target_mismatch, "this program has no %.200s", symbols[i].name);
    const uint64_t address = executable.bias + symbols[i].value;
    if (!executable.is_code(address) || address % 8 != 0 || !matches(view, i, executable, address))
      return fail(error, Code::target_mismatch, "%.200s has another shape in this program", symbols[i].name);
    entries[i].offset = symbols[i].value;
  }
  *out = {header, module, entries, reinterpret_cast<const char*>(entries + count)};
  return true;
}

}  // namespace fastboot::ghc
