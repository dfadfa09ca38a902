// Thawing, the whole way, in a process without GHC's runtime system (support/rts_stub.h says what of it is not real):
// opening, the metadata, choosing the root, binding (by the snapshot, a sidecar, names), placing, mapping, rebasing,
// the link segment, raw references. Afterwards the image is looked at and unmapped.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "fastboot.h"
#include "format/wire/hash.h"
#include "format/wire/parse.h"
#include "fuzz/support/rts_stub.h"
#include "fuzz/support/snapshot_mutator.h"
#include "ghc-9.0/image.h"
#include "ghc-9.0/placement.h"

using namespace fastboot;

namespace {

// Bits of choice().
constexpr uint8_t kElsewhere = 1, kOtherBuild = 2, kBySidecar = 4, kByName = 8, kOtherType = 16, kVerify = 32;

constexpr uint8_t kOtherBuildId = 0xcd;

struct Files {
  fuzz::MemoryFile snapshot, sidecar, program;
  bool has_sidecar = false;
};
Files& files() {
  static Files all;
  return all;
}

// The snapshot's own binding, as a binding for another build.
void make_sidecar(const fuzz::Bytes& file) {
  files().has_sidecar = false;
  wire::View view;
  wire::Error ignored;
  if (!wire::parse(file.data(), file.size(), file.size(), false, &view, &ignored)) return;
  const wire::Table& table = view.table(wire::TableKind::binding);
  fuzz::Bytes bytes(sizeof(wire::SidecarHeader));
  const uint8_t* binding = file.data() + (table.address - view.hot.address);
  bytes.insert(bytes.end(), binding, binding + table.size);
  const uint32_t modules = view.binding->module_count;
  for (uint32_t i = 0; i < modules; ++i) {
    uint8_t* id =
        bytes.data() + sizeof(wire::SidecarHeader) + sizeof(wire::BindingHeader) + i * sizeof(wire::BindingModule);
    if (id[0] == fuzz::kBuildIdByte) memset(id, kOtherBuildId, 20);
  }
  wire::SidecarHeader header = {};
  memcpy(header.magic, wire::kSidecarMagic, sizeof header.magic);
  memcpy(header.content_id, view.header->content_id, sizeof header.content_id);
  header.size = static_cast<uint32_t>(table.size);
  memcpy(bytes.data(), &header, sizeof header);
  constexpr size_t kHashed = offsetof(wire::SidecarHeader, content_id);
  wire::hash128(bytes.data() + kHashed, bytes.size() - kHashed, bytes.data() + offsetof(wire::SidecarHeader, hash));
  files().sidecar.set(bytes);
  files().has_sidecar = true;
}

// The type that the caller expects is that of the first root: what is behind this check is to be reached.
void root_type(const fuzz::Bytes& file, uint64_t out[2]) {
  wire::View view;
  wire::Error ignored;
  out[0] = out[1] = 0;
  if (!wire::parse(file.data(), file.size(), file.size(), false, &view, &ignored)) return;
  memcpy(out, view.roots[0].type_fingerprint, 2 * sizeof(uint64_t));
}

void check_image(const ghc::Image& image, uint64_t closure) {
  const wire::View& view = image.view;
  fuzz::require(image.holds_closures(closure & ~uint64_t{7}), "the root lies in the image");
  fuzz::require(image.end - image.begin >= view.data.address + view.data.size - view.header->slot_address,
                "all is mapped");
  const uint64_t info = image.process(view.table(wire::TableKind::info).address);
  const uint64_t info_size = view.table(wire::TableKind::info).size;
  for (uint64_t i = 0; i < view.target_count; ++i) {
    const wire::Target& target = view.targets[i];
    const uint64_t word = image.link_word(target);
    fuzz::require(word == 0 ? target.kind == static_cast<uint16_t>(wire::TargetKind::static_root) : fuzz::is_ours(word),
                  "a link-table word leads into the program");
    if (target.info_offset == 0) continue;
    fuzz::require(target.info_offset < info_size, "an interned info table lies in the segment");
    fuzz::require(image.target_of_info(info + target.info_offset) == &target, "an interned info table is found");
    uint32_t type;
    memcpy(&type, reinterpret_cast<const void*>(info + target.info_offset - 8), sizeof type);
    fuzz::require(type == target.closure_type, "an interned info table has the target's type");
  }
  // Every page of it can be read.
  uint64_t sum = 0;
  for (uint64_t at = view.data.address; at < view.data.address + view.data.size; at += wire::kPageSize) {
    sum += *reinterpret_cast<const uint64_t*>(image.process(at));
  }
  fuzz::require(sum != 1, "never");  // so that the compiler keeps it
}

void forget_all() {
  for (ghc::Image* image = ghc::first_image(); image != nullptr; image = image->next) {
    if (image->metadata == nullptr) continue;
    const ghc::Placement placement = image->placement;
    ghc::remove_image(image);
    ghc::release(placement);
  }
}

}  // namespace

// Linked with --wrap=open: files by name are files in memory.
extern "C" int __real_open(const char* path, int flags, ...);
extern "C" int __wrap_open(const char* path, int flags, unsigned mode) {
  const size_t size = strlen(path);
  const auto ends_with = [&](const char* end) {
    return size >= strlen(end) && strcmp(path + size - strlen(end), end) == 0;
  };
  if (strcmp(path, "seed.snap") == 0) return __real_open(files().snapshot.path().c_str(), flags, mode);
  if (ends_with(".bind")) {
    if (files().has_sidecar) return __real_open(files().sidecar.path().c_str(), flags, mode);
    errno = ENOENT;
    return -1;
  }
  return __real_open(path, flags, mode);
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const format::Model model = fuzz::seed_model();
  const fuzz::Program program = fuzz::make_program(model);
  files().program.set(program.elf);
  uint64_t lazy = 0, forced = 0;
  for (uint64_t i = 0; i < model.targets.size(); ++i) {
    if (model.targets[i].symbol == "fastboot_lazy_enter") lazy = i;
    if (model.targets[i].symbol == "fastboot_forced_enter") forced = i;
  }
  fuzz::become(program, files().program.path(), lazy, forced);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::Bytes file = fuzz::unpack(data, size);
  const uint8_t choice = fuzz::choice(file);
  files().snapshot.set(file);
  files().has_sidecar = false;
  if ((choice & kBySidecar) != 0) make_sidecar(file);
  fuzz::reserve_heap();
  fuzz::set_build_id((choice & (kOtherBuild | kBySidecar)) != 0 ? kOtherBuildId : fuzz::kBuildIdByte);
  setenv("FASTBOOT_REBASE", (choice & kElsewhere) != 0 ? "1" : "0", 1);
  setenv("FASTBOOT_VERIFY", (choice & kVerify) != 0 ? "data" : "metadata", 1);
  uint64_t type[2];
  root_type(file, type);
  if ((choice & kOtherType) != 0) ++type[0];
  void* closure = nullptr;
  static fastboot_error error;
  const uint32_t code =
      fastboot_thaw("seed.snap", nullptr, "[Int]", type[0], type[1],
                    (choice & kByName) != 0 ? FASTBOOT_ANY_BUILD : FASTBOOT_BOUND_BUILDS, &closure, &error);
  if (code == 0) {
    const ghc::Image* image = ghc::find_image(reinterpret_cast<uint64_t>(closure));
    fuzz::require(image != nullptr, "the root's image is in the list");
    check_image(*image, reinterpret_cast<uint64_t>(closure));
  } else {
    fuzz::require(closure == nullptr && error.code == code && error.message[0] != '\0', "a refusal says why");
    fuzz::require(ghc::first_image() == nullptr || ghc::first_image()->metadata == nullptr,
                  "a refusal leaves no image");
  }
  forget_all();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  return fuzz::mutate_snapshot(data, size, most, seed, fuzz::Focus::metadata);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* first, size_t first_size, const uint8_t* second,
                                            size_t second_size, uint8_t* out, size_t most, unsigned seed) {
  return fuzz::cross_snapshots({first, first_size}, {second, second_size}, out, most, seed);
}
