#include "ghc-9.0/static_roots.h"

#include <stdlib.h>
#include <string.h>

#include "format/wire/buffer.h"
#include "format/wire/placement_of_code.h"
#include "ghc-9.0/dead_cafs.h"
#include "ghc-9.0/rts.h"

namespace fastboot::ghc {

namespace {

// A binding may leave out a root: code of another build needs others.
bool is_static_root(const Image& image, uint64_t i) {
  const wire::Target& target = image.view.targets[i];
  return (target.flags & wire::kTargetStaticRoot) != 0 && image.link_word(target) != 0;
}

// The contents whose roots were left.
struct Left {
  Left* next;
  void* static_roots;  // a StablePtr
  uint8_t content_id[wire::kContentIdSize];
};
Left* all_left = nullptr;

bool were_left(const Image& image) {
  for (const Left* left = all_left; left != nullptr; left = left->next) {
    if (memcmp(left->content_id, image.view.header->content_id, sizeof left->content_id) == 0) return true;
  }
  return false;
}

}  // namespace

bool prepare_static_roots(const Image& image, const uint64_t* further, uint64_t further_count, wire::Error* error) {
  if (all_cafs_live() || were_left(image)) return true;
  wire::Buffer roots;
  for (uint64_t i = 0; i < image.view.target_count; ++i) {
    if (!is_static_root(image, i)) continue;
    const uint64_t address = image.link_word(image.view.targets[i]);
    roots.append(&address, sizeof address);
  }
  if (further_count != 0) roots.append(further, further_count * sizeof *further);
  if (roots.failed()) return fail(error, wire::Code::out_of_memory, "no memory for the list of its static roots");
  const uint64_t count = roots.size() / sizeof(uint64_t);
  return count == 0 || revive_cafs(image.view.header->content_id, roots.at<StgClosure*>(0), count, error);
}

void leave_static_roots(const Image& image) {
  if (image.static_roots == nullptr) return;
  if (all_cafs_live() || were_left(image)) {  // where no collection was asked for, none is saved
    hs_free_stable_ptr(image.static_roots);
    return;
  }
  auto* left = static_cast<Left*>(malloc(sizeof(Left)));
  if (left == nullptr) return;
  left->next = all_left;
  left->static_roots = image.static_roots;
  memcpy(left->content_id, image.view.header->content_id, sizeof left->content_id);
  all_left = left;
}

FASTBOOT_EVERY_THAW void* keep_static_roots(const Image& image, const uint64_t* further, uint64_t further_count) {
  const wire::View& view = image.view;
  const auto is_root = [&](uint64_t i) { return is_static_root(image, i); };
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
