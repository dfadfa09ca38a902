// GHC 9.0's runtime system as this folder sees it: its installed headers, the few symbols that they leave out, and
// every fact of the layout that the image depends on, derived from the headers and asserted.
#pragma once
#pragma GCC system_header

extern "C" {
#include <DerivedConstants.h>
#include <Rts.h>
#include <ghcversion.h>

// rts/sm/HeapAlloc.h (not installed). Hidden in the RTS's objects, so it resolves in static links only; elsewhere it is
// null, and heap_range.h finds the range.
struct mblock_address_range {
  W_ begin, end;
  W_ padding[6];
};
extern struct mblock_address_range mblock_address_space __attribute__((weak));

// Defined in one RTS way each; their presence tells the way.
extern StgWord checkClosure(const StgClosure*) __attribute__((weak));
extern void initTracing(void) __attribute__((weak));
// The same where the RTS is a shared library, which hides those.
extern void findPtr(P_, int) __attribute__((weak));
extern StgWord8 eventBuf __attribute__((weak));

// GHC.CString's functions that read a literal byte by byte. Null where the program has none of them.
extern StgWord8 ghczmprim_GHCziCString_unpackCStringzh_info __attribute__((weak));
extern StgWord8 ghczmprim_GHCziCString_unpackCStringUtf8zh_info __attribute__((weak));
extern StgWord8 ghczmprim_GHCziCString_unpackAppendCStringzh_info __attribute__((weak));
extern StgWord8 ghczmprim_GHCziCString_unpackAppendCStringUtf8zh_info __attribute__((weak));

// rts/Prelude.h (not installed).
extern StgWord8 ghczmprim_GHCziTypes_ZMZN_closure;
extern StgWord8 ghczmprim_GHCziTypes_ZC_con_info;

// rts/Capability.h, rts/Task.h (not installed); threaded RTS linked statically only.
struct Task_;
void stopAllCapabilities(Capability** capability, struct Task_* task) __attribute__((weak));
void releaseAllCapabilities(uint32_t n, Capability* keep, struct Task_* task) __attribute__((weak));
}

// The start of rts/Capability.h's struct (not installed), which is the same in every RTS way.
struct CapabilityStart {
  StgFunTable f;
  StgRegTable r;
  uint32_t no;
  uint32_t node;
  struct Task_* running_task;
};
static_assert(offsetof(CapabilityStart, r) == OFFSET_Capability_r);

// Layout of closures and info tables.
static_assert(sizeof(W_) == 8 && sizeof(StgHalfWord) == 4);
static_assert(sizeof(StgHeader) == 8 && sizeof(StgThunkHeader) == 16, "profiled headers are larger");
static_assert(sizeof(StgInfoTable) == 16 && offsetof(StgInfoTable, layout) == 0 && offsetof(StgInfoTable, type) == 8 &&
              offsetof(StgInfoTable, srt) == 12);
static_assert(sizeof(StgConInfoTable) == 24 && offsetof(StgConInfoTable, con_desc) == 0);
static_assert(sizeof(StgFunInfoTable) == 40 && offsetof(StgFunInfoTable, f.slow_apply_offset) == 0 &&
              offsetof(StgFunInfoTable, f.b.bitmap) == 8 && offsetof(StgFunInfoTable, f.fun_type) == 16 &&
              offsetof(StgFunInfoTable, f.arity) == 20);
static_assert(offsetof(StgArrBytes, bytes) == 8 && offsetof(StgArrBytes, payload) == 16);
static_assert(offsetof(StgMutArrPtrs, ptrs) == 8 && offsetof(StgMutArrPtrs, size) == 16 &&
              offsetof(StgMutArrPtrs, payload) == 24);
static_assert(offsetof(StgSmallMutArrPtrs, ptrs) == 8 && offsetof(StgSmallMutArrPtrs, payload) == 16);
static_assert(offsetof(StgPAP, arity) == 8 && offsetof(StgPAP, n_args) == 12 && offsetof(StgPAP, fun) == 16 &&
              offsetof(StgPAP, payload) == 24);
static_assert(offsetof(StgAP, arity) == 16 && offsetof(StgAP, fun) == 24 && offsetof(StgAP, payload) == 32);
static_assert(offsetof(StgSelector, selectee) == 16 && offsetof(StgInd, indirectee) == 8);
static_assert(TAG_BITS == 3);

// Megablocks and block descriptors.
static_assert(MBLOCK_SIZE == 1u << 20 && BLOCK_SIZE == 4096 && BDESCR_SIZE == 64 && sizeof(bdescr) == 64);
static_assert(BLOCKS_PER_MBLOCK == 252, "so the first closure of a megablock is at 4 * BLOCK_SIZE");
static_assert(offsetof(bdescr, start) == 0 && offsetof(bdescr, free) == 8 && offsetof(bdescr, gen) == 32 &&
              offsetof(bdescr, gen_no) == 40 && offsetof(bdescr, dest_no) == 42 && offsetof(bdescr, flags) == 46 &&
              offsetof(bdescr, blocks) == 48);
