#include "ghc-9.0/path.h"

#include <stdio.h>
#include <string.h>

#include "ghc-9.0/facts.h"
#include "ghc-9.0/rts.h"

namespace fastboot::ghc {

namespace {

constexpr uint32_t kShownAtEachEnd = 8;

bool test_and_set(uint8_t* bits, uint64_t i) {
  const auto mask = static_cast<uint8_t>(1u << (i % 8));
  const bool was = (bits[i / 8] & mask) != 0;
  bits[i / 8] = static_cast<uint8_t>(bits[i / 8] | mask);
  return was;
}

bool test(const uint8_t* bits, uint64_t i) { return (bits[i / 8] >> (i % 8) & 1) != 0; }

}  // namespace

// Sets *found when the word is the one that we look for; otherwise takes up the closure that it leads to.
bool PathFinder::visit_word(uint32_t step, Offset slot, uint32_t field, bool* found) {
  if (slot == walker_.refusal_.slot) {
    *found = true;
    return true;
  }
  if (test(pending_.data(), slot)) return true;
  if (walker_.staging_.cross_image(slot) != Staging::kNoImage) return true;
  const uint64_t word = walker_.staging_.words()[slot] & ~uint64_t{7};
  const auto closure = static_cast<Offset>((word - walker_.staging_.base()) / 8);
  if (test_and_set(seen_.data(), closure)) return true;
  return steps_.push(Step{closure, step, field});
}

bool PathFinder::visit_fields(uint32_t step, uint32_t* field) {
  const Offset at = steps_[step].closure;
  const uint64_t* words = walker_.staging_.words();
  const InfoClass* c = walker_.class_at(at);
  if (c == nullptr) return false;
  Offset first = walker_.classifier_.is_lazy_header(words[at]) ? at + 2 : at + 1;
  uint64_t count = c->pointers;
  if (c->action == Action::array) first = at + 3;
  if (c->action == Action::small_array) first = at + 2;
  if (c->action == Action::array || c->action == Action::small_array) count = words[at + 1];
  if (c->action == Action::partial) {
    first = at + 2;
    count = 1 + (words[at + 1] >> 32);
  }
  if (c->action == Action::application) {
    first = at + 3;
    count = 1 + (words[at + 2] >> 32);
  }
  if (c->action == Action::mut_var) count = 1;
  if (c->action == Action::literal || c->action == Action::bytes) count = 0;
  for (uint32_t i = 0; i < count; ++i) {
    bool found = false;
    if (!walker_.staging_.marked(first + i)) continue;  // an argument that is no pointer
    if (!visit_word(step, first + i, i + 1, &found)) return false;
    if (found) {
      *field = i + 1;
      return true;
    }
  }
  return false;
}

bool PathFinder::find(uint32_t* last, uint32_t* field) {
  const uint64_t bits = (uint64_t{walker_.staging_.lazy().end} + 7) / 8;
  if (!seen_.reserve(bits, bits, false) || !pending_.reserve(bits, bits, false) || !steps_.reserve(uint64_t{1} << 30)) {
    return false;
  }
  for (uint64_t i = 0; i < walker_.stack_.size(); ++i) {
    const Walker::Range& range = walker_.stack_[i];
    for (uint32_t k = 0; k < range.count; ++k) test_and_set(pending_.data(), range.slot + k);
  }
  for (uint64_t i = 0; i < walker_.cafs_.size(); ++i) {
    const Offset slot = walker_.cafs_[i].slot;
    const uint64_t word = walker_.staging_.words()[slot];
    if ((word & ~uint64_t{7}) == walker_.cafs_[i].caf) test_and_set(pending_.data(), slot);
  }
  for (uint64_t i = 0; i < walker_.roots_.size(); ++i) {
    bool at_root = false;
    if (!visit_word(static_cast<uint32_t>(steps_.size()), walker_.roots_[i].slot, 0, &at_root) || at_root) return false;
  }
  for (uint32_t step = 0; step < steps_.size(); ++step) {
    if (!visit_fields(step, field)) continue;
    *last = step;
    return true;
  }
  return false;
}

void PathFinder::write_step(const Step& step, uint32_t field, char* out, uint64_t size) {
  const uint64_t used = strlen(out);
  const InfoClass* c = walker_.class_at(step.closure);
  const char* name = c == nullptr ? "?" : closure_type_name(c->type);
  if (c != nullptr && c->target != kNoTarget) {
    const char* description = walker_.classifier_.target(c->target).description;
    const char* colon = description == nullptr ? nullptr : strchr(description, ':');
    if (colon != nullptr) name = colon + 1;
  }
  snprintf(out + used, size - used, " > %s field %u", name, field);
}

void PathFinder::describe(char* out, uint64_t size) {
  snprintf(out, size, "root");
  uint32_t last = 0;
  uint32_t field = 0;
  if (!find(&last, &field)) return;
  // The steps lead backwards; count them, then write them from the root on.
  uint32_t count = 1;
  for (uint32_t step = last; steps_[step].parent != step; step = steps_[step].parent) ++count;
  for (uint32_t i = 0; i < count; ++i) {
    if (i == kShownAtEachEnd && count > 2 * kShownAtEachEnd + 1) {
      const uint64_t used = strlen(out);
      snprintf(out + used, size - used, " > ... %u more ...", count - 2 * kShownAtEachEnd);
      i = count - kShownAtEachEnd;
    }
    uint32_t step = last;
    uint32_t leaving = field;
    for (uint32_t back = count - 1; back > i; --back) {
      leaving = steps_[step].field;
      step = steps_[step].parent;
    }
    write_step(steps_[step], leaving, out, size);
  }
}

void Walker::describe_path(char* out, uint64_t size) { PathFinder(this).describe(out, size); }

}  // namespace fastboot::ghc
