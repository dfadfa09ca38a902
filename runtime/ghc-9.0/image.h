// Images that this process has thawed: for a second thaw of the same file, and for freezing graphs that reach into
// them. They stay for ever, unless every thaw of one was for a scope (scope.h).
#pragma once

#include "core/file.h"
#include "format/wire/parse.h"
#include "ghc-9.0/builds.h"
#include "ghc-9.0/placement.h"

namespace fastboot::ghc {

struct Image;

// An image that another needs, and by how much its parts are off the addresses that the other expects.
struct Dependency {
  struct Part {
    uint64_t begin = 0, size = 0;  // expected addresses; the end is one of them
    uint64_t delta = 0;            // process address minus expected address
  };
  Image* image = nullptr;
  Part parts[2];
  uint32_t part_count = 0;

  bool in_place() const { return parts[0].delta == 0 && (part_count == 1 || parts[1].delta == 0); }
};

struct Image {
  Image* next;
  wire::View view;         // over `metadata`
  uint8_t* metadata;       // private copy; nullptr: nothing is mapped, and the next image may have this place
  uint64_t delta;          // process address minus image address; 0 at the image's own address
  uint64_t begin, end;     // process addresses of the slot in use
  uint64_t forced_header;  // process address of the forced trampoline's interned info table; 0: no lazy closures
  dev_t device;
  ino_t inode;
  Placement placement;
  Builds builds;       // what a caller has to allow to have it
  bool demanded;       // it was thawed when signatures mattered already, and so is signed where one is demanded
  void* static_roots;  // a StablePtr, or nullptr
  bool pointed_to;     // the latest walk for a freeze was against it: its thunks stay thunks
  // Under the lock of thaw.cc:
  bool permanent;        // somebody may use it until the process ends
  uint32_t scopes;       // that use it now
  uint32_t dependents;   // images that need it
  Dependency* needs;     // the images that it needs, as many as its view says; from malloc
  uint64_t relocations;  // words of it that were changed because a needed image lies elsewhere than expected
  uint64_t attempt;      // number of the thaw that mapped it because another needs it; 0: a caller asked for it
  // Whether the collector meets pointers into it (scope.h):
  uint64_t watch;  // number of the watch that is on; 0: none
  bool met;
  bool left_behind;  // the latest watch found something that refers to it
  // Its elements of the forced table (lazy.h), under the lock of that:
  uint64_t last_forced = ~uint64_t{0};      // index of the newest; all ones: there are none
  void (*forget_forced)(Image*) = nullptr;  // takes them out of the table; nullptr: there never were any

  uint64_t process(uint64_t image_address) const { return image_address + delta; }
  bool in_use() const { return permanent || scopes != 0 || dependents != 0; }
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

// A content id in hexadecimal, for messages.
struct ContentIdText {
  explicit ContentIdText(const uint8_t* id);
  char text[2 * wire::kContentIdSize + 1];
};

// The thawed image that `address` belongs to, or nullptr. Safe to call without a lock: what is in the list stays in it,
// and what is no longer mapped contains nothing.
Image* find_image(uint64_t address);
Image* first_image();
// Gives the image in the list. The argument, which malloc made, is freed or becomes part of the list.
Image* add_image(Image* image);
// To be called when nothing refers to the image any more: forgets it and frees its metadata.
void remove_image(Image* image);

}  // namespace fastboot::ghc
