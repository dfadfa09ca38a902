#include "ghc-9.0/static_roots.h"

#include <string.h>

#include "format/wire/placement_of_code.h"
#include "ghc-9.0/rts.h"

namespace fastboot::ghc {

FASTBOOT_EVERY_THAW void* keep_static_roots(const Image& image, const uint64_t* further, uint64_t further_count) {
  const wire::View& view = image.view;
  // A binding may leave out a root: code of another build needs others.
  const auto is_root = [&](uint64_t i) {
    return (view.targets[i].flags & wire::kTargetStaticRoot) != 0 && image.link_word(view.targets[i]) != 0;
  };
  uint64_t count = further_count;
  for (uint64_t i = 0; i < view.target_count; ++i) count += is_root(i) ? 1 : 0;
  if (count == 0) return nullptr;
  // allocate() never collects. A fresh array is in the nursery, so that it needs no card and no place on a mutable
  // list.
  const W_ words = sizeofW(StgSmallMutArrPtrs) + count;
  auto* array = reinterpret_cast<StgSmallMutArrPtrs*>(allocate(rts_unsafeGetMyCapability(), words));
  array->ptrs = count;
  uint64_t next = 0;
  for (uint64_t i = 0; i < view.target_count; ++i) {
    if (is_root(i)) array->payload[next++] = reinterpret_cast<StgClosure*>(image.link_word(view.targets[i]));
  }
  for (uint64_t i = 0; i < further_count; ++i) array->payload[next++] = reinterpret_cast<StgClosure*>(further[i]);
  array->header.info = &stg_SMALL_MUT_ARR_PTRS_FROZEN_DIRTY_info;
  return getStablePtr(reinterpret_cast<StgPtr>(array));
}

}  // namespace fastboot::ghc
