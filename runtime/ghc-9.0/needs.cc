#include "ghc-9.0/needs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <new>

#include "core/path.h"
#include "ghc-9.0/rebase.h"
#include "ghc-9.0/rts.h"
#include "ghc-9.0/static_roots.h"

namespace fastboot::ghc {

using runtime::SnapshotFile;
using wire::Code;
using wire::Error;
using wire::Member;
using wire::Needed;
using wire::View;

namespace {

using ull = unsigned long long;

constexpr uint32_t kMostInARow = 64;  // images that need each other; each takes some of the stack

bool is_id(const uint8_t* a, const uint8_t* b) { return memcmp(a, b, wire::kContentIdSize) == 0; }

// The member that stands for the image of that content, or nullptr.
const Member* find_member(const View& view, const uint8_t* id) {
  for (uint64_t i = 0; i < view.member_count; ++i) {
    const Member& member = view.members[i];
    if ((member.flags & wire::kMemberWhole) != 0 && is_id(member.content_id, id)) return &member;
  }
  return nullptr;
}

// Numbers of thaws of images that need others.
uint64_t attempt = 0;

// One needed image, looked for in one place after the other.
class Search {
 public:
  Search(const Thawing& thawing, const Needed& needed, ThawNeeded thaw, Dependency* out, Error* error)
      : thawing_(thawing), needed_(needed), thaw_(thaw), out_(*out), error_(error) {}

  bool run() {
    if (in_process(true) || in_process(false)) return agrees();
    const auto directory = static_cast<int>(runtime::file_name(thawing_.path) - thawing_.path);
    bool done = try_file(directory, thawing_.path, "") || try_path_variable() || try_embedded();
    if (done && out_.image != nullptr) return agrees();
    return done ? false : not_found();
  }

 private:
  const char* name() const { return thawing_.file->view().string(needed_.name); }

  // The image itself, or else a member of another.
  bool in_process(bool itself) {
    for (Image* image = first_image(); image != nullptr; image = image->next) {
      if (image->metadata == nullptr) continue;
      if (is_id(image->view.header->content_id, needed_.content_id) == itself && take(image)) return true;
    }
    return false;
  }

  // Is it this image, or a member of it?
  bool take(Image* image) {
    const Member* member = find_member(image->view, needed_.content_id);
    if (is_id(image->view.header->content_id, needed_.content_id)) {
      out_.parts[0] = {needed_.slot_address, needed_.size, image->delta};
      out_.part_count = 1;
    } else if (member != nullptr) {
      out_.part_count = 0;
      // Data first: its start is also the end of what lies before it, where nothing can be pointed to.
      add_part(member->data_address, member->data_size, image->process(member->new_data_address));
      add_part(member->lazy_address, member->lazy_size, image->process(member->new_lazy_address));
    } else {
      return false;
    }
    out_.image = image;
    return true;
  }
  void add_part(uint64_t begin, uint64_t size, uint64_t process) {
    if (size != 0) out_.parts[out_.part_count++] = {begin, size, process - begin};
  }

  // What the image says of itself must be what the snapshot that needs it expects.
  bool agrees() {
    const View& view = out_.image->view;
    const Member* member =
        is_id(view.header->content_id, needed_.content_id) ? nullptr : find_member(view, needed_.content_id);
    const uint64_t slot = member == nullptr ? view.header->slot_address : member->slot_address;
    const uint64_t end =
        member == nullptr ? view.data.address + view.data.size : member->data_address + member->data_size;
    if (slot != needed_.slot_address || end - slot != needed_.size) {
      return fail(error_, Code::wrong_dependency,
                  "needs %s: it lies at 0x%llx to 0x%llx, and 0x%llx to 0x%llx are expected; freeze this one again",
                  name(), static_cast<ull>(slot), static_cast<ull>(end), static_cast<ull>(needed_.slot_address),
                  static_cast<ull>(needed_.slot_address + needed_.size));
    }
    if (out_.image->builds <= thawing_.builds) return true;
    return fail(error_, Code::wrong_build,
                "needs %s: it is bound to another build, and is only in use in this process because its targets were "
                "found by name; freeze it again with this build, or bind it with fastboot-migrate --add",
                name());
  }

  // Each of these gives true when the search is over: with the image, or with an error.
  bool try_file(int directory_size, const char* directory, const char* separator) {
    char path[4096];
    snprintf(path, sizeof path, "%.*s%s%s", directory_size, directory, separator, name());
    SnapshotFile file;
    Error why;
    if (!file.open(path, &why)) {
      if (why.code != Code::not_found && failure_.code == Code::ok) {
        fail(&failure_, why.code, "needs %s: %.1000s: %.2000s", name(), path, why.message);
      }
      return false;
    }
    return try_opened(path, &file);
  }

  bool try_path_variable() {
    const char* next = getenv("FASTBOOT_PATH");
    while (next != nullptr && *next != '\0') {
      const char* end = strchrnul(next, ':');
      if (end != next && try_file(static_cast<int>(end - next), next, "/")) return true;
      next = *end == ':' ? end + 1 : end;
    }
    return false;
  }

  bool try_embedded() {
    SnapshotFile file;
    Error why;
    if (!file.open_embedded(&why)) return false;
    uint8_t id[wire::kContentIdSize];
    wire::content_id(file.view(), id);
    const bool wanted = is_id(id, needed_.content_id) || find_member(file.view(), needed_.content_id) != nullptr;
    return wanted && try_opened(thawing_.path, &file);
  }

  bool try_opened(const char* path, SnapshotFile* file) {
    if (closes_circle(*file)) return true;
    uint8_t id[wire::kContentIdSize];
    wire::content_id(file->view(), id);
    const bool same = is_id(id, needed_.content_id) && is_id(id, file->view().header->content_id);
    if (!same && find_member(file->view(), needed_.content_id) == nullptr) {
      if (failure_.code != Code::ok) return false;
      fail(&failure_, Code::wrong_dependency,
           "needs %s: found %.1000s with content id %s, expected %s; freeze this one again, or put the image that it "
           "was frozen against there",
           name(), path, ContentIdText(id).text, ContentIdText(needed_.content_id).text);
      return false;
    }
    const Thawing next = {&thawing_, path, file, thawing_.builds};
    Error why;
    Image* image = thaw_(next, file, &why);
    if (image == nullptr) {
      fail(error_, why.code, "needs %s: %.2800s", name(), why.message);
      return true;
    }
    image->attempt = attempt;
    take(image);
    return true;
  }

  // Is this file one of those that are being thawed?
  bool closes_circle(const SnapshotFile& file) {
    uint32_t row = 0;
    for (const Thawing* each = &thawing_; each != nullptr; each = each->needed_by, ++row) {
      const bool same_file = file.device() == each->file->device() && file.inode() == each->file->inode();
      if (!same_file || file.base() != each->file->base()) continue;
      fail(
          error_, Code::circular_dependency,
          "needs %s: it needs this one in turn; found content id %s, expected %s; freeze one of them without the other",
          name(), ContentIdText(file.view().header->content_id).text, ContentIdText(needed_.content_id).text);
      return true;
    }
    if (row < kMostInARow) return false;
    fail(error_, Code::circular_dependency, "needs %s: more than %u images that need each other in a row; link some",
         name(), kMostInARow);
    return true;
  }

  bool not_found() {
    if (failure_.code != Code::ok) {
      *error_ = failure_;
      return false;
    }
    const char* path = getenv("FASTBOOT_PATH");
    return fail(error_, Code::missing_dependency,
                "needs %s (content id %s): there is none beside it%s%.1000s; install it with this one, or name its "
                "directory in FASTBOOT_PATH",
                name(), ContentIdText(needed_.content_id).text, path == nullptr ? "" : " or in ",
                path == nullptr ? "" : path);
  }

  const Thawing& thawing_;
  const Needed& needed_;
  ThawNeeded thaw_;
  Dependency& out_;
  Error* error_;
  Error failure_;  // the first file that was there and is another, or cannot be used
};

// Unmaps what this thaw has mapped for an image that then could not be, and all that it had mapped for that: nobody has
// seen a closure of these.
void drop(Image* image) {
  // Another one that was dropped may have needed it, too.
  if (image->metadata == nullptr || image->attempt != attempt || image->in_use()) return;
  Image* needed[wire::kMaxNeeded];
  const uint64_t count = image->view.needed_count;
  for (uint64_t i = 0; i < count; ++i) needed[i] = image->needs[i].image;
  const Placement placement = image->placement;
  leave_static_roots(*image);
  remove_image(image);
  release(placement);
  for (uint64_t i = 0; i < count; ++i) drop(needed[i]);
}

}  // namespace

void Needs::give_up() {
  for (uint64_t i = count_; i > 0; --i) {
    drop(needed_[i - 1].image);
  }
  free(needed_);
}

bool Needs::find(const Thawing& thawing, ThawNeeded thaw, Error* error) {
  const View& view = thawing.file->view();
  needed_ = static_cast<Dependency*>(calloc(view.needed_count, sizeof(Dependency)));
  if (thawing.needed_by == nullptr) ++attempt;
  if (needed_ == nullptr) return fail(error, Code::out_of_memory, "no memory for the list of images that it needs");
  for (uint64_t i = 0; i < view.needed_count; ++i) {
    Dependency found;
    if (!Search(thawing, view.needed[i], thaw, &found, error).run()) {
      if (found.image != nullptr) drop(found.image);
      return false;
    }
    needed_[count_++] = found;
  }
  return true;
}

bool Needs::relocate(const SnapshotFile& file, uint64_t delta, Error* error) {
  for (uint64_t i = 0; i < count_; ++i) {
    if (!needed_[i].in_place()) return relocate_cross(file, needed_, delta, &relocations_, error);
  }
  return true;
}

void Needs::keep_for(Image* image) {
  for (uint64_t i = 0; i < count_; ++i) {
    ++needed_[i].image->dependents;
  }
  image->needs = needed_;
  image->relocations = relocations_;
  needed_ = nullptr;
  count_ = 0;
}

}  // namespace fastboot::ghc
