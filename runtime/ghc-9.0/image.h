// Images that this process has thawed: kept for ever, for a second thaw of the same file, and for freezing graphs that
// reach into them.
#pragma once

#include "core/file.h"
#include "format/wire/parse.h"

namespace fastboot::ghc {

struct Image {
  Image* next;
  wire::View view;         // over `metadata`
  uint8_t* metadata;       // private copy
  uint64_t delta;          // process address minus image address; 0 at the image's own address
  uint64_t begin, end;     // process addresses of the slot in use
  uint64_t forced_header;  // process address of the forced trampoline's interned info table; 0: no lazy closures
  dev_t device;
  ino_t inode;

  uint64_t process(uint64_t image_address) const { return image_address + delta; }
  bool contains(uint64_t address) const { return address >= begin && address < end; }
  bool holds_closures(uint64_t address) const {
    const auto inside = [&](const wire::Segment& s) { return address - process(s.address) < s.size; };
    return inside(view.data) || (view.lazy.size != 0 && inside(view.lazy));
  }

  // The target whose interned info table's info pointer is `info`, or nullptr.
  const wire::Target* target_of_info(uint64_t info) const;
  uint64_t link_word(const wire::Target& target) const {
    return reinterpret_cast<const uint64_t*>(process(view.link.address))[&target - view.targets];
  }
};

// The thawed image that `address` belongs to, or nullptr. Safe to call without a lock: images are only ever added.
Image* find_image(uint64_t address);
Image* first_image();
void add_image(Image* image);

}  // namespace fastboot::ghc
