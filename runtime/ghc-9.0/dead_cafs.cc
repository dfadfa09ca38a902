#include "ghc-9.0/dead_cafs.h"

#include <string.h>

#include "format/wire/buffer.h"
#include "format/wire/placement_of_code.h"
#include "format/wire/structs.h"
#include "ghc-9.0/facts.h"
#include "ghc-9.0/heap_range.h"

// rts/sm/Storage.c: CAFs are kept, whatever refers to them.
extern "C" bool keepCAFs __attribute__((weak));
// A root of the RTS from its start to its end: its mark is the latest collection's.
extern "C" StgClosure base_GHCziTopHandler_flushStdHandles_closure;

namespace fastboot::ghc {

namespace {

// rts/sm/Storage.h: the low bits of a static closure's link field. 1 or 2: met by a major collection, by turns; 3: it
// leads to no CAF, or is in a list of CAFs that are kept; 0: not met, and to be looked into by the next one whatever
// its turn.
constexpr uint64_t kMarkBits = 3;
constexpr uint64_t kOutOfTurn = 3;

// A link field without a mark: of the walk of that number, and whether this was a CAF with a value then.
constexpr uint64_t kHadValue = 4;
uint64_t last_walk = 0;
constexpr uint64_t stamp(uint64_t walk) { return walk << 3; }

// The image for which a collection was asked for latest.
struct {
  uint8_t content_id[wire::kContentIdSize];
  uint64_t walk = 0;     // the one that took off its marks; 0: none was asked for
  uint64_t collections;  // major ones that had been then
} asked;

uint64_t major_collections() { return oldest_gen->collections; }

bool is_in_heap(const StgClosure* closure) {
  const auto address = reinterpret_cast<uint64_t>(closure);
  return address >= heap_range_begin() && address < heap_range_end();
}
StgClosure* srt_of(const StgInfoTable* table) {
  return reinterpret_cast<StgClosure*>(reinterpret_cast<uint64_t>(table + 1) +
                                       static_cast<uint64_t>(static_cast<int64_t>(table->srt)));
}

// Another capability may just be claiming a CAF, which takes it a moment.
const StgInfoTable* info_of(const StgClosure* closure) {
  const StgInfoTable* info;
  do {
    info = __atomic_load_n(&closure->header.info, __ATOMIC_ACQUIRE);
  } while (info == &stg_WHITEHOLE_info);
  return info;
}

// All static closures that the collector would look into from some of them.
class Walk {
 public:
  Walk() : number_(++last_walk) {}
  uint64_t number() const { return number_; }
  bool failed() const { return met_.failed(); }

  // Takes off the marks. Is there a CAF with a value?
  bool take_off_marks(StgClosure* const* roots, uint64_t count) {
    run(roots, count);
    return found_;
  }

  // Revives what the latest collection has not met: one of those, two at most, that have been since that walk. Is there
  // a CAF whose value has come since?
  bool revive(StgClosure* const* roots, uint64_t count, uint64_t earlier) {
    earlier_ = earlier;
    StgClosure* met = &base_GHCziTopHandler_flushStdHandles_closure;
    living_ = reinterpret_cast<uint64_t>(*STATIC_LINK(info_of(met) - 1, met)) & kMarkBits;
    run(roots, count);
    return found_;
  }

 private:
  void run(StgClosure* const* roots, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) meet(roots[i]);
    for (uint64_t at = 0; at < met_.size(); at += sizeof(W_)) look_into(*met_.at<StgClosure*>(at));
  }

  // Conditions as in the collector (rts/sm/Evac.c): others lead to no CAF.
  static bool leads_on(const StgInfoTable* table) {
    switch (table->type) {
      case THUNK_STATIC:
        return true;  // without an SRT, too: it may get a value
      case FUN_STATIC:
        return table->srt != 0 || table->layout.payload.ptrs != 0;
      case IND_STATIC:
      case CONSTR:
      case CONSTR_1_0:
      case CONSTR_2_0:
      case CONSTR_1_1:
        return true;
      default:
        return false;
    }
  }

  void meet(StgClosure* tagged) {
    StgClosure* closure = UNTAG_CLOSURE(tagged);
    if (is_in_heap(closure)) return;
    const StgInfoTable* table = info_of(closure) - 1;
    if (!leads_on(table)) return;
    auto* link = reinterpret_cast<uint64_t*>(STATIC_LINK(table, closure));
    const uint64_t mark = *link & kMarkBits;
    if (mark == kOutOfTurn || is_mine(*link)) return;
    if (earlier_ != 0 && mark == living_) return;  // and so does what it leads to
    bool has_value = false;
    if (table->type == IND_STATIC) has_value = meet_value(reinterpret_cast<StgIndStatic*>(closure), *link);
    *link = stamp(number_) | (has_value ? kHadValue : 0);
    met_.append(&closure, sizeof(W_));
  }
  bool is_mine(uint64_t link) const { return (link & ~kHadValue) == stamp(number_); }

  // Does it still have a value?
  bool meet_value(StgIndStatic* caf, uint64_t link) {
    if (caf->saved_info == nullptr) return false;  // another name of a static closure
    const bool lived_then = (link & kMarkBits) != 0;
    if (earlier_ != 0 && (lived_then || link == (stamp(earlier_) | kHadValue))) {
      const StgInfoTable* unevaluated = caf->saved_info;
      caf->saved_info = nullptr;
      __atomic_store_n(&caf->header.info, unevaluated, __ATOMIC_RELEASE);
      return false;
    }
    found_ = true;
    return true;
  }

  void look_into(StgClosure* closure) {
    const StgInfoTable* table = info_of(closure) - 1;
    if (table->type == IND_STATIC) {
      auto* caf = reinterpret_cast<StgIndStatic*>(closure);
      if (caf->saved_info == nullptr) return meet(caf->indirectee);
      table = caf->saved_info - 1;  // should the value be gone, then this is what leads on
    }
    if ((table->type == THUNK_STATIC || table->type == FUN_STATIC) && table->srt != 0) meet(srt_of(table));
    if (table->type == THUNK_STATIC) return;
    for (uint32_t i = 0; i < table->layout.payload.ptrs; ++i) meet(closure->payload[i]);
  }

  uint64_t number_;
  uint64_t earlier_ = 0;
  uint64_t living_ = 0;
  bool found_ = false;
  wire::Buffer met_;
};

bool ask(wire::Error* error) {
  return fail(error, wire::Code::collection_needed,
              "it leads to top-level values that this program may have let go of, which only a major collection can "
              "tell; call hs_perform_gc() and thaw it again");
}

bool no_memory(wire::Error* error) {
  return fail(error, wire::Code::out_of_memory, "no memory for the list of static closures that it leads to");
}

// The debug RTS overwrites what a CAF was before it had a value, and later the closure. There CAFs are kept from the
// start.
[[gnu::constructor]] void keep_cafs_for_debugging() {
  if ((rts_way() & wire::kWayDebug) != 0) setKeepCAFs();
}

}  // namespace

FASTBOOT_EVERY_THAW bool all_cafs_live() { return major_collections() == 0 || (&keepCAFs != nullptr && keepCAFs); }

bool revive_cafs(const uint8_t* content_id, StgClosure* const* roots, uint64_t count, wire::Error* error) {
  // While a concurrent collection is marking, what it has not met is not dead.
  if (nonmoving_write_barrier_enabled != 0) {
    return fail(error, wire::Code::collection_running,
                "it leads to top-level values that this program may have let go of, and a concurrent collection is "
                "running; thaw it again when that has ended");
  }
  const bool known =
      asked.walk != 0 && asked.walk == last_walk && memcmp(asked.content_id, content_id, sizeof asked.content_id) == 0;
  if (known && major_collections() == asked.collections) return ask(error);
  // After a third one a mark could be the first one's, too.
  if (known && major_collections() <= asked.collections + 2) {
    Walk walk;
    const bool found = walk.revive(roots, count, asked.walk);
    if (walk.failed()) return no_memory(error);
    if (!found) return true;
  }
  Walk walk;
  const bool found = walk.take_off_marks(roots, count);
  if (walk.failed()) return no_memory(error);
  if (!found) return true;
  memcpy(asked.content_id, content_id, sizeof asked.content_id);
  asked.walk = walk.number();
  asked.collections = major_collections();
  return ask(error);
}

}  // namespace fastboot::ghc
