#include "reloc/link_fold.h"

#include <algorithm>
#include <cstring>

#include "format/wire/hash.h"
#include "reloc/link_mark.h"

namespace fastboot::reloc {

namespace ghc = format::ghc;
using format::Result;

namespace {

class Folder {
 public:
  Folder(LinkHeap* heap, const WordSet& live, Folding* out)
      : heap_(*heap), live_(live), out_(*out), open_(heap->size()), done_(heap->size()) {}

  Result<void> run() {
    uint64_t closures = 0;
    each_live([&](WordNumber closure) { closures += may_go(closure) ? 1 : 0; });
    uint64_t slots = 64;
    while (slots < closures + closures / 2) slots *= 2;
    table_.assign(slots, 0);
    for (uint64_t at = live_.next(0, heap_.size()); at < heap_.size(); at = live_.next(at + 1, heap_.size())) {
      if (auto walked = walk(static_cast<WordNumber>(at)); !walked) return walked;
    }
    return {};
  }

 private:
  struct Step {
    WordNumber closure;
    uint64_t next;  // word to look at
    uint64_t end;
  };

  template <class Visit>
  void each_live(Visit visit) const {
    for (uint64_t at = live_.next(0, heap_.size()); at < heap_.size(); at = live_.next(at + 1, heap_.size()))
      visit(static_cast<WordNumber>(at));
  }

  bool may_go(WordNumber closure) const {
    if (heap_.is_lazy(closure)) return false;
    const wire::Target& record = heap_.record(heap_.target(closure));
    const uint64_t end = closure + heap_.words(closure);
    if (heap_.foreign().next(closure + 1, end) != end) return false;
    switch (static_cast<wire::TargetKind>(record.kind)) {
      case wire::TargetKind::constructor:
      case wire::TargetKind::function:
      case wire::TargetKind::static_closure:
        return true;
      case wire::TargetKind::rts:
        break;
      default:
        return false;
    }
    switch (record.closure_type) {
      case ghc::kArrWords:
        return record.arity == 0;  // not pinned
      case ghc::kPap:
        return true;
      case ghc::kMutArrPtrsFrozenClean:
      case ghc::kMutArrPtrsFrozenDirty:
      case ghc::kSmallMutArrPtrsFrozenClean:
      case ghc::kSmallMutArrPtrsFrozenDirty:
        return heap_[closure + 1] != 0;
      default:
        return false;
    }
  }

  void enter(WordNumber closure) {
    open_.add(closure);
    steps_.push_back({closure, uint64_t{closure} + 1, closure + heap_.words(closure)});
  }

  // Everything below a closure, and it.
  Result<void> walk(WordNumber top) {
    if (open_.has(top) || !may_go(top)) return {};
    enter(top);
    while (!steps_.empty()) {
      Step& step = steps_.back();
      const uint64_t at = heap_.pointers().next(step.next, step.end);
      if (at == step.end) {
        const WordNumber closure = step.closure;
        steps_.pop_back();
        if (auto finished = finish(closure); !finished) return finished;
        continue;
      }
      step.next = at + 1;
      LinkHeap::Reference to;
      if (!heap_.follow(step.closure, at - step.closure, &to)) return tl::unexpected(leads_nowhere(heap_, at));
      if (!open_.has(to.closure) && may_go(to.closure)) enter(to.closure);
    }
    return {};
  }

  // All that it leads to is done, or is one that it belongs to a cycle with.
  Result<void> finish(WordNumber closure) {
    done_.add(closure);
    bool cyclic = false;
    auto led = each_reference(heap_, closure, [&](uint64_t at, const LinkHeap::Reference& to) {
      cyclic |= to.closure == closure || (open_.has(to.closure) && !done_.has(to.closure));
      heap_[at] = heap_.address(out_.stands_for(to.closure)).value() + to.offset;
    });
    if (!led || cyclic) return led;
    const uint64_t words = heap_.words(closure);
    const uint64_t mask = table_.size() - 1;
    for (uint64_t slot = XXH3_64bits(heap_.at(closure), words * 8) & mask;; slot = (slot + 1) & mask) {
      const WordNumber other = table_[slot];
      if (other == 0) {
        table_[slot] = closure;
        return {};
      }
      if (!same(closure, other, words)) continue;
      out_.gone.add(closure);
      out_.kept[closure / 2] = other;
      ++out_.closures;
      out_.words += words;
      return {};
    }
  }

  // The same words, of which the same hold addresses.
  bool same(WordNumber a, WordNumber b, uint64_t words) const {
    if (heap_.words(b) != words || memcmp(heap_.at(a), heap_.at(b), words * 8) != 0) return false;
    uint64_t at_a = heap_.pointers().next(a, a + words);
    uint64_t at_b = heap_.pointers().next(b, b + words);
    while (at_a - a == at_b - b && at_a != a + words) {
      at_a = heap_.pointers().next(at_a + 1, a + words);
      at_b = heap_.pointers().next(at_b + 1, b + words);
    }
    return at_a - a == at_b - b;
  }

  LinkHeap& heap_;
  const WordSet& live_;
  Folding& out_;
  WordSet open_;  // begun
  WordSet done_;
  std::vector<Step> steps_;
  std::vector<WordNumber> table_;  // closures that stay, by the hash of their words
};

}  // namespace

Result<void> fold(LinkHeap* heap, const WordSet& live, Folding* out) { return Folder(heap, live, out).run(); }

}  // namespace fastboot::reloc
