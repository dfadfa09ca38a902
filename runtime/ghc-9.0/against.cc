#include "ghc-9.0/against.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/path.h"

namespace fastboot::ghc {

using runtime::SnapshotFile;
using wire::Code;

namespace {

// Calls `with` for each path of FASTBOOT_NEEDS, until it gives false. Gives what the last call gave.
template <class With>
bool each_needed(const With& with) {
  const char* next = getenv("FASTBOOT_NEEDS");
  while (next != nullptr && *next != '\0') {
    const char* end = strchrnul(next, ':');
    char path[4096];
    if (end != next) {
      snprintf(path, sizeof path, "%.*s", static_cast<int>(end - next), next);
      if (!with(static_cast<const char*>(path))) return false;
    }
    next = *end == ':' ? end + 1 : end;
  }
  return true;
}

}  // namespace

bool Against::add(const char* path, bool optional, wire::Error* error) {
  SnapshotFile file;
  if (!file.open(path, error)) {
    char why[sizeof error->message];
    memcpy(why, error->message, sizeof why);
    return fail(error, error->code, "cannot freeze against %.1000s: %.2000s", path, why);
  }
  const wire::View& view = file.view();
  Named named = {};
  memcpy(named.record.content_id, view.header->content_id, wire::kContentIdSize);
  named.record.slot_address = view.header->slot_address;
  named.record.size = view.data.address + view.data.size - view.header->slot_address;
  snprintf(named.name, sizeof named.name, "%.255s%s", view.string(view.header->image_name), wire::kSnapshotEnding);
  named.optional = optional;
  for (uint32_t i = 0; i < count_; ++i) {
    if (memcmp(images_[i].record.content_id, named.record.content_id, wire::kContentIdSize) == 0) return true;
    if (strcmp(images_[i].name, named.name) == 0) {
      return fail(error, Code::refused_dependency,
                  "cannot freeze against two images that are both found as %.300s, with content ids %s and %s; freeze "
                  "one of them under another name",
                  named.name, ContentIdText(images_[i].record.content_id).text,
                  ContentIdText(named.record.content_id).text);
    }
  }
  if (count_ == wire::kMaxNeeded) {
    return fail(error, Code::refused_dependency, "cannot freeze against more than %llu images; link some into one",
                static_cast<unsigned long long>(wire::kMaxNeeded));
  }
  images_[count_++] = named;
  return true;
}

bool Against::add_from_environment(wire::Error* error) {
  return each_needed([&](const char* path) { return add(path, true, error); });
}

bool Against::find_images(wire::Error* error) {
  place_count_ = 0;
  for (Image* image = first_image(); image != nullptr; image = image->next) {
    bool named = false;
    for (uint32_t i = 0; i < count_ && image->metadata != nullptr; ++i) {
      if (memcmp(image->view.header->content_id, images_[i].record.content_id, wire::kContentIdSize) != 0) continue;
      if (place_count_ < kMostPlaces) places_[place_count_++] = Place{image, i};
      images_[i].found = true;
      named = true;
    }
    __atomic_store_n(&image->pointed_to, named, __ATOMIC_RELAXED);
  }
  for (uint32_t i = 0; i < count_; ++i) {
    if (images_[i].found || images_[i].optional) continue;
    return fail(error, Code::refused_dependency,
                "cannot freeze against %.300s, which is not thawed in this process, so that nothing refers to it; thaw "
                "it, and freeze what was made from its value",
                images_[i].name);
  }
  return true;
}

char* needed_by_name(const char* path) {
  const char* name = runtime::file_name(path);
  char* found = nullptr;
  each_needed([&](const char* needed) {
    if (strcmp(runtime::file_name(needed), name) == 0) found = strdup(needed);
    return found == nullptr;
  });
  return found;
}

}  // namespace fastboot::ghc
