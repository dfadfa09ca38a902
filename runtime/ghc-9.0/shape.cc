#include "ghc-9.0/shape.h"

#include <string.h>

#include "ghc-9.0/rts.h"

namespace fastboot::ghc {

using runtime::Module;
using wire::TargetKind;
using wire::View;

namespace {

bool has_info_table(const Module& module, uint64_t address) {
  return address % 8 == 0 && module.is_code(address) && module.is_code(address - sizeof(StgFunInfoTable));
}

// The NUL counts, too.
bool is_text(const Module& module, const char* at, const char* wanted) {
  const auto address = reinterpret_cast<uint64_t>(at);
  const size_t size = strlen(wanted) + 1;
  return address >= module.begin && address < module.end && size <= module.end - address &&
         memcmp(at, wanted, size) == 0;
}

bool same_arguments(const View& view, const wire::Target& target, const StgFunInfoTable* function, const Module& module,
                    uint64_t address) {
  if (function->f.fun_type != target.fun_type || function->f.arity != target.arity) return false;
  if (function->f.fun_type == ARG_GEN) return function->f.b.bitmap == target.bitmap;
  if (function->f.fun_type != ARG_GEN_BIG) return true;
  if ((target.flags & wire::kTargetLargeBitmap) == 0) return false;
  const uint64_t* wanted = view.bitmaps + target.bitmap;
  const uint64_t place = address + static_cast<uint64_t>(static_cast<int64_t>(function->f.b.bitmap_offset));
  const uint64_t size = (1 + (wanted[0] + 63) / 64) * sizeof(uint64_t);
  return place >= module.begin && place < module.end && size <= module.end - place &&
         memcmp(reinterpret_cast<const void*>(place), wanted, size) == 0;
}

}  // namespace

bool matches(const View& view, uint64_t i, const Module& module, uint64_t address) {
  const wire::Target& target = view.targets[i];
  const auto kind = static_cast<TargetKind>(target.kind);
  const bool has_table = kind == TargetKind::constructor || kind == TargetKind::function || kind == TargetKind::thunk ||
                         kind == TargetKind::rts;
  if (!has_table) return true;
  if (!has_info_table(module, address)) return false;
  const auto* table = reinterpret_cast<const StgInfoTable*>(address) - 1;
  uint64_t layout;
  memcpy(&layout, &table->layout, sizeof layout);
  const bool same_layout = layout == target.layout;
  switch (kind) {
    case TargetKind::constructor: {
      const auto* constructor = reinterpret_cast<const StgConInfoTable*>(address) - 1;
      return table->type == target.closure_type && same_layout && static_cast<uint32_t>(table->srt) == target.con_tag &&
             is_text(module, reinterpret_cast<const char*>(address) + constructor->con_desc, view.string(target.name));
    }
    case TargetKind::function: {
      const auto* function = reinterpret_cast<const StgFunInfoTable*>(address) - 1;
      const bool is_static = (target.flags & wire::kTargetFunStatic) != 0;
      return same_arguments(view, target, function, module, address) &&
             (is_static ? table->type == FUN_STATIC : table->type == target.closure_type && same_layout);
    }
    case TargetKind::thunk:
      return table->type == target.closure_type && same_layout;
    default:  // rts
      return table->type == target.closure_type;
  }
}

bool is_static_closure(const Module& module, const runtime::Modules* others, uint64_t address) {
  if (address % 8 != 0 || address < module.begin || address + sizeof(StgHeader) > module.end || module.is_code(address))
    return false;
  const auto info = reinterpret_cast<uint64_t>(reinterpret_cast<const StgClosure*>(address)->header.info);
  const Module* of_info = module.contains(info) || others == nullptr ? &module : others->find(info);
  if (of_info == nullptr || !has_info_table(*of_info, info)) return false;
  const uint32_t type = (reinterpret_cast<const StgInfoTable*>(info) - 1)->type;
  return (type >= CONSTR && type <= CONSTR_NOCAF) || type == FUN_STATIC || type == THUNK_STATIC || type == IND_STATIC ||
         type == WHITEHOLE;  // another thread begins to evaluate it
}

uint64_t slow_entry_of(uint64_t function) {
  if (function == 0) return 0;
  const auto* table = reinterpret_cast<const StgFunInfoTable*>(function) - 1;
  return function + static_cast<uint64_t>(static_cast<int64_t>(table->f.slow_apply_offset));
}

}  // namespace fastboot::ghc
