// The validator that thaw and the tools share: wire::probe and wire::parse, and what is computed from a View. Nothing
// is opened or mapped, so this target is the fastest. Every pointer of a View is followed to its end, and the interned
// info tables are made in memory of exactly their size.
#include <cstring>
#include <memory>

#include "format/wire/parse.h"
#include "format/wire/signature.h"
#include "fuzz/support/snapshot_mutator.h"
#include "ghc-9.0/interned.h"

using namespace fastboot;

namespace {

constexpr uint64_t kMostInfo = 1u << 20;

uint64_t sum(const void* bytes, uint64_t size) {
  uint64_t total = 0;
  for (uint64_t i = 0; i < size; ++i) total += static_cast<const uint8_t*>(bytes)[i];
  return total;
}

template <class T>
uint64_t sum_of(const T* items, uint64_t count) {
  return items == nullptr ? 0 : sum(items, count * sizeof(T));
}

uint64_t signed_parts(const wire::View& view) {
  wire::SignedBytes all;
  wire::signed_bytes(view, &all);
  fuzz::require(all.part_count <= std::size(all.parts) && all.range_count <= std::size(all.ranges), "all fits");
  uint64_t total = sum(all.binding.bytes, all.binding.size);
  for (uint32_t i = 0; i < all.part_count; ++i) total += sum(all.parts[i].bytes, all.parts[i].size);
  return total;
}

uint64_t follow(const wire::View& view) {
  uint64_t total = sum_of(view.symbols, view.symbol_count) + sum(view.strings, view.strings_size) +
                   sum_of(view.relas, view.rela_count) + sum_of(view.dynamic, view.dynamic_count) +
                   sum_of(view.targets, view.target_count) + sum_of(view.bitmaps, view.bitmap_count) +
                   sum_of(view.roots, view.root_count) + sum_of(view.modules, view.binding->module_count) +
                   sum_of(view.entries, view.binding->entry_count) + sum_of(view.needed, view.needed_count) +
                   sum_of(view.members, view.member_count) + sum_of(view.signature, 1) + signed_parts(view) +
                   sum(view.binding_strings, view.binding->strings_size);
  for (uint64_t i = 0; i < view.symbol_count; ++i) total += strlen(view.string(view.symbols[i].st_name));
  for (uint64_t i = 0; i < view.target_count; ++i) {
    total +=
        strlen(view.string(view.targets[i].name)) + strlen(view.string(view.symbols[view.targets[i].symbol].st_name));
  }
  for (uint64_t i = 0; i < view.root_count; ++i) {
    total += strlen(view.string(view.roots[i].name)) + strlen(view.string(view.roots[i].type_name));
  }
  for (uint32_t i = 0; i < view.binding->module_count; ++i)
    total += strlen(view.binding_strings + view.modules[i].path);
  for (uint64_t i = 0; i < view.needed_count; ++i) total += strlen(view.string(view.needed[i].name));
  for (uint64_t i = 0; i < view.member_count; ++i) total += strlen(view.string(view.members[i].name));
  return total + strlen(view.string(view.header->image_name));
}

void make_tables(const wire::View& view) {
  const uint64_t size = view.table(wire::TableKind::info).size;
  if (size > kMostInfo) return;
  const auto info = std::make_unique<uint8_t[]>(size);
  ghc::make_interned_tables(view, info.get(), view.table(wire::TableKind::info).address, view.link.address);
}

void check(const wire::View& view, uint64_t file_size) {
  const wire::Segment* segments[] = {&view.hot, &view.link, &view.lazy, &view.data, &view.cold};
  uint64_t end = view.header->slot_address;
  for (const wire::Segment* segment : segments) {
    if (segment->size == 0) continue;
    fuzz::require(segment->address >= end && segment->offset + segment->file_size <= file_size, "segments ascend");
    end = segment->address + segment->size;
  }
  fuzz::require(end <= view.header->slot_address + view.header->slot_size, "segments lie in the slot");
  uint8_t id[wire::kContentIdSize];
  wire::content_id(view, id);
  fuzz::require(follow(view) + id[0] != 1, "never");  // so that the compiler keeps it
  make_tables(view);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::Bytes file = fuzz::unpack(data, size);
  wire::Probe probe;
  wire::Error error;
  if (!wire::probe(file.data(), std::min<uint64_t>(file.size(), wire::kProbeSize), file.size(), &probe, &error))
    return 0;
  // Only what parse() asks for, so that a step beyond is found.
  const uint64_t hot = std::min<uint64_t>(probe.hot_size, file.size());
  const std::unique_ptr<uint8_t[]> bytes(new uint8_t[hot]);  // new gives it an alignment of 16
  memcpy(bytes.get(), file.data(), hot);
  wire::View view;
  // Without the hash, as inspect looks at a damaged file.
  if (wire::parse(bytes.get(), hot, file.size(), true, &view, &error) ||
      (error.code == wire::Code::hash_mismatch && wire::parse(bytes.get(), hot, file.size(), false, &view, &error))) {
    check(view, file.size());
  }
  return 0;
}

FASTBOOT_MUTATE_SNAPSHOTS(metadata)
