#include "ghc-9.0/static_roots.h"

#include <string.h>

#include "ghc-9.0/rts.h"

namespace fastboot::ghc {

void* keep_static_roots(const Image& image) {
  const wire::View& view = image.view;
  uint64_t count = 0;
  for (uint64_t i = 0; i < view.target_count; ++i)
    count += (view.targets[i].flags & wire::kTargetStaticRoot) != 0 ? 1 : 0;
  if (count == 0) return nullptr;
  // allocate() never collects. A fresh array is in the nursery, so that it needs no card and no place on a mutable
  // list.
  const W_ words = sizeofW(StgSmallMutArrPtrs) + count;
  auto* array = reinterpret_cast<StgSmallMutArrPtrs*>(allocate(rts_unsafeGetMyCapability(), words));
  array->ptrs = count;
  uint64_t next = 0;
  for (uint64_t i = 0; i < view.target_count; ++i) {
    if ((view.targets[i].flags & wire::kTargetStaticRoot) == 0) continue;
    array->payload[next++] = reinterpret_cast<StgClosure*>(image.link_word(view.targets[i]));
  }
  array->header.info = &stg_SMALL_MUT_ARR_PTRS_FROZEN_DIRTY_info;
  return getStablePtr(reinterpret_cast<StgPtr>(array));
}

}  // namespace fastboot::ghc
