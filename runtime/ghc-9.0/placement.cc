#include "ghc-9.0/placement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/file.h"
#include "format/wire/placement_of_code.h"
#include "ghc-9.0/heap_range.h"
#include "ghc-9.0/image.h"
#include "ghc-9.0/rts.h"

namespace fastboot::ghc {

using wire::Code;

namespace {

using ull = unsigned long long;

const Image* overlapping(uint64_t begin, uint64_t end) {
  for (const Image* image = first_image(); image != nullptr; image = image->next) {
    if (begin < image->end && end > image->begin) return image;
  }
  return nullptr;
}

// The collector takes megablocks from the low end of its range. Twice what it ever had, and a gigabyte, is far from it.
uint64_t heap_top() {
  return heap_range_begin() + 2 * uint64_t{peak_mblocks_allocated} * MBLOCK_SIZE + (uint64_t{1} << 30);
}

bool inside_range(uint64_t begin, uint64_t end) { return begin >= heap_range_begin() && end <= heap_range_end(); }

// Are addresses beyond the collector's range free? Reserves them if so.
bool take_free_addresses(uint64_t begin, uint64_t end) {
  if (!knows_heap_range()) return false;  // the range cannot be raised
  void* at = mmap(reinterpret_cast<void*>(begin), end - begin, PROT_NONE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (at == MAP_FAILED) return false;
  if (at == reinterpret_cast<void*>(begin)) return true;
  munmap(at, end - begin);  // a kernel before 4.17, which takes the address for a hint
  return false;
}

// The highest slot of the range that has room for `size` bytes.
bool find_other_slot(uint64_t size, Placement* out) {
  uint64_t begin = (heap_range_end() - size) / wire::kSlotUnit * wire::kSlotUnit;
  const uint64_t lowest = heap_top();
  if (size > heap_range_end() - heap_range_begin()) return false;
  while (begin >= lowest) {
    const Image* image = overlapping(begin, begin + size);
    if (image == nullptr) {
      *out = Placement{begin, begin + size, true};
      return true;
    }
    if (image->begin < size + lowest) return false;
    begin = (image->begin - size) / wire::kSlotUnit * wire::kSlotUnit;
  }
  return false;
}

// Addresses above the range, for a range that `ulimit -v` made too small: free ones, that lie no farther than they
// must.
bool find_above(uint64_t size, Placement* out) {
  constexpr uint64_t kMostTries = 64;
  uint64_t begin = wire::round_up(heap_range_end(), wire::kSlotUnit);
  for (uint64_t tries = 0; tries < kMostTries; ++tries, begin += wire::kSlotUnit) {
    if (overlapping(begin, begin + size) == nullptr && take_free_addresses(begin, begin + size)) {
      *out = Placement{begin, begin + size, false};
      return true;
    }
  }
  return false;
}

}  // namespace

FASTBOOT_EVERY_THAW uint64_t image_end(const wire::View& view) {
  return wire::round_up(view.data.address + view.data.size, MBLOCK_SIZE);
}

FASTBOOT_EVERY_THAW bool choose_placement(const wire::View& view, Placement* out, wire::Error* error) {
  const uint64_t begin = view.header->slot_address;
  const uint64_t end = image_end(view);
  const char* forced = getenv("FASTBOOT_REBASE");  // for tests, and to see what rebasing costs
  const bool elsewhere = forced != nullptr && forced[0] != '\0' && strcmp(forced, "0") != 0;
  const Image* taken = overlapping(begin, end);
  if (!elsewhere && taken == nullptr && begin >= heap_top() && inside_range(begin, end)) {
    *out = Placement{begin, end, true};
    return true;
  }
  if (!elsewhere && taken == nullptr && begin >= heap_range_end() && take_free_addresses(begin, end)) {
    *out = Placement{begin, end, false};
    return true;
  }
  if (find_other_slot(end - begin, out) || find_above(end - begin, out)) {
    runtime::trace("image \"%s\": placed at 0x%llx instead of 0x%llx (%s), and rebased",
                   view.string(view.header->image_name), static_cast<ull>(out->begin), static_cast<ull>(begin),
                   elsewhere          ? "FASTBOOT_REBASE is set"
                   : taken != nullptr ? "another image is there"
                                      : "not in the heap's address range");
    return true;
  }
  if (taken != nullptr) {
    return fail(
        error, Code::address_taken,
        "its addresses 0x%llx to 0x%llx are taken by the image \"%.200s\", and there is no room for it elsewhere in "
        "the heap's address range",
        static_cast<ull>(begin), static_cast<ull>(end), taken->view.string(taken->view.header->image_name));
  }
  return fail(
      error, Code::address_unreachable,
      "its addresses 0x%llx to 0x%llx cannot be had, and this program's heap range 0x%llx to 0x%llx has no room for "
      "it; raise `ulimit -v`",
      static_cast<ull>(begin), static_cast<ull>(end), static_cast<ull>(heap_range_begin()),
      static_cast<ull>(heap_range_end()));
}

FASTBOOT_EVERY_THAW void extend_heap_range(const Placement& placement) {
  if (placement.reserved || placement.end <= heap_range_end()) return;
  // The range now has a gap that the collector must not allocate in: no more heap than fits below it.
  const uint64_t most = (heap_range_end() - heap_range_begin()) / BLOCK_SIZE;
  if (RtsFlags.GcFlags.maxHeapSize == 0 || RtsFlags.GcFlags.maxHeapSize > most) {
    RtsFlags.GcFlags.maxHeapSize = static_cast<uint32_t>(most < UINT32_MAX ? most : UINT32_MAX);
  }
  // Never lowered again: the collection at exit needs it, too.
  mblock_address_space.end = placement.end;
}

void release(const Placement& placement) {
  if (placement.reserved) {
    // Where this fails, the range stays as it is: mapped, and used by nobody.
    (void)mmap(reinterpret_cast<void*>(placement.begin), placement.end - placement.begin, PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  } else {
    munmap(reinterpret_cast<void*>(placement.begin), placement.end - placement.begin);
  }
}

}  // namespace fastboot::ghc
