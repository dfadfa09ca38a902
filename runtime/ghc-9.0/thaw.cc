// Thawing: from a file to closures, in a number of system calls that does not depend on the image's size.

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <new>

#include "core/bytes.h"
#include "core/file.h"
#include "core/lock.h"
#include "core/path.h"
#include "core/system_calls.h"
#include "core/verify.h"
#include "fastboot.h"
#include "format/wire/buffer.h"
#include "format/wire/placement_of_code.h"
#include "ghc-9.0/against.h"
#include "ghc-9.0/binding.h"
#include "ghc-9.0/facts.h"
#include "ghc-9.0/fault.h"
#include "ghc-9.0/image.h"
#include "ghc-9.0/interned.h"
#include "ghc-9.0/lazy.h"
#include "ghc-9.0/needs.h"
#include "ghc-9.0/placement.h"
#include "ghc-9.0/rebase.h"
#include "ghc-9.0/rts.h"
#include "ghc-9.0/scope.h"
#include "ghc-9.0/signed.h"
#include "ghc-9.0/static_roots.h"

namespace sys = fastboot::runtime::sys;
using fastboot::runtime::Locked;
using fastboot::runtime::SnapshotFile;
using fastboot::runtime::Timeline;
using fastboot::wire::Code;
using fastboot::wire::Error;
using fastboot::wire::fail;
using fastboot::wire::Root;
using fastboot::wire::TargetKind;
using fastboot::wire::View;
using namespace fastboot;
using namespace fastboot::ghc;

namespace {

using ull = unsigned long long;

constinit runtime::Lock lock;  // one thaw at a time

// --- does it fit? --------------------------------------------------------------------------------

bool check_process(const View& view, Error* error) {
  const wire::Header& header = *view.header;
  if (header.ghc_version != ghc_version()) {
    return fail(error, Code::wrong_ghc_version,
                "it was frozen by GHC %u.%u.%u, and this program is of GHC %u.%u.%u; freeze it again",
                header.ghc_version / 10000, header.ghc_version / 100 % 100, header.ghc_version % 100,
                ghc_version() / 10000, ghc_version() / 100 % 100, ghc_version() % 100);
  }
  if (header.rts_way != rts_way()) {
    char theirs[64];
    char ours[64];
    describe_way(header.rts_way, theirs, sizeof theirs);
    describe_way(rts_way(), ours, sizeof ours);
    return fail(error, Code::wrong_rts_way,
                "it was frozen under the %s runtime system, and this program has the %s one; freeze it again", theirs,
                ours);
  }
  const wire::HeapLayout own = heap_layout();
  static_assert(sizeof own == 3 * sizeof(uint64_t));
  if (!runtime::equal_bytes(&own, &header.heap, sizeof own)) {
    return fail(
        error, Code::wrong_layout,
        "its heap has words of %u bytes, megablocks of 2^%u and thunk headers of %u; this program's has %u, 2^%u, "
        "%u; freeze it again",
        header.heap.word_size, header.heap.megablock_shift, header.heap.thunk_header, own.word_size,
        own.megablock_shift, own.thunk_header);
  }
  return true;
}

const Root* find_root(const View& view, const char* name) {
  for (uint64_t i = 0; i < view.root_count; ++i) {
    if (strcmp(view.string(view.roots[i].name), name) == 0) return &view.roots[i];
  }
  return nullptr;
}

// The root that the caller asks for, with the type that the caller expects; or nullptr.
const Root* choose_root(const View& view, const char* name, const char* type_name, uint64_t type_0, uint64_t type_1,
                        Error* error) {
  const Root* root = name != nullptr        ? find_root(view, name)
                     : view.root_count == 1 ? &view.roots[0]
                                            : find_root(view, view.string(view.header->image_name));
  if (root == nullptr && name == nullptr) {
    fail(error, Code::ambiguous_root, "it has %llu roots and none is named \"%s\" as the image; say which one",
         static_cast<ull>(view.root_count), view.string(view.header->image_name));
    return nullptr;
  }
  if (root == nullptr) {
    fail(error, Code::no_such_root,
         "it has no root \"%.200s\"; its first is \"%.200s\" of %llu; ask for one that it has, or freeze it again",
         name, view.string(view.roots[0].name), static_cast<ull>(view.root_count));
    return nullptr;
  }
  if (root->type_fingerprint[0] != type_0 || root->type_fingerprint[1] != type_1) {
    const char* found = view.string(root->type_name);
    const char* expected = type_name == nullptr ? "another" : type_name;
    fail(
        error, Code::wrong_type,
        "its root \"%.200s\" has type %.1000s%s, and %.1000s was expected; thaw it at its own type, or freeze it again",
        view.string(root->name), found, strcmp(found, expected) == 0 ? " (of another definition by that name)" : "",
        expected);
    return nullptr;
  }
  return root;
}

// --- mapping -------------------------------------------------------------------------------------

// `result` is a system call's: a negative errno.
bool map_failed(const char* what, uint64_t address, uint64_t size, long result, Error* error) {
  return fail(error, Code::mapping_failed, "cannot map its %s (0x%llx bytes at 0x%llx): %s", what,
              static_cast<ull>(size), static_cast<ull>(address), strerror(static_cast<int>(-result)));
}

// One image on its way into the process.
struct Mapping {
  const SnapshotFile& file;
  const Bound& bound;
  Placement placement;
  uint64_t delta;  // process address minus image address
  Timeline* timeline;
  Error* error;

  // `size` bytes of the file at `offset`, for the image's `address`.
  bool map_file(uint64_t address, uint64_t offset, uint64_t size, int protection, const char* what) const {
    const long result = sys::map_at(address + delta, size, protection, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
                                    file.descriptor(), file.base() + offset);
    return result == 0 || map_failed(what, address + delta, size, result, error);
  }

  // The data, and the file's first page: with the ELF header in place, a debugger finds the snapshot to a core dump by
  // its build-id. Where both lie in the file as in the address space, one call maps them, and what is between them,
  // which others are then mapped over. Nothing reads the first page here, so where it takes a call of its own that may
  // fail.
  bool map_data() const {
    const wire::Segment& data = file.view().data;
    const uint64_t slot = file.view().header->slot_address;
    const bool together = delta == 0 && data.address - slot == data.offset;
    const uint64_t begin = together ? slot : data.address;
    const uint64_t size = data.address + data.size - begin;
    if (!map_file(begin, data.offset - (data.address - begin), size, delta == 0 ? PROT_READ : PROT_READ | PROT_WRITE,
                  "data")) {
      return false;
    }
    // Without this, pages that were evicted come back 4 KiB at a time. For the whole mapping: else it would be split.
    if (data.size >= wire::kHugePageSize) (void)sys::advise(begin + delta, size, MADV_HUGEPAGE);
    if (!together) {
      (void)sys::map_at(slot + delta, wire::kPageSize, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
                        file.descriptor(), file.base());
    }
    return true;
  }

  // The link segment: anonymous, filled here, then readable and executable as a whole: never writable and executable
  // at once. (That the link table is executable, too, saves splitting the mapping; it holds addresses only.)
  bool make_link_segment() const {
    const View& view = file.view();
    const uint64_t link = view.link.address + delta;
    long result =
        sys::map_at(link, view.link.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (result != 0) return map_failed("link segment", link, view.link.size, result, error);
    if (!link_targets(view, bound, reinterpret_cast<uint64_t*>(link), error)) return false;
    timeline->step("link table");
    const uint64_t info = link + view.link.file_size;
    make_interned_tables(view, reinterpret_cast<uint8_t*>(info), info, link);
    result = sys::protect(link, view.link.size, PROT_READ | PROT_EXEC);
    return result == 0 || map_failed("link segment", link, view.link.size, result, error);
  }

  // At addresses other than its own, the image's pages are made this process's own.
  bool rebase() const {
    const View& view = file.view();
    if (!rebase_image(file.descriptor(), file.base(), view, delta, error)) return false;
    const long result = sys::protect(view.data.address + delta, view.data.size, PROT_READ);
    return result == 0 || map_failed("data", view.data.address + delta, view.data.size, result, error);
  }

  bool map() const {
    const View& view = file.view();
    const wire::Segment& lazy = view.lazy;
    if (!map_data() ||
        (lazy.size != 0 && !map_file(lazy.address, lazy.offset, lazy.size, PROT_READ | PROT_WRITE, "lazy closures"))) {
      return false;
    }
    timeline->step("map");
    if (delta != 0) {
      if (!rebase()) return false;
      timeline->step("rebase");
    }
    if (!make_link_segment() || !apply_raw_references(view, delta, error)) return false;
    timeline->step("interned tables");
    return true;
  }
};

// Where in `info` the trampoline of forced lazy closures has its info pointer; 0: there is none.
uint64_t forced_offset(const View& view) {
  for (uint64_t i = 0; i < view.target_count; ++i) {
    if (view.targets[i].kind != static_cast<uint16_t>(TargetKind::trampoline)) continue;
    const char* symbol = view.string(view.symbols[view.targets[i].symbol].st_name);
    if (strcmp(symbol, "fastboot_forced_enter") == 0) return view.targets[i].info_offset;
  }
  return 0;
}

// Takes the file's metadata along.
Image* new_image(SnapshotFile* file, const Placement& placement, uint64_t forced, Error* error) {
  void* memory = malloc(sizeof(Image));
  if (memory == nullptr) {
    fail(error, Code::out_of_memory, "no memory for what is remembered of it");
    return nullptr;
  }
  auto* image = new (memory) Image{};
  image->view = file->view();
  image->metadata = file->give_metadata();
  image->delta = placement.begin - image->view.header->slot_address;
  image->placement = placement;
  image->begin = placement.begin;
  image->end = placement.end;
  if (forced != 0) image->forced_header = image->process(image->view.table(wire::TableKind::info).address) + forced;
  image->device = file->device();
  image->inode = file->inode();
  return image;
}

// The image of the same content, if this process has it already.
Image* find_thawed(const View& view) {
  for (Image* image = first_image(); image != nullptr; image = image->next) {
    if (image->metadata == nullptr) continue;
    if (runtime::equal_bytes(image->view.header->metadata_hash, view.header->metadata_hash, wire::kHashSize))
      return image;
  }
  return nullptr;
}

// The static roots that this program's code needs besides the image's.
class FurtherRoots {
 public:
  FurtherRoots(const View& view, const Bound& bound) {
    for (uint64_t i = view.target_count; i < bound.binding.header->entry_count; ++i) {
      const wire::BindingEntry& entry = bound.binding.entries[i];
      const uint64_t address = bound.modules[entry.module]->bias + entry.offset;
      addresses_.append(&address, sizeof address);
    }
  }
  bool prepare(const Image& image, Error* error) const {
    if (addresses_.failed()) return fail(error, Code::out_of_memory, "no memory for the list of its static roots");
    return prepare_static_roots(image, data(), count(), error);
  }
  void* keep(const Image& image) const { return keep_static_roots(image, data(), count()); }

 private:
  const uint64_t* data() const { return reinterpret_cast<const uint64_t*>(addresses_.data()); }
  uint64_t count() const { return addresses_.size() / sizeof(uint64_t); }

  wire::Buffer addresses_;
};

Image* thaw_needed(const Thawing& thawing, SnapshotFile* file, Error* error);

bool find_needed(const Thawing& thawing, Needs* needs, Timeline* timeline, Error* error) {
  timeline->step("bind");
  const bool found = needs->find(thawing, thaw_needed, error);
  timeline->step("needed images");
  return found;
}

// Gives the image in the list, or nullptr.
FASTBOOT_EVERY_THAW Image* thaw_new(const Thawing& thawing, SnapshotFile* file, Timeline* timeline, Error* error) {
  const View& view = file->view();
  Needs needs;
  wire::Buffer memory;
  Bound bound;
  const uint64_t forced = forced_offset(view);
  if (view.header->lazy_closures != 0 && forced == 0) {
    fail(error, Code::corrupt, "it has lazy closures and no trampolines for them");
    return nullptr;
  }
  Placement placement;
  bool demanded = false;
  if (!check_process(view, error) || !bind(thawing.path, view, thawing.builds, &memory, &bound, error) ||
      !check_further_roots(view, bound, error) || !check_signature(*file, bound, &demanded, error) ||
      !runtime::verify_as_asked(*file, timeline, error) ||
      (view.needed_count != 0 && !find_needed(thawing, &needs, timeline, error)) ||
      !choose_placement(view, &placement, error)) {
    return nullptr;
  }
  timeline->step("bind");
  Image* image = new_image(file, placement, forced, error);
  // From here on, what fails is undone.
  const Mapping mapping = {*file, bound, placement, placement.begin - view.header->slot_address, timeline, error};
  const FurtherRoots further(view, bound);
  if (image == nullptr || !mapping.map() || (view.needed_count != 0 && !needs.relocate(*file, mapping.delta, error)) ||
      !further.prepare(*image, error)) {
    release(placement);
    if (image != nullptr) free(image->metadata);
    free(image);
    return nullptr;
  }
  // Point of no return.
  extend_heap_range(placement);
  image->placement.reserved = true;
  image->static_roots = further.keep(*image);
  image->builds = bound.builds;
  image->demanded = demanded;
  image = add_image(image);
  if (view.needed_count != 0) needs.keep_for(image);
  report_faults();
  timeline->step("static roots");
  return image;
}

// Is it the image that a file at `path` would hold? Images are named after their files: "x/dict.snap" holds "dict".
bool is_named_after(const View& view, const char* path) {
  const char* name = runtime::file_name(path);
  const char* image = view.string(view.header->image_name);
  const size_t size = strlen(image);
  return strncmp(name, image, size) == 0 && (name[size] == '\0' || strcmp(name + size, ".snap") == 0);
}

// The snapshot that the program carries, if it is what the caller asks for: by the root's name, or by the image's.
// `error` says what is wrong with the file, and stays if this is no help. Apart, for the memory that it needs on the
// stack.
[[gnu::noinline]] bool open_carried(const char* path, const char* root_name, SnapshotFile* embedded,
                                    SnapshotFile** opened, Error* error) {
  Error why;
  if (!embedded->open_embedded(&why)) {
    if (why.code != Code::not_found) *error = why;
    return false;
  }
  const View& view = embedded->view();
  if (root_name == nullptr ? !is_named_after(view, path) : find_root(view, root_name) == nullptr) return false;
  *opened = embedded;
  return true;
}

// The file, or where there is none, what the program carries.
bool open_snapshot(const char* path, const char* root_name, SnapshotFile* file, SnapshotFile* embedded,
                   SnapshotFile** opened, Error* error) {
  *opened = file;
  return file->open(path, error) ||
         (error->code == Code::not_found && open_carried(path, root_name, embedded, opened, error));
}

[[gnu::noinline]] void trace_thaw(const char* path, const SnapshotFile& file, const Image& image, const Root* root,
                                  Timeline* timeline) {
  const View& view = image.view;
  char needs[64] = "";
  if (view.needed_count != 0) {
    snprintf(needs, sizeof needs, "needs %llu image%s, relocations %llu; ", static_cast<ull>(view.needed_count),
             view.needed_count == 1 ? "" : "s", static_cast<ull>(image.relocations));
  }
  char steps[1024];
  timeline->describe(steps, sizeof steps);
  const char* from = file.embedded() ? ", from the program" : "";
  if (root != nullptr) {
    runtime::trace("%s: thawed \"%s\" :: %s%s; %s%s", path, view.string(root->name), view.string(root->type_name), from,
                   needs, steps);
  } else {
    runtime::trace("%s: thawed because it is needed%s; %s%s", path, from, needs, steps);
  }
}

Image* thaw_needed(const Thawing& thawing, SnapshotFile* file, Error* error) {
  Timeline timeline;
  Image* image = thaw_new(thawing, file, &timeline, error);
  if (image != nullptr && timeline.on()) trace_thaw(thawing.path, *file, *image, nullptr, &timeline);
  return image;
}

// What a caller asks for.
struct Request {
  const char* path;
  const char* root;       // or nullptr
  const char* type_name;  // or nullptr
  uint64_t type[2];
  Builds builds;
};

// An image that is there already may be there by less than this caller demands.
bool check_builds(const Image& image, Builds builds, Error* error) {
  return image.builds <= builds ||
         fail(
             error, Code::wrong_build,
             "it is bound to another build, and is only in use in this process because its targets were found by name; "
             "freeze it again with this build");
}

// An image that came before signatures mattered was never verified.
FASTBOOT_EVERY_THAW bool check_demanded(const Image& image, Error* error) {
  return image.demanded || !signatures_matter() ||
         fail(error, Code::not_signed,
              "it was thawed in this process before a signature was demanded; call requireSignature first of all");
}

// Where `scoped` is given, for as long as that scope lasts; else for good.
FASTBOOT_EVERY_THAW bool thaw(const Request& request, void** closure, Image** scoped, Error* error) {
  Timeline timeline;
  SnapshotFile given;
  SnapshotFile carried;
  SnapshotFile* opened = nullptr;
  if (!check_supported(error) || !open_snapshot(request.path, request.root, &given, &carried, &opened, error))
    return false;
  const Root* root =
      choose_root(opened->view(), request.root, request.type_name, request.type[0], request.type[1], error);
  if (root == nullptr) return false;
  timeline.step("open and check");
  const Locked locked(&lock);
  Image* image = find_thawed(opened->view());
  if (image != nullptr && (!check_builds(*image, request.builds, error) || !check_demanded(*image, error)))
    return false;
  if (image == nullptr) image = thaw_new({nullptr, request.path, opened, request.builds}, opened, &timeline, error);
  if (image == nullptr) return false;
  *closure = reinterpret_cast<void*>(image->process(root->address) | root->tag);
  if (scoped == nullptr) {
    image->permanent = true;
  } else {
    ++image->scopes;
    *scoped = image;
  }
  if (timeline.on()) trace_thaw(request.path, *opened, *image, root, &timeline);
  return true;
}

// The path that a caller gives, or where FASTBOOT_NEEDS has a file of that name, that one.
class ChosenPath {
 public:
  explicit ChosenPath(const char* path)
      : path_(path), needed_(getenv("FASTBOOT_NEEDS") ? needed_by_name(path) : nullptr) {}
  ChosenPath(const ChosenPath&) = delete;
  ChosenPath& operator=(const ChosenPath&) = delete;
  ~ChosenPath() { free(needed_); }
  const char* get() const { return needed_ != nullptr ? needed_ : path_; }

 private:
  const char* path_;
  char* needed_;
};

// Errors are made in the caller's memory, where there is some: three kilobytes on the stack would be a page of it that
// no thaw without an error needs. The two structures start alike.
static_assert(sizeof(Error) <= sizeof(fastboot_error) && sizeof(Error::code) == sizeof(fastboot_error::code) &&
              offsetof(Error, message) == offsetof(fastboot_error, message));
Error* made_in(fastboot_error* error) {
  alignas(Error) static uint8_t nobody_reads_it[sizeof(Error)];
  return reinterpret_cast<Error*>(error == nullptr ? nobody_reads_it : reinterpret_cast<uint8_t*>(error));
}

// Puts the path in front of the message.
[[gnu::noinline]] uint32_t report_failure(const char* path, Error* why, fastboot_error* error) {
  const auto code = static_cast<uint32_t>(why->code);
  if (error == nullptr) return code;
  char message[sizeof why->message];
  memcpy(message, why->message, sizeof message);
  error->code = code;
  snprintf(error->message, sizeof error->message, "%.4000s: %s", path, message);
  return code;
}

}  // namespace

extern "C" {

FASTBOOT_EVERY_THAW uint32_t fastboot_thaw(const char* path, const char* root, const char* type_name,
                                           uint64_t type_fingerprint_0, uint64_t type_fingerprint_1,
                                           fastboot_builds builds, void** closure, fastboot_error* error) {
  Error* why = made_in(error);
  *closure = nullptr;
  const ChosenPath chosen(path);
  const Request request = {
      chosen.get(), root, type_name, {type_fingerprint_0, type_fingerprint_1}, static_cast<Builds>(builds)};
  return thaw(request, closure, nullptr, why) ? 0 : report_failure(chosen.get(), why, error);
}

int fastboot_is_needed(const char* path) {
  const ChosenPath chosen(path);
  return chosen.get() == path ? 0 : 1;
}

uint32_t fastboot_scope_enter(const char* path, const char* root, const char* type_name, uint64_t type_fingerprint_0,
                              uint64_t type_fingerprint_1, void** closure, fastboot_scope** scope,
                              fastboot_error* error) {
  Error* why = made_in(error);
  Image* image = nullptr;
  *closure = nullptr;
  const ChosenPath chosen(path);
  const Request request = {chosen.get(), root, type_name, {type_fingerprint_0, type_fingerprint_1}, Builds::same_types};
  if (!thaw(request, closure, &image, why)) return report_failure(chosen.get(), why, error);
  *scope = reinterpret_cast<fastboot_scope*>(image);
  return 0;
}

uint64_t fastboot_scope_leave(fastboot_scope* scope) {
  const Locked locked(&lock);
  auto* image = reinterpret_cast<Image*>(scope);
  --image->scopes;
  return watch_references(image);
}

void fastboot_scope_release(fastboot_scope*, uint64_t watch) {
  const Locked locked(&lock);
  release_unless_met(watch);
}

}  // extern "C"
