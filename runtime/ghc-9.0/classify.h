// From info pointers to what the walker does with a closure, and to targets.
//
// A program has tens to thousands of distinct info pointers and millions of closures. What there is to know about an
// info table is worked out once (add()), so that the walker reads one cache line for each closure.
#pragma once

#include "core/memory.h"
#include "core/modules.h"
#include "format/wire/emit.h"
#include "ghc-9.0/staging.h"

namespace fastboot::ghc {

enum class Action : uint8_t {
  copy,         // pointers, then other words
  small_int,    // I#: small ones are shared with the RTS's table
  small_char,   // C#
  text,         // Text, or a chunk of a lazy one: a part of a byte array, the rest of which may never have been written
  float_box,    // F#: GHC writes four of its word's eight bytes
  bytes,        // ARR_WORDS
  array,        // frozen MUT_ARR_PTRS
  small_array,  // frozen SMALL_MUT_ARR_PTRS
  function,     // FUN with free variables: other words are looked at for addresses
  function_static,  // becomes a function closure without free variables
  partial,          // PAP
  thunk,            // THUNK with its free variables: a lazy closure
  selector,         // THUNK_SELECTOR: followed where the selectee is evaluated, else a lazy closure
  application,      // AP: a lazy closure
  image_lazy,       // a lazy closure of a thawed image that nobody has entered
  image_stub,       // a thawed image's stub that enters a CAF
  image_forced,     // one that has been: leads to a heap closure
  indirection,      // IND
  black_hole,       // BLACKHOLE: an indirection, or under evaluation
  caf,              // THUNK_STATIC
  caf_value,        // IND_STATIC
  literal,          // a constructor whose field is the address of a NUL-terminated string (TrNameS, KindRepTypeLitS)
  addressed,        // a constructor that holds an address (PS, ForeignPtr, Ptr, storable vectors)
  mut_var,          // MUT_VAR: only one that says that a ForeignPtr has no finalizers
  refuse,
};

inline constexpr uint32_t kNoTarget = 0xffffffff;
inline constexpr uint8_t kNoLength = 0xff;

struct InfoClass {
  uint64_t info = 0;    // process address of the program's info table
  uint64_t header = 0;  // image address of the interned info pointer, before relocate()
  uint64_t uses = 0;
  uint32_t target = kNoTarget;
  uint32_t pointers = 0;
  uint32_t words = 0;  // of payload
  uint32_t srt_root = kNoTarget;
  Action action = Action::refuse;
  bool reads_literal = false;  // a thunk of GHC.CString, whose address word points into a NUL-terminated literal
  uint8_t address_at = 0;      // addressed: which of the words after the pointers is the address,
  uint8_t unit = 0;            // text: bytes of a code unit
  uint8_t length_at = 0;       // which its length in bytes; kNoLength: not known
  uint8_t skip_at = 0;         // and which the bytes between the address and the first of these; kNoLength: none
  uint8_t tag = 0;             // what a pointer to an evaluated one carries
  uint16_t type = 0;           // closure type in the program
  wire::Code refusal = wire::Code::ok;
};

// A target under construction.
struct TargetState {
  wire::Target record;
  uint64_t address;         // in this process
  uint32_t module;          // index in Classifier::modules(), or kNoModule
  const char* description;  // constructors; nullptr: none
  const char* symbol;       // when it is known by itself; nullptr: private
};

// Open addressing from addresses to numbers.
class AddressMap {
 public:
  ~AddressMap();
  bool init();
  // Gives the number that was stored for `key`, or 0.
  uint32_t find(uint64_t key) const {
    for (uint64_t i = hash(key);; ++i) {
      const Slot& slot = slots_[i & mask_];
      if (slot.key == key) return slot.value;
      if (slot.key == 0) return 0;
    }
  }
  bool insert(uint64_t key, uint32_t value);
  void erase(uint64_t key);  // a tombstone: find() gives 0 afterwards

 private:
  struct Slot {
    uint64_t key;
    uint32_t value;
    uint32_t unused;
  };
  static uint64_t hash(uint64_t key) { return (key >> 3) * 0x9e3779b97f4a7c15u >> 24; }
  bool grow();

  Slot* slots_ = nullptr;
  uint64_t mask_ = 0;
  uint64_t count_ = 0;
};

// Is this thunk of the program a half-read string literal, with the address of its rest?
bool reads_literals(uint64_t thunk_info);

class Classifier {
 public:
  bool init(uint64_t slot_address, wire::Error* error);

  // The class of the closures whose header is `info`; nullptr when there is no memory for another.
  InfoClass* classify(uint64_t info) {
    Cached& cached = cache_[info >> 3 & (kCacheSize - 1)];
    if (cached.info == info) return cached.info_class;
    return classify_slowly(info, &cached);
  }

  // Makes the class's target and interned info table, when the first closure of it is copied: what is only looked at
  // (selectees, selectors that are followed) must not show in the file. False when there is no memory for it.
  bool materialize(InfoClass* c);

  // The same where it has been asked for lately, else nullptr.
  InfoClass* cached(uint64_t info) const {
    const Cached& cached = cache_[info >> 3 & (kCacheSize - 1)];
    return cached.info == info ? cached.info_class : nullptr;
  }

  // The target for a static closure, for one that is only kept alive, and for an address of this build.
  uint32_t closure_target(uint64_t closure);  // interned stub; also a static root
  uint32_t root_target(uint64_t closure);
  // A function without free variables may be its own SRT: its closure becomes a static root, which its target names.
  void keep_static_function(const InfoClass& c, uint64_t closure) {
    targets_[c.target].record.parent = root_target(closure);
  }
  uint32_t raw_target(uint64_t address);
  // The class of pinned byte arrays, whose payloads stand at multiples of 64. It has an interned table of its own, so
  // that an image tells which of its arrays were pinned.
  InfoClass* pinned_bytes();
  // The alignment that the byte array with header `info` asks for when it is one of a thawed image; 0: none.
  static uint64_t alignment_in_image(uint64_t info);

  // Is this the constructor that says that a ForeignPtr has no finalizers?
  bool is_no_finalizers(const InfoClass& c) const;

  // Is this static closure, of a class with no pointers and one word, a constructor without fields?
  bool is_nullary(const InfoClass& c, uint64_t closure);

  // The header of lazy closures, made on first use.
  uint64_t lazy_header();
  bool is_lazy_header(uint64_t header) const { return header == lazy_header_ && header != 0; }
  // The class whose target is `target`; for lazy closures, whose headers are all the same.
  const InfoClass* class_of_target(uint32_t target) const;
  // Gives the interned header for a closure that stands for the static closure `target`.
  uint64_t header_of(uint32_t target) const {
    const uint64_t offset = targets_[target].record.info_offset;
    return (offset < kUsualInfoRoom ? info_base_ : kMoreInfo) + offset;
  }

  // The class whose interned header is `header`, or nullptr.
  const InfoClass* class_of_header(uint64_t header) const;

  const runtime::Modules& modules() const { return modules_; }
  uint64_t target_count() const { return targets_.size(); }
  TargetState& target(uint64_t i) { return targets_[i]; }
  uint64_t class_count() const { return classes_.size(); }
  const InfoClass& info_class(uint64_t i) const { return classes_[i]; }
  const uint64_t* bitmaps() const { return bitmaps_.data(); }
  uint64_t bitmap_count() const { return bitmaps_.size(); }
  uint64_t info_size() const { return info_size_; }
  // Addresses that info tables have before relocate(): up to kUsualInfoRoom bytes of them where they will usually be;
  // those that find no room before the closures at addresses that nothing else has, offsets from kMoreInfo.
  uint64_t info_base() const { return info_base_; }
  static constexpr uint64_t kUsualInfoRoom = wire::kUsualDataOffset - wire::kUsualInfoOffset;
  static constexpr uint64_t kMoreInfo = uint64_t{1} << 62;

 private:
  static constexpr uint64_t kCacheSize = 4096;
  struct Cached {
    uint64_t info;
    InfoClass* info_class;
  };

  InfoClass* classify_slowly(uint64_t info, Cached* cached);
  InfoClass* add(uint64_t info);
  void set_action(InfoClass* c);
  void set_constructor(InfoClass* c);
  void set_function(InfoClass* c, bool is_static);
  void set_rts(InfoClass* c, Action action);
  void set_thunk(InfoClass* c, Action action);
  void make_constructor(InfoClass* c);
  void make_function(InfoClass* c);
  bool make_rts(InfoClass* c);
  void make_thunk(InfoClass* c);
  uint32_t trampoline(uint64_t entry, const char* symbol);
  uint32_t add_target(wire::TargetKind kind, uint64_t address, const char* description);
  void intern(uint32_t target);
  uint32_t record_large_bitmap(const uint64_t* bitmap);

  runtime::Modules modules_;
  runtime::ReservedArray<InfoClass> classes_;
  runtime::ReservedArray<TargetState> targets_;
  runtime::ReservedArray<uint64_t> bitmaps_;
  AddressMap by_info_;    // info pointer -> class index + 1
  AddressMap by_header_;  // interned header -> class index + 1
  AddressMap closures_;   // static closure -> target index + 1
  AddressMap nullary_;    // info pointer of a CONSTR_0_1 -> 1 for a constructor without fields, 2 for others
  AddressMap roots_;
  AddressMap raws_;
  uint64_t info_base_ = 0;  // image address of .fastboot.info, before relocate()
  uint64_t info_size_ = 0;
  uint64_t lazy_header_ = 0;
  InfoClass* pinned_bytes_ = nullptr;
  Cached cache_[kCacheSize];
};

}  // namespace fastboot::ghc
