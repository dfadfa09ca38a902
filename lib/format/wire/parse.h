// Reading and checking the hot metadata of a snapshot: the part that thaw reads before it maps anything.
//
// Both readers of the format use this one validator: the runtime, and lib/format. The caller gives bytes in private
// memory (never a mapping of the file, which could change underneath). Whatever the bytes are, nothing outside them is
// read, and a View is only given out when every offset, size and count in it has been checked.
#pragma once

#include <elf.h>

#include <cstdint>

#include "format/wire/error.h"
#include "format/wire/structs.h"

namespace fastboot::wire {

// How many bytes from the start of a file are enough for probe().
inline constexpr uint64_t kProbeSize = 4096;

// A piece of the file that becomes a piece of the image. `size` is the size in memory.
struct Segment {
  uint64_t offset = 0;   // file offset
  uint64_t address = 0;  // image address
  uint64_t file_size = 0;
  uint64_t size = 0;
};

// A binding, checked like a View.
struct Binding {
  const BindingHeader* header = nullptr;
  const BindingModule* modules = nullptr;
  const BindingEntry* entries = nullptr;
  const char* strings = nullptr;
};

// Checked pointers into the caller's bytes; valid as long as these are.
struct View {
  const uint8_t* bytes = nullptr;  // file offsets 0 to header->hot_size
  const Elf64_Ehdr* ehdr = nullptr;
  const Elf64_Phdr* phdrs = nullptr;
  const Header* header = nullptr;
  Segment hot, link, lazy, data, cold;  // lazy.size is 0 where the image has none

  const Elf64_Sym* symbols = nullptr;
  uint64_t symbol_count = 0;
  const char* strings = nullptr;  // ends in NUL
  uint64_t strings_size = 0;
  const Elf64_Rela* relas = nullptr;
  uint64_t rela_count = 0;
  const Elf64_Dyn* dynamic = nullptr;
  uint64_t dynamic_count = 0;
  const Target* targets = nullptr;
  uint64_t target_count = 0;
  const uint64_t* bitmaps = nullptr;
  uint64_t bitmap_count = 0;
  const Root* roots = nullptr;
  uint64_t root_count = 0;
  const BindingHeader* binding = nullptr;
  const BindingModule* modules = nullptr;
  const BindingEntry* entries = nullptr;
  const char* binding_strings = nullptr;
  const Needed* needed = nullptr;
  uint64_t needed_count = 0;
  const Member* members = nullptr;
  uint64_t member_count = 0;

  const Table& table(TableKind kind) const { return header->tables[static_cast<uint32_t>(kind) - 1]; }
  const char* string(uint64_t offset) const { return strings + offset; }  // offset checked by parse()

  Binding own_binding() const { return {binding, modules, entries, binding_strings}; }
};

// Checks the binding of an image of so many targets. `bytes` is aligned to 8.
bool parse_binding(const uint8_t* bytes, uint64_t size, uint64_t target_count, Binding* out, Error* error);
// Likewise a whole sidecar file, for the snapshot of that content id.
bool parse_sidecar(const uint8_t* bytes, uint64_t size, const uint8_t content_id[kContentIdSize], uint64_t target_count,
                   Binding* out, Error* error);

// What is known from the first bytes alone.
struct Probe {
  uint32_t format_major = 0;
  uint32_t format_minor = 0;
  uint64_t hot_size = 0;  // bytes that parse() wants
};

// Looks at the first min(file_size, kProbeSize) bytes: is this a snapshot of a version that we know, and is the file
// long enough for its metadata? `bytes` is aligned to 8.
bool probe(const uint8_t* bytes, uint64_t size, uint64_t file_size, Probe* out, Error* error);

// Checks the whole hot metadata. `bytes` holds file offsets 0 to Probe::hot_size and is aligned to 8. The metadata hash
// is checked before anything else is believed. When `check_hash` is false (a tool that looks at damaged files) it is
// not.
bool parse(const uint8_t* bytes, uint64_t size, uint64_t file_size, bool check_hash, View* out, Error* error);

// Computes the hash that Header::metadata_hash should hold.
void metadata_hash(const uint8_t* bytes, uint64_t hot_size, uint64_t header_offset, uint8_t out[kHashSize]);

// Computes the content id: what the image is, whoever froze it and wherever its targets lie. It covers the header from
// `flags` on (hot_size and the list of tables left out) and the tables dynstr, targets, bitmaps, roots, rela, needed
// and members.
void content_id(const View& view, uint8_t out[kContentIdSize]);

// Bytes of the interned info table of `target`, from its first byte to the next entry's, and the place of the info
// pointer in them. 0 for kinds that are not interned. `description_size` counts the NUL.
uint64_t info_entry_size(const Target& target, uint64_t description_size, uint64_t large_bitmap_words,
                         uint64_t* info_at);

}  // namespace fastboot::wire
