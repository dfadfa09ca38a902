#include "ghc-9.0/scope.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/file.h"
#include "ghc-9.0/classify.h"
#include "ghc-9.0/fault.h"
#include "ghc-9.0/rts.h"
#include "ghc-9.0/static_roots.h"

namespace fastboot::ghc {

using wire::TargetKind;

namespace {

uint64_t last_watch = 0;

// The pages at the start of a megablock that hold its block descriptors.
constexpr uint64_t kDescriptorBytes = FIRST_BLOCK_OFF;
static_assert(kDescriptorBytes % wire::kPageSize == 0 && kDescriptorBytes == 256 * sizeof(bdescr));

// In the middle of a closure that is larger than a megablock there are none, and nobody looks for them. Whether there
// are tells the first one: those behind a megablock's last closure are zeros. Should a closure's words look like it,
// the image stays for no reason when they are read.
bool has_descriptors(uint64_t megablock) {
  const auto* first = reinterpret_cast<const bdescr*>(megablock) + FIRST_BLOCK_OFF / BLOCK_SIZE;
  return reinterpret_cast<uint64_t>(first->start) == megablock + FIRST_BLOCK_OFF &&
         reinterpret_cast<uint64_t>(first->free) == megablock + FIRST_BLOCK_OFF + BLOCK_SIZE && first->blocks == 1 &&
         (first->flags & BF_EVACUATED) != 0;
}

bool hide_descriptors(const Image& image, const wire::Segment& segment) {
  const uint64_t begin = image.process(segment.address);
  for (uint64_t at = begin; at < begin + segment.size; at += MBLOCK_SIZE) {
    if (!has_descriptors(at)) continue;
    if (mprotect(reinterpret_cast<void*>(at), kDescriptorBytes, PROT_NONE) != 0) return false;
  }
  return true;
}

// The segments as they were mapped.
void show_descriptors(const Image& image) {
  const auto protect = [&](const wire::Segment& segment, int protection) {
    if (segment.size != 0) mprotect(reinterpret_cast<void*>(image.process(segment.address)), segment.size, protection);
  };
  protect(image.view.lazy, PROT_READ | PROT_WRITE);
  protect(image.view.data, PROT_READ);
}

bool ends_with(const char* text, const char* end) {
  const size_t size = strlen(text);
  return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

// Bytes that code may have the address of, and no pointer to what holds them.
bool holds_literals(const Image& image) {
  for (uint64_t i = 0; i < image.view.target_count; ++i) {
    const wire::Target& target = image.view.targets[i];
    const auto kind = static_cast<TargetKind>(target.kind);
    const char* name = image.view.string(target.name);
    if (kind == TargetKind::constructor && (ends_with(name, ":GHC.Types.TrNameS") || ends_with(name, "TypeLitS"))) {
      return true;
    }
    if (kind == TargetKind::thunk && target.closure_type == THUNK && reads_literals(image.link_word(target)))
      return true;
  }
  return false;
}

void tell_that_it_stays(const Image& image, const char* why) {
  runtime::trace("image \"%s\" stays mapped: %s", image.view.string(image.view.header->image_name), why);
}

}  // namespace

namespace {

// False where the image stays without asking the collector.
bool watch_one(Image* image, uint64_t watch) {
  const char* obstacle = RtsFlags.GcFlags.useNonmoving ? "the non-moving collector does not tell what it meets"
                         : holds_literals(*image)      ? "it holds string literals, whose addresses code may still have"
                         : !faults_are_ours()          ? "the program has a handler of its own for SIGSEGV"
                                                       : nullptr;
  if (obstacle != nullptr) {
    tell_that_it_stays(*image, obstacle);
    return false;
  }
  show_descriptors(*image);  // an earlier watch may still be on
  __atomic_store_n(&image->met, false, __ATOMIC_RELAXED);
  image->watch = watch;
  if (hide_descriptors(*image, image->view.data) && hide_descriptors(*image, image->view.lazy)) return true;
  image->watch = 0;
  show_descriptors(*image);
  tell_that_it_stays(*image, "the system does not let its pages be protected");
  return false;
}

// Is `image` needed by images that this watch is on, and in use by nobody else?
bool goes_with_others(const Image& image, uint64_t watch) {
  if (image.metadata == nullptr || image.permanent || image.scopes != 0 || image.dependents == 0) return false;
  uint32_t watched = 0;
  for (const Image* other = first_image(); other != nullptr; other = other->next) {
    for (uint64_t i = 0; other->metadata != nullptr && i < other->view.needed_count; ++i) {
      if (other->needs[i].image == &image && other->watch == watch) ++watched;
    }
  }
  return watched == image.dependents;
}

// The images that only the watched one needs, and those that only these need, go with it if nothing refers to them.
void watch_needed(uint64_t watch) {
  for (bool more = true; more;) {
    more = false;
    for (Image* image = first_image(); image != nullptr; image = image->next) {
      if (image->watch != watch && goes_with_others(*image, watch)) more |= watch_one(image, watch);
    }
  }
}

// Images that an earlier watch has left behind: what referred to them may have been let go of since, and their files
// may be others by now, so that no scope would ask about them again. Some of them, in turn, so that a program with many
// of them does not pay for all at each scope's end.
void watch_left_behind(uint64_t watch) {
  constexpr int kMost = 16;
  static Image* next = nullptr;  // elements of the list stay in it
  Image* const start = next != nullptr ? next : first_image();
  Image* image = start;
  int watched = 0;
  do {
    if (image->metadata != nullptr && image->left_behind && image->watch == 0 && !image->in_use()) {
      image->left_behind = watch_one(image, watch);
      ++watched;
    }
    image = image->next != nullptr ? image->next : first_image();
  } while (image != start && watched < kMost);
  next = image;
}

// Ends a watch, with what the collector has found.
void end_watch(Image* image) {
  image->watch = 0;
  const bool met = __atomic_load_n(&image->met, __ATOMIC_ACQUIRE);
  image->left_behind = met;
  if (met || image->in_use()) {
    show_descriptors(*image);
    const char* why = met                      ? "something in the heap still refers to it"
                      : image->dependents != 0 ? "another image needs it"
                                               : "it was thawed again";
    tell_that_it_stays(*image, why);
    return;
  }
  runtime::trace("image \"%s\": unmapped, for nothing refers to it any more",
                 image->view.string(image->view.header->image_name));
  const Placement placement = image->placement;
  leave_static_roots(*image);
  if (image->forget_forced != nullptr) image->forget_forced(image);
  remove_image(image);
  release(placement);
}

// One that the watch is on; where there is one, an image that no other needs.
Image* next_watched(uint64_t watch) {
  Image* found = nullptr;
  for (Image* image = first_image(); image != nullptr; image = image->next) {
    if (image->metadata != nullptr && image->watch == watch && (found == nullptr || image->dependents == 0))
      found = image;
  }
  return found;
}

}  // namespace

uint64_t watch_references(Image* image) {
  if (image->in_use()) return 0;
  const uint64_t watch = ++last_watch;
  if (!watch_one(image, watch)) return 0;
  watch_left_behind(watch);
  watch_needed(watch);
  return watch;
}

void release_unless_met(uint64_t watch) {
  if (watch == 0) return;
  for (Image* image = next_watched(watch); image != nullptr; image = next_watched(watch)) end_watch(image);
}

bool notice_reference(Image* image, uint64_t address) {
  // A watch may have ended between the fault and here: then its page is readable again by now.
  if (!image->holds_closures(address) || address % MBLOCK_SIZE >= kDescriptorBytes) return false;
  __atomic_store_n(&image->met, true, __ATOMIC_RELEASE);
  show_descriptors(*image);
  return true;
}

}  // namespace fastboot::ghc
