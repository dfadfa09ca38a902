#include "ghc-9.0/thunks.h"

#include "fastboot.h"
#include "ghc-9.0/image.h"
#include "ghc-9.0/lazy.h"

namespace fastboot::ghc {

namespace {

constexpr uint64_t kNil = 1;  // pointer tags
constexpr uint64_t kCons = 2;

uint64_t empty_list() { return reinterpret_cast<uint64_t>(&ghczmprim_GHCziTypes_ZMZN_closure) + kNil; }

// allocate() never collects, so the addresses stay good.
uint64_t cons(uint64_t head, uint64_t tail, Capability* capability) {
  auto* cell = reinterpret_cast<uint64_t*>(allocate(capability, 3));
  cell[0] = reinterpret_cast<uint64_t>(&ghczmprim_GHCziTypes_ZC_con_info);
  cell[1] = head;
  cell[2] = tail;
  return reinterpret_cast<uint64_t>(cell) + kCons;
}

// Thunks that are found by way of constructors and arrays, looking at so many closures.
class Search {
 public:
  explicit Search(Capability* capability) : capability_(capability) {}

  uint64_t run(uint64_t closure) {
    add(closure);
    for (uint32_t i = 0; i < count_; ++i) visit(pending_[i] & ~static_cast<uint64_t>(TAG_MASK));
    return found_;
  }

 private:
  static constexpr uint32_t kMost = 256;

  void add(uint64_t closure) {
    if (count_ < kMost) pending_[count_++] = closure;
  }
  void add_all(const uint64_t* closures, uint64_t count) {
    for (uint64_t i = 0; i < count && count_ < kMost; ++i) add(closures[i]);
  }

  void visit(uint64_t closure) {
    const auto* words = reinterpret_cast<const uint64_t*>(closure);
    const StgInfoTable* info = reinterpret_cast<const StgInfoTable*>(words[0]) - 1;
    switch (info->type) {
      case CONSTR:
      case CONSTR_1_0:
      case CONSTR_2_0:
      case CONSTR_1_1:
        return add_all(words + 1, info->layout.payload.ptrs);
      case SMALL_MUT_ARR_PTRS_FROZEN_CLEAN:
      case SMALL_MUT_ARR_PTRS_FROZEN_DIRTY:
        return add_all(words + 2, words[1]);
      case MUT_ARR_PTRS_FROZEN_CLEAN:
      case MUT_ARR_PTRS_FROZEN_DIRTY:
        return add_all(words + 3, words[1]);
      case IND:
      case IND_STATIC:
        return add(words[1]);
      case BLACKHOLE:
        // One that is being evaluated is the whole walk's to judge.
        if ((words[1] & TAG_MASK) != 0) add(words[1]);
        return;
      case THUNK:
      case THUNK_1_0:
      case THUNK_0_1:
      case THUNK_2_0:
      case THUNK_1_1:
      case THUNK_0_2:
      case THUNK_STATIC:
      case THUNK_SELECTOR:
      case AP:
        return add_thunk(closure, words[0]);
      default:
        return;
    }
  }

  // A lazy closure of an image that has been entered is no thunk any more, but looks like one.
  void add_thunk(uint64_t closure, uint64_t header) {
    const Image* image = find_image(closure);
    if (image != nullptr && header == image->forced_header) return add(forced_value(closure));
    if (image != nullptr && __atomic_load_n(&image->pointed_to, __ATOMIC_RELAXED)) return;
    found_ = cons(closure, found_, capability_);
  }

  Capability* capability_;
  uint64_t found_ = empty_list();
  uint32_t count_ = 0;
  uint64_t pending_[kMost];
};

}  // namespace

void* list_closures(const runtime::ReservedArray<uint64_t>& closures, Capability* capability) {
  uint64_t list = empty_list();
  for (uint64_t i = closures.size(); i > 0; --i) list = cons(closures[i - 1], list, capability);
  return getStablePtr(reinterpret_cast<StgPtr>(list));
}

}  // namespace fastboot::ghc

extern "C" void* fastboot_thunks_below(void* value) {
  fastboot::ghc::Search search(rts_unsafeGetMyCapability());
  return reinterpret_cast<void*>(search.run(reinterpret_cast<uint64_t>(deRefStablePtr(value))));
}
