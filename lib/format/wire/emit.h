// Making the metadata of a snapshot: everything in the file but the bytes of lazy, data, rebase, cross and chunk
// hashes.
//
// Both writers of the format use this: the runtime, which freezes, and the tools, which rewrite. The layout is final
// before the first byte is made.
//
//   file     | hot metadata | .got zeros | lazy | (hole) | data | rebase | cross | hashes | section names, headers |
//   image    S              S+link             +1 MiB     +2 MiB
#pragma once

#include <cstdint>

#include "format/wire/buffer.h"
#include "format/wire/error.h"
#include "format/wire/structs.h"

namespace fastboot::wire {

struct TargetInput {
  Target record;       // `symbol` and `name` are filled in by emit()
  const char* symbol;  // nullptr: "fb.t.INDEX"
  const char* name;    // description; nullptr: none
};

struct RootInput {
  const char* name;  // [A-Za-z0-9_.$-]+
  const char* type_name;
  uint64_t address;  // untagged image address
  uint64_t size;     // bytes
  uint64_t type_fingerprint[2];
  uint32_t tag;
};

// A word of the image that holds the address of a target of kind raw_address.
struct RawReference {
  uint64_t address;  // of the word, image address
  uint32_t target;
  int64_t addend;
};

struct NeededInput {
  Needed record;     // `name` and `cross_first` are filled in by emit()
  const char* name;  // NAME.snap
};

struct MemberInput {
  Member record;  // `name` is filled in by emit()
  const char* name;
};

struct ModuleInput {
  const uint8_t* build_id;
  uint32_t build_id_size;
  const char* path;
};

struct SnapshotInput {
  uint64_t slot_address = 0;
  uint64_t slot_size = 0;  // 0: as many units as the image needs
  uint32_t ghc_version = 0;
  uint32_t rts_way = 0;
  ObjectModel object_model = ObjectModel::ghc;
  HeapLayout heap = {};
  uint64_t closures = 0;
  uint64_t lazy_closures = 0;
  const char* image_name = nullptr;  // DT_SONAME

  const TargetInput* targets = nullptr;
  uint64_t target_count = 0;
  const uint64_t* bitmaps = nullptr;
  uint64_t bitmap_count = 0;
  const RootInput* roots = nullptr;
  uint64_t root_count = 0;
  const RawReference* raws = nullptr;
  uint64_t raw_count = 0;
  const ModuleInput* modules = nullptr;
  uint64_t module_count = 0;
  const BindingEntry* entries = nullptr;  // one for each target, then further static roots
  uint64_t entry_count = 0;               // 0: as many as targets
  const NeededInput* needed = nullptr;
  uint64_t needed_count = 0;
  const MemberInput* members = nullptr;
  uint64_t member_count = 0;

  uint64_t info_size = 0;  // bytes of interned info tables
  uint64_t lazy_size = 0;  // multiples of the page size
  uint64_t data_size = 0;
  uint64_t rebase_size = 0;  // bytes
  // The cross streams take what `needed` says.
};

// Where everything lies. File offsets and image addresses.
struct Layout {
  uint64_t hot_size = 0;
  uint64_t link_offset = 0, link_address = 0, link_table_size = 0;
  uint64_t info_address = 0, info_size = 0;
  uint64_t lazy_offset = 0, lazy_address = 0;
  uint64_t data_offset = 0, data_address = 0;
  uint64_t cold_offset = 0, cold_address = 0;
  uint64_t rebase_size = 0, cross_size = 0, hashes_size = 0;
  uint64_t tail_offset = 0;
  uint64_t slot_size = 0;
  uint64_t file_size = 0;
};

// The addresses that closures may hold before the metadata is known, when all is of ordinary size. plan() says whether
// they held; see Layout.
inline constexpr uint64_t kUsualInfoOffset = kLinkOffset + kMinLinkTable;
inline constexpr uint64_t kUsualDataOffset = kHugePageSize;

// Computes the layout. Needs all of `input` but the addresses in roots and raws.
bool plan(const SnapshotInput& input, Layout* layout, Error* error);

// Makes the hot metadata (file offsets 0 to hot_size) and the tail (tail_offset to file_size). `chunk_hashes` is the
// table as it will be in the file, layout.hashes_size bytes.
bool emit(const SnapshotInput& input, const Layout& layout, const uint8_t* chunk_hashes, Buffer* hot, Buffer* tail,
          Error* error);

// Makes a binding alone, from `modules` and `entries`; out->failed() tells when there was no memory.
void emit_binding(const SnapshotInput& input, Buffer* out);

}  // namespace fastboot::wire
