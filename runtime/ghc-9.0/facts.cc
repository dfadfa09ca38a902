#include "ghc-9.0/facts.h"

#include <string.h>

#include "format/wire/placement_of_code.h"
#include "ghc-9.0/heap_range.h"
#include "ghc-9.0/rts.h"

namespace fastboot::ghc {

FASTBOOT_EVERY_THAW uint32_t ghc_version() { return __GLASGOW_HASKELL__ * 100 + __GLASGOW_HASKELL_PATCHLEVEL1__; }

FASTBOOT_EVERY_THAW uint32_t rts_way() {
  uint32_t way = 0;
  if (rtsSupportsBoundThreads() != HS_BOOL_FALSE) way |= wire::kWayThreaded;
  const bool debug = &checkClosure != nullptr || &findPtr != nullptr;
  const bool traces = &initTracing != nullptr || &eventBuf != nullptr;
  if (debug) way |= wire::kWayDebug;
  if (traces && !debug) way |= wire::kWayEventlog;  // the debug RTS traces, too
  if (rts_isProfiled() != 0) way |= wire::kWayProfiled;
  if (rts_isDynamic() != 0) way |= wire::kWayDynamic;
  return way;
}

FASTBOOT_EVERY_THAW wire::HeapLayout heap_layout() {
  wire::HeapLayout layout = {};
  layout.word_size = sizeof(W_);
  layout.tag_bits = TAG_BITS;
  layout.block_shift = BLOCK_SHIFT;
  layout.megablock_shift = MBLOCK_SHIFT;
  layout.descriptor_size = sizeof(bdescr);
  layout.first_block = FIRST_BLOCK_OFF / BLOCK_SIZE;
  layout.closure_header = sizeof(StgHeader);
  layout.thunk_header = sizeof(StgThunkHeader);
  return layout;
}

void describe_way(uint32_t way, char* out, uint64_t size) {
  constexpr struct {
    uint32_t bit;
    const char* name;
  } kNames[] = {{wire::kWayThreaded, "threaded"},
                {wire::kWayDebug, "debug"},
                {wire::kWayEventlog, "eventlog"},
                {wire::kWayProfiled, "profiled"},
                {wire::kWayDynamic, "dynamic"}};
  out[0] = '\0';
  for (const auto& entry : kNames) {
    if ((way & entry.bit) == 0) continue;
    if (out[0] != '\0') strncat(out, " ", size - strlen(out) - 1);
    strncat(out, entry.name, size - strlen(out) - 1);
  }
  if (out[0] == '\0') strncat(out, "vanilla", size - 1);
}

FASTBOOT_EVERY_THAW bool check_supported(wire::Error* error) {
  if (rts_isProfiled() != 0) {
    return fail(error, wire::Code::unsupported_way,
                "this program is built for profiling, whose closures have larger headers; build it without -prof");
  }
  return knows_heap_range() || find_heap_range(error);
}

const char* closure_type_name(uint32_t type) {
  // In the order of rts/storage/ClosureTypes.h; the assertions hold a few of the places.
  constexpr const char* kNames[] = {"INVALID_OBJECT",
                                    "CONSTR",
                                    "CONSTR_1_0",
                                    "CONSTR_0_1",
                                    "CONSTR_2_0",
                                    "CONSTR_1_1",
                                    "CONSTR_0_2",
                                    "CONSTR_NOCAF",
                                    "FUN",
                                    "FUN_1_0",
                                    "FUN_0_1",
                                    "FUN_2_0",
                                    "FUN_1_1",
                                    "FUN_0_2",
                                    "FUN_STATIC",
                                    "THUNK",
                                    "THUNK_1_0",
                                    "THUNK_0_1",
                                    "THUNK_2_0",
                                    "THUNK_1_1",
                                    "THUNK_0_2",
                                    "THUNK_STATIC",
                                    "THUNK_SELECTOR",
                                    "BCO",
                                    "AP",
                                    "PAP",
                                    "AP_STACK",
                                    "IND",
                                    "IND_STATIC",
                                    "RET_BCO",
                                    "RET_SMALL",
                                    "RET_BIG",
                                    "RET_FUN",
                                    "UPDATE_FRAME",
                                    "CATCH_FRAME",
                                    "UNDERFLOW_FRAME",
                                    "STOP_FRAME",
                                    "BLOCKING_QUEUE",
                                    "BLACKHOLE",
                                    "MVAR_CLEAN",
                                    "MVAR_DIRTY",
                                    "TVAR",
                                    "ARR_WORDS",
                                    "MUT_ARR_PTRS_CLEAN",
                                    "MUT_ARR_PTRS_DIRTY",
                                    "MUT_ARR_PTRS_FROZEN_DIRTY",
                                    "MUT_ARR_PTRS_FROZEN_CLEAN",
                                    "MUT_VAR_CLEAN",
                                    "MUT_VAR_DIRTY",
                                    "WEAK",
                                    "PRIM",
                                    "MUT_PRIM",
                                    "TSO",
                                    "STACK",
                                    "TREC_CHUNK",
                                    "ATOMICALLY_FRAME",
                                    "CATCH_RETRY_FRAME",
                                    "CATCH_STM_FRAME",
                                    "WHITEHOLE",
                                    "SMALL_MUT_ARR_PTRS_CLEAN",
                                    "SMALL_MUT_ARR_PTRS_DIRTY",
                                    "SMALL_MUT_ARR_PTRS_FROZEN_DIRTY",
                                    "SMALL_MUT_ARR_PTRS_FROZEN_CLEAN",
                                    "COMPACT_NFDATA"};
  static_assert(sizeof kNames / sizeof kNames[0] == N_CLOSURE_TYPES);
  static_assert(FUN_STATIC == 14 && THUNK_STATIC == 21 && IND == 27 && BLACKHOLE == 38 && ARR_WORDS == 42 &&
                WEAK == 49 && TSO == 52 && COMPACT_NFDATA == 63);
  return type < N_CLOSURE_TYPES ? kNames[type] : "?";
}

}  // namespace fastboot::ghc
