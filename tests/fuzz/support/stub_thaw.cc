#include "fuzz/support/stub_thaw.h"

#include <sys/stat.h>

#include <cstdio>
#include <cstring>
#include <filesystem>

#include "fastboot.h"
#include "format/reader.h"
#include "format/wire/hash.h"
#include "format/wire/parse.h"
#include "fuzz/support/rts_stub.h"
#include "ghc-9.0/image.h"
#include "ghc-9.0/placement.h"
#include "ghc-9.0/rts.h"
#include "unit/sample.h"

namespace fastboot::fuzz {

namespace fs = std::filesystem;

namespace {

constexpr uint8_t kOtherBuildId = 0xcd;

struct Files {
  test::TemporaryDirectory directory;
  MemoryFile snapshot = MemoryFile(directory.path("seed.snap")), sidecar = MemoryFile(directory.path("sidecar")),
             program;
};
Files& files() {
  static Files all;
  return all;
}

// The snapshot's own binding, as a binding for another build.
void make_sidecar(const Bytes& file) {
  wire::View view;
  wire::Error ignored;
  if (!wire::parse(file.data(), file.size(), file.size(), false, &view, &ignored)) return;
  const wire::Table& table = view.table(wire::TableKind::binding);
  Bytes bytes(sizeof(wire::SidecarHeader) + table.size);
  memcpy(bytes.data() + sizeof(wire::SidecarHeader), file.data() + (table.address - view.hot.address), table.size);
  const uint32_t modules = view.binding->module_count;
  for (uint32_t i = 0; i < modules; ++i) {
    uint8_t* id =
        bytes.data() + sizeof(wire::SidecarHeader) + sizeof(wire::BindingHeader) + i * sizeof(wire::BindingModule);
    if (id[0] == kBuildIdByte) memset(id, kOtherBuildId, 20);
  }
  wire::SidecarHeader header = {};
  memcpy(header.magic, wire::kSidecarMagic, sizeof header.magic);
  memcpy(header.content_id, view.header->content_id, sizeof header.content_id);
  header.size = static_cast<uint32_t>(table.size);
  memcpy(bytes.data(), &header, sizeof header);
  constexpr size_t kHashed = offsetof(wire::SidecarHeader, content_id);
  wire::hash128(bytes.data() + kHashed, bytes.size() - kHashed, bytes.data() + offsetof(wire::SidecarHeader, hash));
  files().sidecar.set(bytes);
  const fs::path directory =
      files().directory.path(format::to_hex(view.header->content_id, sizeof view.header->content_id));
  fs::create_directory(directory);
  const std::vector<uint8_t> id(20, kOtherBuildId);
  fs::create_hard_link(files().sidecar.path(), directory / (format::to_hex(id.data(), id.size()) + ".bind"));
}

void remove_sidecars() {
  for (const auto& entry : fs::directory_iterator(files().directory.path(""))) {
    if (entry.is_directory()) fs::remove_all(entry.path());
  }
}

// The type that the caller expects is that of the first root: what is behind this check is to be reached.
void root_type(const Bytes& file, uint64_t out[2]) {
  wire::View view;
  wire::Error ignored;
  out[0] = out[1] = 0;
  if (!wire::parse(file.data(), file.size(), file.size(), false, &view, &ignored)) return;
  memcpy(out, view.roots[0].type_fingerprint, 2 * sizeof(uint64_t));
}

void check_image(const ghc::Image& image, uint64_t closure) {
  const wire::View& view = image.view;
  require(image.holds_closures(closure & ~uint64_t{7}), "the root lies in the image");
  require(image.end - image.begin >= view.data.address + view.data.size - view.header->slot_address, "all is mapped");
  const uint64_t info = image.process(view.table(wire::TableKind::info).address);
  const uint64_t info_size = view.table(wire::TableKind::info).size;
  for (uint64_t i = 0; i < view.target_count; ++i) {
    const wire::Target& target = view.targets[i];
    const uint64_t word = image.link_word(target);
    require(word == 0 ? target.kind == static_cast<uint16_t>(wire::TargetKind::static_root) : is_ours(word),
            "a link-table word leads into the program");
    if (target.info_offset == 0) continue;
    require(target.info_offset < info_size, "an interned info table lies in the segment");
    require(image.target_of_info(info + target.info_offset) == &target, "an interned info table is found");
    uint32_t type;
    memcpy(&type, reinterpret_cast<const void*>(info + target.info_offset - 8), sizeof type);
    require(type == target.closure_type, "an interned info table has the target's type");
  }
  // Every page of it can be read.
  uint64_t sum = 0;
  for (uint64_t at = view.data.address; at < view.data.address + view.data.size; at += wire::kPageSize) {
    sum += *reinterpret_cast<const uint64_t*>(image.process(at));
  }
  require(sum != 1, "never");  // so that the compiler keeps it
}

// One that no other needs, or nullptr: there is none at all.
ghc::Image* last_image() {
  ghc::Image* found = nullptr;
  for (ghc::Image* image = ghc::first_image(); image != nullptr; image = image->next) {
    if (image->metadata != nullptr && (found == nullptr || image->dependents == 0)) found = image;
  }
  return found;
}

// Of the link table, interned info tables and heap of each image, and where the root is.
uint64_t digest_of(const void* closure) {
  const auto root = reinterpret_cast<uint64_t>(closure);
  wire::Hasher hasher;
  hasher.add(&root, sizeof root);
  for (const ghc::Image* image = ghc::first_image(); image != nullptr; image = image->next) {
    if (image->metadata == nullptr) continue;
    const wire::View& view = image->view;
    const uint64_t link = view.table(wire::TableKind::link_table).count * sizeof(uint64_t);
    const wire::Table& info = view.table(wire::TableKind::info);
    hasher.add(reinterpret_cast<const void*>(image->process(view.link.address)), link);
    if (info.size != 0) hasher.add(reinterpret_cast<const void*>(image->process(info.address)), info.size);
    for (const wire::Segment* segment : {&view.lazy, &view.data}) {
      if (segment->size != 0)
        hasher.add(reinterpret_cast<const void*>(image->process(segment->address)), segment->size);
    }
  }
  uint64_t digest[wire::kHashSize / sizeof(uint64_t)];
  hasher.finish(reinterpret_cast<uint8_t*>(digest));
  return digest[0];
}

void forget_all() {
  for (ghc::Image* image = last_image(); image != nullptr; image = last_image()) {
    require(image->dependents == 0, "images do not need each other in a circle");
    const ghc::Placement placement = image->placement;
    if (image->static_roots != nullptr) hs_free_stable_ptr(image->static_roots);
    ghc::remove_image(image);
    ghc::release(placement);
  }
}

// Stands for the package fastboot-signed: reads all that is signed, and believes it.
fastboot_signed_state believed = FASTBOOT_NOT_DEMANDED;
uint32_t verify(const fastboot_signable* what, fastboot_signed_state* state, fastboot_error* error) {
  if (what->signature == nullptr) {
    error->code = 220;
    snprintf(error->message, sizeof error->message, "it is not signed");
    return error->code;
  }
  uint64_t sum = 0;
  const auto add = [&](const void* bytes, uint64_t size) {
    for (uint64_t i = 0; i < size; ++i) sum += static_cast<const uint8_t*>(bytes)[i];
  };
  add(what->signature, sizeof(wire::Signature));
  add(what->content_id, wire::kContentIdSize);
  require(what->part_count <= std::size(what->parts) && what->range_count <= std::size(what->ranges), "all fits");
  for (uint32_t i = 0; i < what->part_count; ++i) add(what->parts[i].bytes, what->parts[i].size);
  add(what->binding.bytes, what->binding.size);
  struct stat status = {};
  require(fstat(what->descriptor, &status) == 0, "the file is open");
  for (uint32_t i = 0; i < what->range_count; ++i) {
    const auto& range = what->ranges[i];
    require(range.offset <= static_cast<uint64_t>(status.st_size) &&
                range.size <= static_cast<uint64_t>(status.st_size) - range.offset,
            "what is signed lies in the file");
  }
  require(sum != 1, "never");  // so that the compiler keeps it
  *state = believed;
  return 0;
}

}  // namespace

void start_stub_process() {
  const format::Model model = seed_model();
  const Program program = make_program(model);
  files().program.set(program.elf);
  for (uint64_t i = 0; i < kMostNeeded; ++i) {
    MemoryFile(files().directory.path(needed_name(i))).set(needed_file(i));
  }
  uint64_t lazy = 0;
  for (uint64_t i = 0; i < model.targets.size(); ++i) {
    if (model.targets[i].symbol == "fastboot_lazy_enter") lazy = i;
  }
  become(program, files().program.path(), lazy, Program::kForced);
}

void set_needed(uint64_t index, const Bytes& file) { MemoryFile(files().directory.path(needed_name(index))).set(file); }

uint32_t thaw_once(const Bytes& file, const ThawOptions& options, std::string* message, uint64_t* digest) {
  files().snapshot.set(file);
  if (options.by_sidecar) make_sidecar(file);
  reserve_heap();
  set_build_id(options.other_build || options.by_sidecar ? kOtherBuildId : kBuildIdByte);
  setenv("FASTBOOT_REBASE", options.elsewhere ? "1" : "0", 1);
  setenv("FASTBOOT_VERIFY", options.verify, 1);
  believed = options.is_signed == Signed::binding ? FASTBOOT_BINDING_SIGNED : FASTBOOT_IMAGE_SIGNED;
  fastboot_set_verifier(options.is_signed == Signed::nobody_asks ? nullptr : verify);
  uint64_t type[2];
  root_type(file, type);
  if (options.other_type) ++type[0];
  void* closure = nullptr;
  static fastboot_error error;
  const uint32_t code = fastboot_thaw(files().snapshot.path().c_str(), nullptr, "[Int]", type[0], type[1],
                                      options.by_name ? FASTBOOT_ANY_BUILD : FASTBOOT_BOUND_BUILDS, &closure, &error);
  if (code == 0) {
    const ghc::Image* image = ghc::find_image(reinterpret_cast<uint64_t>(closure));
    require(image != nullptr, "the root's image is in the list");
    check_image(*image, reinterpret_cast<uint64_t>(closure));
    if (digest != nullptr) *digest = digest_of(closure);
  } else {
    require(closure == nullptr && error.code == code && error.message[0] != '\0', "a refusal says why");
    require(last_image() == nullptr, "a refusal leaves no image");
    if (message != nullptr) *message = error.message;
  }
  forget_all();
  if (options.by_sidecar) remove_sidecars();
  return code;
}

}  // namespace fastboot::fuzz
