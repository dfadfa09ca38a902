#include "ghc-9.0/image.h"
#include "format/wire/placement_of_code.h"

#include <stdlib.h>

namespace fastboot::ghc {

namespace {
Image* images = nullptr;
}

// Targets that are interned stand in the order of their info tables, so this is a binary search over them; those in
// between that are not interned have info_offset 0 and are stepped over.
const wire::Target* Image::target_of_info(uint64_t info) const {
  const wire::Table& table = view.table(wire::TableKind::info);
  const uint64_t offset = info - process(table.address);
  if (offset >= table.size) return nullptr;
  uint64_t low = 0;
  uint64_t high = view.target_count;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    uint64_t probe = middle;
    while (probe > low && view.targets[probe].info_offset == 0) --probe;
    const uint64_t at = view.targets[probe].info_offset;
    if (at == offset && at != 0) return &view.targets[probe];
    if (at < offset) {
      low = middle + 1;
    } else {
      high = probe;
    }
  }
  return nullptr;
}

FASTBOOT_EVERY_THAW Image* first_image() { return __atomic_load_n(&images, __ATOMIC_ACQUIRE); }

Image* find_image(uint64_t address) {
  for (Image* image = first_image(); image != nullptr; image = image->next) {
    if (image->contains(address)) return image;
  }
  return nullptr;
}

FASTBOOT_EVERY_THAW Image* add_image(Image* image) {
  Image* place = first_image();
  while (place != nullptr && place->metadata != nullptr) place = place->next;
  if (place == nullptr) {
    image->next = images;
    __atomic_store_n(&images, image, __ATOMIC_RELEASE);
    return image;
  }
  // Others may be looking at the list: until its end is known, the image contains nothing.
  const uint64_t end = image->end;
  image->end = 0;
  image->next = place->next;
  *place = *image;
  __atomic_store_n(&place->end, end, __ATOMIC_RELEASE);
  free(image);
  return place;
}

void remove_image(Image* image) {
  __atomic_store_n(&image->end, uint64_t{0}, __ATOMIC_RELEASE);
  free(image->metadata);
  image->metadata = nullptr;
  image->view = wire::View{};
}

}  // namespace fastboot::ghc
