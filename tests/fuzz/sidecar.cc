// Bindings that lie beside a snapshot. An input is the whole file; the mutator makes its hash right again.
#include <algorithm>
#include <cstring>
#include <memory>

#include "format/wire/hash.h"
#include "format/wire/parse.h"
#include "fuzz/support/input.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

using namespace fastboot;

namespace {

// What parse_sidecar() is asked for: a snapshot of this content id with this many targets.
constexpr uint64_t kTargets = 4;
constexpr uint8_t kContentId[wire::kContentIdSize] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

void seal(uint8_t* data, size_t size) {
  if (size < sizeof(wire::SidecarHeader)) return;
  memcpy(data, wire::kSidecarMagic, sizeof wire::kSidecarMagic);
  memcpy(data + offsetof(wire::SidecarHeader, content_id), kContentId, sizeof kContentId);
  const auto body = static_cast<uint32_t>(size - sizeof(wire::SidecarHeader));
  memcpy(data + offsetof(wire::SidecarHeader, size), &body, sizeof body);
  constexpr size_t kHashed = offsetof(wire::SidecarHeader, content_id);
  wire::hash128(data + kHashed, size - kHashed, data + offsetof(wire::SidecarHeader, hash));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::unique_ptr<uint8_t[]> bytes(new uint8_t[size]);
  if (size != 0) memcpy(bytes.get(), data, size);
  wire::Binding binding;
  wire::Error error;
  if (!wire::parse_sidecar(bytes.get(), size, kContentId, kTargets, &binding, &error)) {
    fuzz::require(error.code != wire::Code::ok && error.message[0] != '\0', "a refusal says why");
    return 0;
  }
  fuzz::require(binding.header->entry_count >= kTargets, "an entry for each target");
  for (uint32_t i = 0; i < binding.header->module_count; ++i) {
    fuzz::require(binding.modules[i].build_id_size <= wire::kMaxBuildId, "a build-id fits");
    fuzz::require(strlen(binding.strings + binding.modules[i].path) < binding.header->strings_size, "a path ends");
  }
  for (uint32_t i = 0; i < binding.header->entry_count; ++i) {
    const uint32_t module = binding.entries[i].module;
    fuzz::require(module < binding.header->module_count || (module == wire::kNoModule && i < kTargets), "a module");
  }
  return 0;
}

// The counts of the binding's header are what its size follows from, so they are changed together with it.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  fuzz::Random random(seed == 0 ? 1 : seed);
  constexpr size_t kBinding = sizeof(wire::SidecarHeader);
  if (random() % 4 == 0 && size >= kBinding + sizeof(wire::BindingHeader)) {
    wire::BindingHeader header;
    memcpy(&header, data + kBinding, sizeof header);
    header.module_count = random() % 4;
    header.entry_count = random() % 8;
    header.strings_size = 1 + random() % 16;
    size_t want = kBinding + sizeof header + header.module_count * sizeof(wire::BindingModule) +
                  header.entry_count * sizeof(wire::BindingEntry) + header.strings_size;
    want = std::min(want, most);
    if (want > size) memset(data + size, 0, want - size);
    size = want;
    memcpy(data + kBinding, &header, sizeof header);
    data[size - 1] = 0;
  } else {
    size = LLVMFuzzerMutate(data, size, most);
  }
  if (random() % 16 != 0) seal(data, size);
  return size;
}
