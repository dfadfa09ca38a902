// Wire structures of a Fastboot snapshot. docs/FORMAT.md is the normative text; this is its translation into C++.
//
// The file is a little-endian ELF64 shared object. ELF's own structures come from <elf.h>; these are ours: the note
// that holds the header, and the records of the tables that it lists. All of them are plain, have no padding that is
// not named, and are read and written in place, so this header is only for little-endian hosts.
//
// Freestanding: included by the runtime, which has no C++ library.
#pragma once

#include <elf.h>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace fastboot::wire {

static_assert(std::endian::native == std::endian::little, "wire structures are read in place");

inline constexpr uint32_t kFormatMajor = 1;
inline constexpr uint32_t kFormatMinor = 0;

inline constexpr char kNoteOwner[] = "Fastboot";  // with its NUL: n_namesz is 9, padded to 12
inline constexpr uint32_t kNoteType = 1;
inline constexpr uint32_t kNoteBeforeHeader = sizeof(Elf64_Nhdr) + 12;  // bytes: note header, owner
inline constexpr uint32_t kSignatureNoteType = 2;
inline constexpr uint32_t kHashSize = 16;       // XXH3-128, canonical (big-endian) byte order
inline constexpr uint32_t kContentIdSize = 20;  // XXH3-128 and four bytes of XXH3-64, see content_id() in hash.h
inline constexpr uint32_t kMaxBuildId = 32;

inline constexpr uint64_t kPageSize = 4096;
inline constexpr uint64_t kHugePageSize = uint64_t{2} << 20;
inline constexpr uint64_t kChunkSize = 65536;             // bytes under one hash in .fastboot.hash
inline constexpr uint64_t kSlotUnit = uint64_t{1} << 30;  // slots are multiples of this, and aligned to it
inline constexpr uint64_t kSlotBase = 0x12300000000;      // the first slot

// The link segment starts at least this far into the slot, and the link table is at least this large, so that the
// addresses of closures and interned info tables are known before the metadata is (see runtime/ghc-9.0/image.h).
inline constexpr uint64_t kLinkOffset = 0x40000;
inline constexpr uint64_t kMinLinkTable = 0x800;
inline constexpr uint64_t kInfoAlign = 64;  // of the interned info tables, which follow the link table

// The section of a program that holds its snapshot, at a file offset that is a multiple of a page.
inline constexpr char kEmbeddedSection[] = ".fastboot";

enum class ObjectModel : uint32_t { ghc = 1 };

// Bits of Header::rts_way.
enum RtsWay : uint32_t {
  kWayThreaded = 1,
  kWayDebug = 2,
  kWayEventlog = 4,
  kWayProfiled = 8,
  kWayDynamic = 16,
};

// Constants of the object model's memory layout; a process thaws only an image whose constants are its own.
struct HeapLayout {
  uint16_t word_size;        // bytes
  uint16_t tag_bits;         // low bits of a pointer that are its tag
  uint16_t block_shift;      // log2 of a block's bytes
  uint16_t megablock_shift;  // log2 of a megablock's bytes
  uint16_t descriptor_size;  // bytes of a block descriptor
  uint16_t first_block;      // first block of a megablock that holds closures
  uint16_t closure_header;   // bytes of a closure's header
  uint16_t thunk_header;     // bytes of a thunk's header
  uint64_t reserved;
};
static_assert(sizeof(HeapLayout) == 24);

// Where a table lies. `address` is an image address (ELF virtual address); its file offset follows from the program
// header that contains it. count * entry_size <= size.
struct Table {
  uint32_t kind;        // TableKind
  uint32_t entry_size;  // bytes; 1 for byte strings
  uint64_t address;
  uint64_t size;   // bytes
  uint64_t count;  // entries
};
static_assert(sizeof(Table) == 32);

enum class TableKind : uint32_t {
  none = 0,
  dynsym = 1,         // Elf64_Sym
  dynstr = 2,         // bytes; also holds every other name in the metadata
  gnu_hash = 3,       // bytes
  rela = 4,           // Elf64_Rela
  dynamic = 5,        // Elf64_Dyn
  targets = 6,        // Target
  bitmaps = 7,        // uint64_t; large argument bitmaps: size in bits, then the words
  roots = 8,          // Root
  binding = 9,        // bytes: BindingHeader and what follows it
  link_table = 10,    // uint64_t, one for each target (".got")
  info = 11,          // bytes; made at thaw (".fastboot.info")
  lazy = 12,          // bytes; megablocks that are written at run time
  data = 13,          // bytes; megablocks that are not
  rebase = 14,        // uint64_t; RELR stream
  chunk_hashes = 15,  // 16 bytes each: chunks of lazy, then of data, then of rebase, then of cross
  needed = 16,        // Needed
  cross = 17,         // uint64_t; for each needed image a RELR stream
  members = 18,       // Member
};
inline constexpr uint32_t kTableCount = 18;  // kinds 1 to 18, in this order

// Descriptor of the note "Fastboot", type 1. The first 32 bytes keep their place and meaning in every later version.
struct Header {
  uint32_t format_major;             // readers refuse a larger one
  uint32_t format_minor;             // readers accept any
  uint32_t header_size;              // bytes of this descriptor, the table list included
  uint32_t object_model;             // ObjectModel
  uint8_t metadata_hash[kHashSize];  // of the hot metadata, with this field as zeros

  uint8_t content_id[kContentIdSize];  // the same as the GNU build-id; see hash.h
  uint32_t flags;                      // 0
  uint64_t hot_size;                   // bytes of the hot metadata: file offsets 0 to this
  uint64_t slot_address;               // image address of file offset 0; a multiple of kSlotUnit
  uint64_t slot_size;                  // multiple of kSlotUnit
  uint32_t ghc_version;                // 90002 for 9.0.2
  uint32_t rts_way;                    // RtsWay bits
  HeapLayout heap;
  uint64_t closures;             // closures in lazy and data
  uint64_t lazy_closures;        // of these, in lazy
  uint8_t data_hash[kHashSize];  // of the chunk-hash table
  uint32_t image_name;           // offset in dynstr; the same as DT_SONAME
  uint32_t table_count;          // kTableCount
  Table tables[kTableCount];     // tables[i].kind == i + 1; absent tables have size 0
};
static_assert(offsetof(Header, metadata_hash) == 16 && offsetof(Header, content_id) == 32);
static_assert(offsetof(Header, hot_size) % 8 == 0);
static_assert(sizeof(Header) == 32 + 24 + 24 + 8 + 24 + 16 + 16 + 8 + 32 * kTableCount);

enum class TargetKind : uint16_t {
  constructor = 1,     // info table of a data constructor
  function = 2,        // info table of a FUN or FUN_STATIC, interned as FUN
  thunk = 3,           // info table of a thunk; not interned: entered through `lazy_entry`
  rts = 4,             // info table of the RTS (arrays, PAP, ...), interned
  static_closure = 5,  // a static closure; interned as a stub that jumps to it when `info_offset` is not 0
  static_root = 6,     // a closure or SRT that is only kept alive
  slow_entry = 7,      // slow entry code of the function target `parent`
  trampoline = 8,      // code of the runtime that enters lazy closures
  image = 9,           // another image (not made by format 1.0)
  raw_address = 10,    // an address of this very build in a closure's payload
};

// Bits of Target::flags.
enum TargetFlag : uint16_t {
  kTargetStaticRoot = 1,   // must be kept alive while the image is mapped
  kTargetCode = 2,         // the link-table word is a code address
  kTargetLargeBitmap = 4,  // `bitmap` is an index into the table `bitmaps`
  kTargetFunStatic = 8,    // the program's own table says FUN_STATIC
  kTargetHasFingerprint = 16,
};

// Something outside the image that its closures need. Target i owns link-table word i.
struct Target {
  uint16_t kind;          // TargetKind
  uint16_t flags;         // TargetFlag
  uint32_t symbol;        // index in dynsym
  uint32_t name;          // offset in dynstr: a constructor's description ("unit:Module.Con"); 0: none
  uint32_t parent;        // slow_entry: index of its function; function with kTargetFunStatic: its static root; else 0
  uint32_t closure_type;  // the object model's closure type, as in the interned table
  uint32_t con_tag;       // constructors: zero-based tag
  uint64_t layout;        // the info table's layout word
  uint32_t fun_type;      // functions: the RTS's argument pattern
  uint32_t arity;   // functions; rts targets of ARR_WORDS: alignment of the payload that these arrays ask for, or 0
  uint64_t bitmap;  // functions with their own bitmap
  uint64_t info_offset;  // of the interned info pointer in `info`; 0: not interned
  uint64_t uses;         // closures of the image that refer to it
  uint8_t fingerprint[kHashSize];
};
static_assert(sizeof(Target) == 80);

struct Root {
  uint32_t name;       // offset in dynstr
  uint32_t type_name;  // offset in dynstr: the type as Haskell shows it
  uint64_t address;    // untagged image address
  uint64_t size;       // bytes of the closure
  uint64_t type_fingerprint[2];
  uint32_t tag;     // pointer tag
  uint32_t symbol;  // index in dynsym
};
static_assert(sizeof(Root) == 48);

// Descriptor of the note "Fastboot", type 2, which signed snapshots have (signature.h).
struct Signature {
  uint8_t public_key[32];  // Ed25519
  uint8_t image[64];       // over what the image is
  uint8_t binding[64];     // over that, and the snapshot's own binding; zeros: the binding was made by somebody else
};
static_assert(sizeof(Signature) == 160);

// An image that this one points into. A word that holds an address of it is named by its stream in `cross`, and has
// the value that it has while that image lies at the addresses given here.
struct Needed {
  uint32_t name;  // offset in dynstr: the file's name, NAME.snap; the same as its DT_NEEDED
  uint8_t content_id[kContentIdSize];
  uint64_t slot_address;  // where it lies
  uint64_t size;          // bytes of addresses that it takes from there on, to the end of its data
  uint64_t cross_first;   // words of the table `cross`
  uint64_t cross_count;
  uint64_t reserved;
};
static_assert(sizeof(Needed) == 64);
inline constexpr uint64_t kMaxNeeded = 255;
inline constexpr char kSnapshotEnding[] = ".snap";  // of the files that Needed::name names

// Bits of Member::flags.
enum MemberFlag : uint32_t {
  kMemberWhole = 1,  // each closure is where it was in relation to its part: other images may point into the member
};

// An image that was linked into this one, and which of its parts lie where now.
struct Member {
  uint32_t name;   // offset in dynstr: the image's name
  uint32_t flags;  // MemberFlag
  uint8_t content_id[kContentIdSize];
  uint32_t reserved;
  uint64_t slot_address;  // as it was, and so to `data_size`
  uint64_t lazy_address;
  uint64_t lazy_size;
  uint64_t data_address;
  uint64_t data_size;
  uint64_t new_lazy_address;  // in this image; 0: it has none
  uint64_t new_data_address;
};
static_assert(sizeof(Member) == 88);

// A binding tells where each target lies in one given set of modules. It is the table `binding` of a snapshot, and
// the body of a sidecar file. BindingHeader, modules, entries (one for each target, then further static roots that this
// set of modules needs), then strings.
struct BindingHeader {
  uint32_t module_count;
  uint32_t entry_count;
  uint32_t strings_size;  // bytes after the entries; NUL-terminated
  uint32_t reserved;
};
static_assert(sizeof(BindingHeader) == 16);

struct BindingModule {
  uint8_t build_id[kMaxBuildId];
  uint32_t build_id_size;
  uint32_t path;  // offset in the binding's strings: where the file was when this was written (a hint)
};
static_assert(sizeof(BindingModule) == 40);

struct BindingEntry {
  uint64_t offset;  // process address minus the module's load bias
  uint32_t module;  // kNoModule: taken from its parent or from the runtime itself; a static root: not needed here
  uint32_t reserved;
};
static_assert(sizeof(BindingEntry) == 16);
inline constexpr uint32_t kNoModule = 0xffffffff;

// A sidecar file: a binding for another set of modules than the snapshot's own. This header, then a binding.
struct SidecarHeader {
  char magic[8];                       // kSidecarMagic
  uint8_t hash[kHashSize];             // XXH3-128 of what follows this field, to the end of the file
  uint8_t content_id[kContentIdSize];  // of the snapshot
  uint32_t size;                       // bytes of the binding
};
static_assert(sizeof(SidecarHeader) == 48);
inline constexpr char kSidecarMagic[8] = {'F', 'B', 'B', 'I', 'N', 'D', '1', '\0'};

// Interned info tables. An entry starts with what precedes the standard table, so that the standard table ends where
// the stub starts; `info_offset` is the stub's. Sizes are fixed by the kind of target, see info_entry_size() in
// parse.h.
inline constexpr uint32_t kInfoStubSize = 16;

constexpr uint64_t round_up(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace fastboot::wire
