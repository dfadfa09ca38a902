#include "ghc-9.0/walk.h"

#include <stdlib.h>
#include <string.h>

#include "ghc-9.0/heap_range.h"
#include "ghc-9.0/image.h"
#include "ghc-9.0/lazy.h"
#include "ghc-9.0/rts.h"

namespace fastboot::ghc {

using wire::Code;

namespace {

constexpr uint64_t kPartial = uint64_t{1} << 63;
constexpr uint64_t kPageWords = wire::kPageSize / 8;
constexpr uint32_t kWide = 8;
constexpr uint32_t kMostHops = 10000;  // indirections and selectors behind one pointer
constexpr uint64_t kShadowPool = uint64_t{32} << 30;
constexpr uint64_t kShadowSize = MBLOCK_SIZE / 16 * sizeof(uint32_t);

const uint64_t* words_at(uint64_t address) { return reinterpret_cast<const uint64_t*>(address); }
uint64_t untagged(uint64_t pointer) { return pointer & ~static_cast<uint64_t>(TAG_MASK); }

// A page, but for bench/inside/placement.sh: 1 makes the whole order depth first, a large number breadth first.
uint64_t cluster_words() {
  const char* asked = getenv("FASTBOOT_CLUSTER");
  return asked == nullptr || asked[0] == '\0' ? kPageWords : strtoull(asked, nullptr, 10);
}

}  // namespace

bool Walker::init(runtime::Reservation::Kept* kept, wire::Error* error) {
  error_ = error;
  cluster_words_ = cluster_words();
  heap_begin_ = heap_range_begin();
  heap_size_ = heap_range_end() - heap_begin_;
  constexpr uint64_t kMegabyte = uint64_t{1} << 20;
  const bool ok = shadow_index_.reserve(heap_size_ / MBLOCK_SIZE * sizeof(uint32_t*), 4096, false) &&
                  shadow_index_.size() >= heap_size_ / MBLOCK_SIZE * sizeof(uint32_t*) &&
                  (shadow_pool_.take(kept, kShadowPool) || shadow_pool_.reserve(kShadowPool, kMegabyte, true)) &&
                  statics_.init() && unaligned_.init() && stack_.reserve(uint64_t{1} << 30) &&
                  queue_.reserve(uint64_t{1} << 24) && cafs_.reserve(uint64_t{1} << 24) &&
                  log_.reserve(uint64_t{1} << 30) && partial_.reserve(uint64_t{1} << 30) &&
                  raws_.reserve(uint64_t{1} << 26) && roots_.reserve(uint64_t{1} << 20);
  return ok || fail(error, Code::out_of_memory, "no address space for the tables of a freeze; raise `ulimit -v`");
}

bool Walker::exhausted() {
  return fail(
      error_, Code::image_too_large,
      "the graph is larger than the %llu bytes that could be set aside for it; raise `ulimit -v` or freeze less",
      static_cast<unsigned long long>(uint64_t{staging_.data().end} * 8));
}

bool Walker::refuse(Code code, uint64_t closure, uint64_t info, Offset slot, const char* detail) {
  refusal_ = Refusal{code, closure, info, slot, detail};
  return false;
}

// --- where copies are ----------------------------------------------------------------------------

inline uint32_t* Walker::shadow(uint64_t relative) {
  auto** index = reinterpret_cast<uint32_t**>(shadow_index_.data());
  uint32_t* block = index[relative / MBLOCK_SIZE];
  if (__builtin_expect(block == nullptr, 0)) {
    if (shadow_used_ + kShadowSize > shadow_pool_.size()) return nullptr;
    block = reinterpret_cast<uint32_t*>(shadow_pool_.data() + shadow_used_);
    index[relative / MBLOCK_SIZE] = block;
    shadow_used_ += kShadowSize;
  }
  return &block[relative % MBLOCK_SIZE / 16];
}

// A shadow entry is the copy's offset and, in its lowest bit, which half of the 16 bytes the closure starts in. Sets
// *entry to the closure's shadow entry, or to nullptr outside the heap.
inline Offset Walker::find_copy(uint64_t pointer, uint32_t** entry) {
  const uint64_t relative = pointer - heap_begin_;
  if (relative >= heap_size_) {
    *entry = nullptr;
    return statics_.find(pointer);
  }
  *entry = shadow(relative);
  if (__builtin_expect(*entry == nullptr, 0)) *entry = &no_shadow_;
  const uint32_t found = **entry;
  if (found == 0) return 0;
  if (__builtin_expect((found & 1) == (pointer >> 3 & 1), 1)) return found >> 1;
  return unaligned_.find(pointer);
}

inline uint32_t* Walker::shadow_entry(uint64_t pointer) {
  uint32_t* entry = nullptr;
  find_copy(pointer, &entry);
  return entry;
}

inline bool Walker::record_copy(uint64_t pointer, uint32_t* entry, Offset offset, InfoClass* c) {
  ++closures_;
  ++c->uses;
  if (__builtin_expect(logging_, 0) && !log_.push(Logged{pointer, c})) return exhausted();
  if (entry == nullptr) return statics_.insert(pointer, offset) || exhausted();
  if (__builtin_expect(entry == &no_shadow_, 0)) return exhausted();
  if (__builtin_expect(*entry != 0, 0)) return unaligned_.insert(pointer, offset) || exhausted();
  *entry = offset << 1 | static_cast<uint32_t>(pointer >> 3 & 1);
  return true;
}

uint64_t Walker::tag_of_copy(Offset offset) const {
  const InfoClass* c = classifier_.class_of_header(staging_.words()[offset]);
  return c == nullptr ? 0 : c->tag;
}

const InfoClass* Walker::class_at(Offset offset) const {
  const uint64_t* words = staging_.words() + offset;
  if (classifier_.is_lazy_header(words[0])) return classifier_.class_of_target(static_cast<uint32_t>(words[1]));
  return classifier_.class_of_header(words[0]);
}

inline void Walker::write_pointer(Offset slot, Offset to, uint64_t tag) {
  staging_.words()[slot] = staging_.address(to) | (tag != 0 ? tag : tag_of_copy(to));
}

// What a field leads to will be read soon: its header, and its shadow.
inline void Walker::prefetch(uint64_t word) {
  const uint64_t pointer = untagged(word);
  __builtin_prefetch(words_at(pointer));
  const uint64_t relative = pointer - heap_begin_;
  if (relative >= heap_size_) return;
  const uint32_t* block = reinterpret_cast<uint32_t**>(shadow_index_.data())[relative / MBLOCK_SIZE];
  if (block != nullptr) __builtin_prefetch(&block[relative % MBLOCK_SIZE / 16], 1);
}

inline void Walker::push(Offset slot, uint32_t count) {
  if (count == 0) return;
  const uint64_t* words = staging_.words() + slot;
  for (uint32_t i = 0; i < count && i < 6; ++i) prefetch(words[i]);
  queue_.push(Range{slot, count});
}

// --- other images --------------------------------------------------------------------------------

// The image, of those that the freeze is against, which the closure at `pointer` stays in. A lazy closure that has been
// forced is none of them: it stands for its value.
const Against::Place* Walker::place_elsewhere(uint64_t pointer) const {
  const Against::Place* place = against_->find(pointer);
  if (place == nullptr) return nullptr;
  const uint64_t forced = place->image->forced_header;
  return forced != 0 && *words_at(pointer) == forced ? nullptr : place;
}

// Makes word `slot` hold `word`, a process address in that image, tagged or not, as the file will say it.
bool Walker::refer_elsewhere(const Against::Place& place, uint64_t word, Offset slot) {
  staging_.words()[slot] = word - place.image->delta;
  return staging_.mark_cross(slot, place.number) || exhausted();
}

// --- copying -------------------------------------------------------------------------------------

inline Offset Walker::copy_fields(uint64_t pointer, InfoClass* c) {
  const uint32_t words = c->words;
  const Offset at = staging_.allocate(staging_.data(), 1 + (words == 0 ? 1 : words));
  if (at == 0) return 0;
  uint64_t* to = staging_.words() + at;
  const uint64_t* from = words_at(pointer) + 1;
  to[0] = c->header;
  for (uint32_t i = 0; i < words; ++i) to[1 + i] = from[i];
  staging_.mark(at, 1 + c->pointers);
  push(at + 1, c->pointers);
  return at;
}

// In code's closures a word that is no pointer may still be an address of the program: it is recorded, so that this
// build can use it and no other build believes it.
void Walker::copy_other_words(Offset offset, const uint64_t* from, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    staging_.words()[offset + i] = from[i];
    if (classifier_.modules().find(from[i]) == nullptr) continue;
    raws_.push(wire::RawReference{staging_.address(offset + i), classifier_.raw_target(from[i]), 0});
  }
}

Offset Walker::copy_function(uint64_t pointer, InfoClass* c) {
  const Offset at = staging_.allocate(staging_.data(), 1 + (c->words == 0 ? 1 : c->words));
  if (at == 0 || collecting_) return at;
  uint64_t* to = staging_.words() + at;
  const uint64_t* from = words_at(pointer) + 1;
  to[0] = c->header;
  memcpy(to + 1, from, c->pointers * sizeof(uint64_t));
  copy_other_words(at + 1 + c->pointers, from + c->pointers, c->words - c->pointers);
  staging_.mark(at, 1 + c->pointers);
  push(at + 1, c->pointers);
  return at;
}

namespace {

// Which of a function's arguments are pointers: bit i set means argument i is *not* one.
struct ArgumentBitmap {
  const uint64_t* words;
  uint64_t size;
  uint64_t small[1];

  bool is_pointer(uint64_t i) const { return i < size && (words[i / 64] >> (i % 64) & 1) == 0; }
};

void read_argument_bitmap(uint64_t info, ArgumentBitmap* out) {
  const auto* table = reinterpret_cast<const StgFunInfoTable*>(info) - 1;
  if (table->f.fun_type == ARG_GEN_BIG) {
    const auto* bitmap = reinterpret_cast<const uint64_t*>(info + static_cast<uint64_t>(table->f.b.bitmap_offset));
    out->size = bitmap[0];
    out->words = bitmap + 1;
    return;
  }
  const uint64_t word = table->f.fun_type == ARG_GEN ? table->f.b.bitmap : stg_arg_bitmaps[table->f.fun_type];
  out->size = BITMAP_SIZE(word);
  out->small[0] = BITMAP_BITS(word);
  out->words = out->small;
}

}  // namespace

// The `count` arguments of a partial application or an AP of `function`, from `from` to the word `first`. The function
// itself is in the word before them, and is followed first.
bool Walker::copy_arguments(Offset first, const uint64_t* from, uint32_t count, uint64_t function) {
  const InfoClass* c = classifier_.classify(*words_at(function));
  if (c == nullptr) return false;
  if (c->action != Action::function && c->action != Action::function_static) {
    return refuse(c->refusal == Code::ok ? Code::refused_unknown_code : c->refusal, function, c->info, 0);
  }
  ArgumentBitmap bitmap;
  read_argument_bitmap(c->info, &bitmap);
  staging_.words()[first - 1] = from[-1];
  staging_.mark(first - 1, 1);
  push(first - 1, 1);
  for (uint32_t i = 0; i < count; ++i) {
    if (!bitmap.is_pointer(i)) {
      copy_other_words(first + i, from + i, 1);
      continue;
    }
    staging_.words()[first + i] = from[i];
    staging_.mark(first + i, 1);
    push(first + i, 1);
  }
  return true;
}

Offset Walker::copy_partial(uint64_t pointer, InfoClass* c) {
  const auto* from = reinterpret_cast<const StgPAP*>(pointer);
  const Offset at = staging_.allocate(staging_.data(), 3 + uint64_t{from->n_args});
  if (at == 0) return 0;
  uint64_t* to = staging_.words() + at;
  to[0] = c->header;
  to[1] = words_at(pointer)[1];  // arity and n_args
  staging_.mark(at, 1);
  if (collecting_) return at;
  const uint64_t function = untagged(reinterpret_cast<uint64_t>(from->fun));
  return copy_arguments(at + 3, words_at(pointer) + 3, from->n_args, function) ? at : 0;
}

Offset Walker::copy_thunk(uint64_t pointer, InfoClass* c) {
  const Offset at = staging_.allocate(staging_.lazy(), 2 + (c->words == 0 ? uint64_t{1} : c->words));
  if (at == 0) return 0;
  if (collecting_) return thunks_.push(pointer) ? at : 0;
  uint64_t* to = staging_.words() + at;
  const uint64_t* from = words_at(pointer) + 2;
  to[0] = c->header;
  to[1] = c->target;
  memcpy(to + 2, from, c->pointers * sizeof(uint64_t));
  staging_.mark(at, 1);
  staging_.mark(at + 2, c->pointers);
  for (uint32_t i = c->pointers; i < c->words; ++i) {
    const bool literal = c->reads_literal && is_readable(from[i]);
    if (literal && !copy_c_string(from[i], at + 2 + i)) return 0;
    if (!literal) copy_other_words(at + 2 + i, from + i, 1);
  }
  push(at + 2, c->pointers);
  ++lazy_closures_;
  return at;
}

Offset Walker::copy_application(uint64_t pointer, InfoClass* c) {
  const auto* from = reinterpret_cast<const StgAP*>(pointer);
  const Offset at = staging_.allocate(staging_.lazy(), 4 + uint64_t{from->n_args});
  if (at == 0) return 0;
  if (collecting_) return thunks_.push(pointer) ? at : 0;
  uint64_t* to = staging_.words() + at;
  to[0] = c->header;
  to[1] = c->target;
  to[2] = words_at(pointer)[2];  // arity and n_args
  staging_.mark(at, 1);
  ++lazy_closures_;
  const uint64_t function = untagged(reinterpret_cast<uint64_t>(from->fun));
  return copy_arguments(at + 4, words_at(pointer) + 4, from->n_args, function) ? at : 0;
}

// What a selector thunk selects, if its selectee is evaluated; else 0. The collector does the same when it meets one,
// so that without this a graph's image would depend on which collections have run.
uint64_t Walker::selected(uint64_t pointer, const InfoClass* c) {
  uint64_t selectee = words_at(pointer)[2];
  for (;;) {
    const uint64_t at = untagged(selectee);
    const InfoClass* of = classifier_.classify(*words_at(at));
    if (of == nullptr) return 0;
    if (of->action == Action::indirection || of->action == Action::caf_value) {
      selectee = words_at(at)[1];
    } else if (of->action == Action::black_hole) {
      uint64_t owner = 0;
      selectee = black_hole_value(at, &owner);
      if (owner != 0) return 0;
    } else if (of->action == Action::image_forced) {
      selectee = forced_value(at);
    } else if (of->type >= CONSTR && of->type <= CONSTR_NOCAF) {
      const auto* table = reinterpret_cast<const StgInfoTable*>(c->info) - 1;
      return words_at(at)[1 + table->layout.selector_offset];
    } else {
      return 0;
    }
  }
}

inline Offset Walker::copy_bytes(uint64_t pointer, InfoClass* c) {
  if (c->header == 0 && !classifier_.materialize(c)) return 0;
  const auto* from = reinterpret_cast<const StgArrBytes*>(pointer);
  const uint64_t bytes = from->bytes;
  const uint64_t words = (bytes + 7) / 8;
  const uint64_t alignment = classifier_.target(c->target).record.arity;
  const Offset at = alignment == 0 ? staging_.allocate(staging_.data(), 2 + words)
                                   : staging_.allocate_aligned(staging_.data(), 2 + words, 2, alignment);
  if (at == 0) return 0;
  uint64_t* to = staging_.words() + at;
  to[0] = c->header;
  to[1] = bytes;
  // The bytes after the last stay zero, whatever the heap has there: equal graphs give equal files.
  memcpy(to + 2, from->payload, bytes);
  staging_.mark(at, 1);
  return at;
}

// An array without elements may be thawed in place by anybody (unsafeThaw writes its header) and never be written
// otherwise: there is nothing to write. So it goes where writing is allowed.
Offset Walker::copy_empty_array(InfoClass* c, uint32_t header_words) {
  const Offset at = staging_.allocate_empty(header_words);
  if (at == 0) return 0;
  staging_.words()[at] = c->header;
  staging_.mark(at, 1);
  return at;
}

// `header_words` is 3 for arrays with a card table, which stays zero, and 2 for small ones.
Offset Walker::copy_array(uint64_t pointer, InfoClass* c, uint32_t header_words) {
  const uint64_t* from = words_at(pointer);
  const uint64_t count = from[1];
  if (count == 0) return copy_empty_array(c, header_words);
  const uint64_t payload = header_words == 3 ? from[2] : count;
  const Offset at = staging_.allocate(staging_.data(), header_words + payload);
  if (at == 0) return 0;
  uint64_t* to = staging_.words() + at;
  to[0] = c->header;
  to[1] = count;
  if (header_words == 3) to[2] = payload;
  memcpy(to + header_words, from + header_words, count * sizeof(uint64_t));
  staging_.mark(at, 1);
  staging_.mark(at + header_words, static_cast<uint32_t>(count));
  push(at + header_words, static_cast<uint32_t>(count));
  return at;
}

// Memory whose bytes are known to stay: the program's own, and images'.
bool Walker::is_readable(uint64_t address) const {
  const runtime::Module* module = classifier_.modules().find(address);
  if (module != nullptr) return address >= module->read_only_begin && address < module->read_only_end;
  const Image* image = find_image(address);
  return image != nullptr && image->holds_closures(address);
}

// Bytes from outside the heap come into the image as a byte array of their own, and the word `slot` points to them.
bool Walker::copy_foreign_bytes(uint64_t address, uint64_t size, Offset slot) {
  InfoClass* c = plain_bytes_;
  if (c->header == 0 && !classifier_.materialize(c)) return false;
  const Offset at = staging_.allocate(staging_.data(), 2 + (size + 7) / 8);
  if (at == 0) return false;
  uint64_t* to = staging_.words() + at;
  to[0] = c->header;
  to[1] = size;
  memcpy(to + 2, reinterpret_cast<const void*>(address), size);
  staging_.mark(at, 1);
  ++closures_;
  ++c->uses;
  staging_.words()[slot] = staging_.address(at + 2);
  staging_.mark(slot, 1);
  return true;
}

bool Walker::copy_c_string(uint64_t address, Offset slot) {
  return copy_foreign_bytes(address, strlen(reinterpret_cast<const char*>(address)) + 1, slot);
}

// A constructor with one field, the address of a NUL-terminated literal in the program.
Offset Walker::copy_literal(uint64_t pointer, InfoClass* c) {
  const uint64_t literal = words_at(pointer)[1];
  if (!is_readable(literal)) {
    refuse(Code::refused_foreign_memory, pointer, c->info, 0);
    return 0;
  }
  const Offset at = staging_.allocate(staging_.data(), 2);
  if (at == 0) return 0;
  staging_.words()[at] = c->header;
  staging_.mark(at, 1);
  return copy_c_string(literal, at + 1) ? at : 0;
}

// --- addresses -----------------------------------------------------------------------------------

// Somebody may have asked for a pinned array's alignment, and nothing says which it was: what its address happens to be
// a multiple of differs from run to run. So all of them get a cache line's. What was frozen before says that it was
// pinned.
InfoClass* Walker::bytes_class(uint64_t pointer, InfoClass* c) {
  if (!is_heap(pointer)) return c;
  const bool pinned = find_image(pointer) != nullptr
                          ? Classifier::alignment_in_image(*words_at(pointer)) != 0
                          : (Bdescr(reinterpret_cast<StgPtr>(pointer))->flags & BF_PINNED) != 0;
  if (!pinned) return c;
  return classifier_.pinned_bytes();
}

// The byte array that a ForeignPtr's contents (PlainPtr, MallocPtr) keep alive, or 0.
uint64_t Walker::backing_array(uint64_t contents) {
  for (;;) {
    const uint64_t at = untagged(contents);
    const InfoClass* c = classifier_.classify(*words_at(at));
    if (c == nullptr) return 0;
    if (c->action == Action::indirection) {
      contents = words_at(at)[1];
      continue;
    }
    if (c->action != Action::copy) return 0;
    for (uint32_t i = 0; i < c->pointers; ++i) {
      const uint64_t field = untagged(words_at(at)[1 + i]);
      const InfoClass* of = classifier_.classify(*words_at(field));
      if (of != nullptr && of->action == Action::bytes) return field;
    }
    return 0;
  }
}

// Makes word `slot` point to where `address`, which lies in the byte array `array`, is in the array's copy.
bool Walker::point_into_array(uint64_t array, uint64_t address, Offset slot) {
  if (against_ != nullptr) {
    if (const auto* place = place_elsewhere(array)) return refer_elsewhere(*place, address, slot);
  }
  uint32_t* entry = nullptr;
  Offset at = find_copy(array, &entry);
  if (at != 0 && is_partial(at)) complete_array(array, at);
  if (at == 0) {
    InfoClass* c = classifier_.classify(*words_at(array));
    c = c == nullptr ? nullptr : bytes_class(array, c);
    at = c == nullptr ? 0 : copy_bytes(array, c);
    if (at == 0 || !record_copy(array, entry, at, c)) return false;
  }
  staging_.words()[slot] = staging_.address(at + 2) + (address - array - sizeof(StgArrBytes));
  staging_.mark(slot, 1);
  return true;
}

// The address word of a closure that holds one, in its copy at `slot`.
bool Walker::resolve_address(uint64_t pointer, InfoClass* c, Offset slot) {
  const uint64_t* other = words_at(pointer) + 1 + c->pointers;
  const uint64_t address = other[c->address_at];
  const uint64_t array = c->pointers == 0 ? 0 : backing_array(words_at(pointer)[1]);
  if (array != 0) {
    const auto* bytes = reinterpret_cast<const StgArrBytes*>(array);
    const uint64_t payload = reinterpret_cast<uint64_t>(bytes->payload);
    if (address - payload <= bytes->bytes) return point_into_array(array, address, slot);
  }
  const bool known = c->length_at != kNoLength;
  if (address == 0 || (known && other[c->length_at] == 0)) {
    staging_.words()[slot] = 0;  // nothing is read through it
    return true;
  }
  const uint64_t skip = c->skip_at == kNoLength ? 0 : other[c->skip_at];
  if (known && is_readable(address)) return copy_foreign_bytes(address, skip + other[c->length_at], slot);
  if (!known && classifier_.modules().find(address) != nullptr) {
    copy_other_words(slot, &address, 1);  // its extent is unknown: good for this build
    return true;
  }
  return refuse(Code::refused_foreign_memory, pointer, c->info, 0);
}

Offset Walker::copy_addressed(uint64_t pointer, InfoClass* c) {
  const Offset at = copy_fields(pointer, c);
  if (at == 0) return 0;
  return resolve_address(pointer, c, at + 1 + c->pointers + c->address_at) ? at : 0;
}

// --- text ----------------------------------------------------------------------------------------

// A Text is a part of a byte array that may be larger: others share it, or it was allocated with room to spare, and
// then the spare bytes are whatever the heap held. Only the parts that some Text has are copied; in the meantime the
// copy's size has its top bit set. Anything else that refers to the array gets all of it.
bool Walker::is_partial(Offset offset) const {
  const uint64_t* copy = staging_.words() + offset;
  const InfoClass* c = classifier_.class_of_header(copy[0]);
  return c != nullptr && c->action == Action::bytes && (copy[1] & kPartial) != 0;
}

void Walker::complete_array(uint64_t array, Offset copy) {
  const auto* from = reinterpret_cast<const StgArrBytes*>(array);
  memcpy(staging_.words() + copy + 2, from->payload, from->bytes);
  staging_.words()[copy + 1] = from->bytes;
}

namespace {

// Copies the first `size` bytes of an array in whole words; those behind them stay zero.
inline void copy_start(uint64_t* to, const uint64_t* from, uint64_t size) {
  const uint64_t whole = size / 8;
  for (uint64_t i = 0; i < whole; ++i) to[i] = from[i];
  if (size % 8 != 0) to[whole] = from[whole] & ((uint64_t{1} << size % 8 * 8) - 1);
}

}  // namespace

// The copy of a byte array that has not been met before, with `size` of its bytes from `from` on.
Offset Walker::copy_new_part(uint64_t array, uint64_t from, uint64_t size) {
  InfoClass* c = *words_at(array) == plain_bytes_->info ? plain_bytes_ : classifier_.classify(*words_at(array));
  c = c == nullptr ? nullptr : bytes_class(array, c);
  if (c == nullptr || (c->header == 0 && !classifier_.materialize(c))) return 0;
  const auto* source = reinterpret_cast<const StgArrBytes*>(array);
  const uint64_t bytes = source->bytes;
  if (c != plain_bytes_ || from != 0 || size > bytes) {
    const Offset at = copy_bytes(array, c);
    return at != 0 && record_copy(array, shadow_entry(array), at, c) ? at : 0;
  }
  const Offset at = staging_.allocate(staging_.data(), 2 + (bytes + 7) / 8);
  if (at == 0 || !record_copy(array, shadow_entry(array), at, c)) return 0;
  uint64_t* to = staging_.words() + at;
  to[0] = c->header;
  to[1] = size == bytes ? bytes : bytes | kPartial;
  copy_start(to + 2, source->payload, size);
  staging_.mark(at, 1);
  return size == bytes || partial_.push(at) ? at : 0;
}

bool Walker::copy_part(uint64_t array, uint64_t from, uint64_t size, Offset slot) {
  if (against_ != nullptr) {
    if (const auto* place = place_elsewhere(array)) return refer_elsewhere(*place, array, slot);
  }
  uint32_t* entry = nullptr;
  Offset at = find_copy(array, &entry);
  if (at == 0) {
    at = copy_new_part(array, from, size);
    if (at == 0) return false;
  } else if ((staging_.words()[at + 1] & kPartial) != 0) {
    const auto* source = reinterpret_cast<const StgArrBytes*>(array);
    if (from + size > source->bytes) {
      complete_array(array, at);
    } else {
      memcpy(reinterpret_cast<uint8_t*>(staging_.words() + at + 2) + from,
             reinterpret_cast<const uint8_t*>(source->payload) + from, size);
    }
  }
  staging_.words()[slot] = staging_.address(at);
  return true;
}

Offset Walker::copy_text(uint64_t pointer, InfoClass* c) {
  const uint64_t* from = words_at(pointer) + 1;
  const Offset at = staging_.allocate(staging_.data(), 1 + uint64_t{c->words});
  if (at == 0) return 0;
  uint64_t* to = staging_.words() + at;
  to[0] = c->header;
  memcpy(to + 1, from, c->words * sizeof(uint64_t));
  staging_.mark(at, 1 + c->pointers);
  const uint64_t* part = from + c->pointers;  // offset and length
  if (!copy_part(untagged(from[0]), part[0] * c->unit, part[1] * c->unit, at + 1)) return 0;
  push(at + 2, c->pointers - 1);
  return at;
}

void Walker::settle_partial_arrays() {
  for (uint64_t i = 0; i < partial_.size(); ++i) staging_.words()[partial_[i] + 1] &= ~kPartial;
}

// Only the variable that would hold a ForeignPtr's finalizers, and holds that there are none. It goes where writing is
// allowed.
Offset Walker::copy_mut_var(uint64_t pointer, InfoClass* c) {
  uint64_t content = words_at(pointer)[1];
  const InfoClass* of = classifier_.classify(*words_at(untagged(content)));
  while (of != nullptr && of->action == Action::indirection) {
    content = words_at(untagged(content))[1];
    of = classifier_.classify(*words_at(untagged(content)));
  }
  if (of == nullptr || !classifier_.is_no_finalizers(*of)) {
    refuse(Code::refused_mutable, pointer, c->info, 0);
    return 0;
  }
  const Offset at = staging_.allocate(staging_.lazy(), 2);
  if (at == 0) return 0;
  staging_.words()[at] = c->header;
  staging_.words()[at + 1] = content;
  staging_.mark(at, 2);
  push(at + 1, 1);
  return at;
}

// The program's own closure of a function without free variables, which a thawed image has a copy of.
uint64_t Walker::static_function(uint64_t pointer) const {
  const Image* image = find_image(pointer);
  if (image == nullptr) return pointer;
  return image->link_word(image->view.targets[image->target_of_info(*words_at(pointer))->parent]);
}

inline Offset Walker::copy(uint64_t pointer, InfoClass* c) {
  if (c->header == 0 && !classifier_.materialize(c)) return 0;
  switch (c->action) {
    case Action::copy:
    case Action::small_int:
    case Action::small_char:
      return copy_fields(pointer, c);
    case Action::float_box: {
      const Offset at = copy_fields(pointer, c);
      if (at != 0) staging_.words()[at + 1] &= 0xffffffff;
      return at;
    }
    case Action::bytes:
      return copy_bytes(pointer, c);
    case Action::array:
      return copy_array(pointer, c, 3);
    case Action::small_array:
      return copy_array(pointer, c, 2);
    case Action::function_static:
      classifier_.keep_static_function(*c, static_function(pointer));
      return copy_function(pointer, c);
    case Action::function:
      return copy_function(pointer, c);
    case Action::partial:
      return copy_partial(pointer, c);
    case Action::thunk:
    case Action::selector:
      return copy_thunk(pointer, c);
    case Action::application:
      return copy_application(pointer, c);
    case Action::literal:
      return copy_literal(pointer, c);
    case Action::addressed:
      return copy_addressed(pointer, c);
    case Action::mut_var:
      return copy_mut_var(pointer, c);
    case Action::text:
      return copy_text(pointer, c);
    default:
      return 0;
  }
}

// A black hole is an indirection to a value, unless it leads to the thread that evaluates it, or to the queue of those
// that wait.
uint64_t Walker::black_hole_value(uint64_t pointer, uint64_t* owner) {
  const uint64_t value = words_at(pointer)[1];
  if ((value & TAG_MASK) != 0) return value;
  const uint64_t info = *words_at(value);
  if (info == reinterpret_cast<uint64_t>(&stg_TSO_info)) *owner = value;
  if (info == reinterpret_cast<uint64_t>(&stg_BLOCKING_QUEUE_CLEAN_info) ||
      info == reinterpret_cast<uint64_t>(&stg_BLOCKING_QUEUE_DIRTY_info)) {
    *owner = reinterpret_cast<uint64_t>(reinterpret_cast<const StgBlockingQueue*>(value)->owner);
  }
  return value;
}

bool Walker::follow_black_hole(uint64_t pointer, const InfoClass* c, Offset slot, uint64_t* word) {
  uint64_t owner = 0;
  *word = black_hole_value(pointer, &owner);
  if (owner == 0) return true;
  return refuse(owner == own_thread_ ? Code::refused_under_evaluation : Code::refused_busy, pointer, c->info, slot);
}

// A constructor without fields is one word in the program, and two in the image; the second is zero.
bool Walker::copy_nullary(uint64_t pointer, InfoClass* c, Offset slot) {
  if (c->header == 0 && !classifier_.materialize(c)) return exhausted();
  const Offset at = staging_.allocate(staging_.data(), 2);
  if (at == 0) return exhausted();
  staging_.words()[at] = c->header;
  staging_.mark(at, 1);
  if (!record_copy(pointer, nullptr, at, c)) return false;
  staging_.words()[slot] = staging_.address(at) | c->tag;
  return true;
}

// --- following -----------------------------------------------------------------------------------

// Replaces the program's pointer in word `slot` by the image's, copying the closure if that has not been done.
inline bool Walker::follow(Offset slot) {
  uint64_t word = staging_.words()[slot];
  for (uint32_t hops = 0;; ++hops) {
    const uint64_t tag = word & TAG_MASK;
    const uint64_t pointer = untagged(word);
    if (__builtin_expect(against_ != nullptr, 0)) {
      if (const auto* place = place_elsewhere(pointer)) {
        const InfoClass* of = tag == 0 ? classifier_.classify(*words_at(pointer)) : nullptr;
        return refer_elsewhere(*place, pointer | (of == nullptr ? tag : of->tag), slot);
      }
    }
    uint32_t* entry = nullptr;
    if (const Offset known = find_copy(pointer, &entry)) {
      if (tag == 0 && is_partial(known)) complete_array(pointer, known);
      write_pointer(slot, known, tag);
      return true;
    }
    InfoClass* c = classifier_.classify(*words_at(pointer));
    if (c == nullptr) return exhausted();
    switch (c->action) {
      case Action::indirection:
        word = words_at(pointer)[1];
        continue;
      case Action::black_hole:
        if (!follow_black_hole(pointer, c, slot, &word)) return false;
        continue;
      case Action::small_int: {
        const auto value = static_cast<int64_t>(words_at(pointer)[1]);
        if (!is_heap(pointer) || value < MIN_INTLIKE || value > MAX_INTLIKE) break;
        word = reinterpret_cast<uint64_t>(INTLIKE_CLOSURE(static_cast<int>(value))) | tag;
        continue;
      }
      case Action::small_char: {
        const uint64_t value = words_at(pointer)[1];
        if (!is_heap(pointer) || value > MAX_CHARLIKE) break;
        word = reinterpret_cast<uint64_t>(CHARLIKE_CLOSURE(static_cast<int>(value))) | tag;
        continue;
      }
      case Action::copy:
        // A class without pointers and with one word, outside the heap: with a field or without?
        if (c->words == 1 && c->pointers == 0 && !is_heap(pointer) && classifier_.is_nullary(*c, pointer)) {
          return copy_nullary(pointer, c, slot);
        }
        break;
      case Action::caf: {
        const PendingCaf caf = {slot, pointer};
        if (collecting_ && !thunks_.push(pointer)) return exhausted();
        return refer_to_caf(caf);
      }
      case Action::caf_value:
        return cafs_.push(PendingCaf{slot, pointer}) || exhausted();
      case Action::selector:
        // A selector that selects itself (let p = (fst p, 1)) stays the lazy closure that it is.
        if (const uint64_t value = hops < kMostHops ? selected(pointer, c) : 0) {
          word = value;
          continue;
        }
        break;
      case Action::image_forced:
        word = forced_value(pointer);
        continue;
      case Action::image_stub: {
        const Image* image = find_image(pointer);
        word = image->link_word(*image->target_of_info(*words_at(pointer)));
        continue;
      }
      case Action::image_lazy: {
        // The image's own record of the thunk; its payload lies like a heap thunk's.
        const Image* image = find_image(pointer);
        c = classifier_.classify(image->link_word(image->view.targets[words_at(pointer)[1]]));
        if (c == nullptr) return exhausted();
        if (c->action != Action::selector) break;
        if (const uint64_t value = hops < kMostHops ? selected(pointer, c) : 0) {
          word = value;
          continue;
        }
        break;
      }
      case Action::bytes:
        c = bytes_class(pointer, c);
        if (c == nullptr) return exhausted();
        break;
      case Action::refuse:
        return refuse(c->refusal, pointer, c->info, slot);
      default:
        break;
    }
    const Offset at = copy(pointer, c);
    if (at == 0) {
      if (refusal_.code == Code::ok) return exhausted();
      refusal_.slot = slot;
      return false;
    }
    if (!record_copy(pointer, entry, at, c)) return false;
    staging_.words()[slot] = staging_.address(at) | c->tag;
    return true;
  }
}

// The shadow entry of a byte array of the heap that has not been met and need not keep an alignment, else nullptr.
inline __attribute__((always_inline)) uint32_t* Walker::new_unpinned_array(uint64_t pointer, const Quick& quick) const {
  const uint64_t relative = pointer - quick.heap_begin;
  if (relative >= quick.heap_size || *words_at(pointer) != plain_bytes_->info || plain_bytes_->header == 0)
    return nullptr;
  uint32_t* block = quick.shadow_index[relative / MBLOCK_SIZE];
  if (block == nullptr) return nullptr;
  uint32_t* entry = &block[relative % MBLOCK_SIZE / 16];
  if (*entry != 0 || (Bdescr(reinterpret_cast<StgPtr>(pointer))->flags & BF_PINNED) != 0) return nullptr;
  return entry;
}

// What nearly every closure of a graph is: a constructor or a Text that has not been met, or one that has. Does what
// follow() does for these, with everything that it needs in registers; gives false, having done nothing, for all else.
// A walk's time is its number of instructions here.
inline __attribute__((always_inline)) bool Walker::follow_quickly(Offset slot, const Quick& quick) {
  const uint64_t word = quick.words[slot];
  const uint64_t tag = word & TAG_MASK;
  const uint64_t pointer = word - tag;
  const uint64_t relative = pointer - quick.heap_begin;
  if (__builtin_expect(relative >= quick.heap_size, 0)) {
    const Offset known = tag == 0 ? 0 : statics_.find(pointer);
    if (known == 0) return false;
    quick.words[slot] = quick.base + uint64_t{known} * 8 + tag;
    return true;
  }
  uint32_t* block = quick.shadow_index[relative / MBLOCK_SIZE];
  if (__builtin_expect(block == nullptr, 0)) return false;
  uint32_t* entry = &block[relative % MBLOCK_SIZE / 16];
  const uint32_t found = *entry;
  const uint32_t half = static_cast<uint32_t>(pointer >> 3 & 1);
  if (found != 0) {
    if ((found & 1) != half || tag == 0) return false;
    quick.words[slot] = quick.base + uint64_t{found >> 1} * 8 + tag;
    return true;
  }
  const uint64_t* from = words_at(pointer);
  InfoClass* c = classifier_.cached(from[0]);
  if (__builtin_expect(c == nullptr || c->header == 0, 0)) return false;
  const uint32_t words = c->words;
  Area& area = staging_.data();
  const Offset at = area.cursor;
  Offset end = at + 1 + words;
  Offset array_at = 0;
  const StgArrBytes* array = nullptr;
  if (c->action == Action::small_int) {
    const auto value = static_cast<int64_t>(from[1]);
    if (value >= MIN_INTLIKE && value <= MAX_INTLIKE) return false;
  } else if (c->action == Action::text) {
    // Only with an array of its own, from its start on: then text and array go side by side.
    array = reinterpret_cast<const StgArrBytes*>(from[1]);
    uint32_t* array_entry = new_unpinned_array(from[1], quick);
    const uint64_t* part = from + 1 + c->pointers;
    if (array_entry == nullptr || part[0] != 0 || part[1] * c->unit > array->bytes) return false;
    array_at = end;
    if (2 + (array->bytes + 7) / 8 > area.limit - end) return false;
    end += static_cast<Offset>(2 + (array->bytes + 7) / 8);
    if (end > area.limit) return false;
    *array_entry = array_at << 1 | static_cast<uint32_t>(from[1] >> 3 & 1);
  } else if (c->action != Action::copy) {
    return false;
  }
  if (end > area.limit || end < at) return false;
  area.cursor = end;
  uint64_t* to = quick.words + at;
  to[0] = c->header;
  for (uint32_t i = 1; i <= words; ++i) to[i] = from[i];
  const uint32_t pointers = c->pointers;
  staging_.mark(at, 1 + pointers);
  *entry = at << 1 | half;
  quick.words[slot] = quick.base + uint64_t{at} * 8 + c->tag;
  ++c->uses;
  ++closures_;
  if (array == nullptr) {
    push(at + 1, pointers);
    return true;
  }
  const uint64_t size = from[2 + pointers] * c->unit;
  uint64_t* copy = quick.words + array_at;
  copy[0] = plain_bytes_->header;
  copy[1] = array->bytes;
  copy_start(copy + 2, array->payload, size);
  staging_.mark(array_at, 1);
  to[1] = quick.base + uint64_t{array_at} * 8;
  if (size != array->bytes) {
    copy[1] |= kPartial;
    partial_.push(array_at);
  }
  ++plain_bytes_->uses;
  ++closures_;
  push(at + 2, pointers - 1);
  return true;
}

// A cluster is the top of what hangs below `root`, breadth first, up to about a page. What is then left in the queue
// goes to the stack, its front on top, so that below the cluster its parts follow one after another, each with its own
// clusters.
bool Walker::walk_cluster(Range root, const Quick& quick) {
  queue_.truncate(0);
  queue_.push(root);
  const uint64_t end = staging_.used() + cluster_words_;
  uint64_t head = 0;
  bool ok = true;
  while (head < queue_.size() && staging_.used() < end) {
    const Range front = queue_[head];
    uint32_t done = 0;
    while (ok && done < front.count && staging_.used() < end) {
      const Offset slot = front.slot + done;
      ok = (!logging_ && follow_quickly(slot, quick)) || follow(slot);
      ++done;
    }
    queue_[head] = Range{front.slot + done, front.count - done};
    if (done == front.count) ++head;
    if (!ok) break;
  }
  for (uint64_t i = queue_.size(); i > head; --i) stack_.push(queue_[i - 1]);
  return ok;
}

bool Walker::drain() {
  const Quick quick = {staging_.words(), staging_.base(), heap_begin_, heap_size_,
                       reinterpret_cast<uint32_t**>(shadow_index_.data())};
  while (stack_.size() != 0) {
    Range root = stack_.back();
    stack_.pop();
    // The elements of an array are clusters of their own: whoever looks one up wants what is below it, not its
    // neighbours.
    if (root.count > kWide) {
      stack_.push(Range{root.slot + 1, root.count - 1});
      root.count = 1;
    }
    if (!walk_cluster(root, quick)) return false;
  }
  return true;
}

bool Walker::refer_to_caf(const PendingCaf& pending) {
  Offset at = statics_.find(pending.caf);
  if (at == 0) {
    const uint32_t target = classifier_.closure_target(pending.caf);
    at = staging_.allocate(staging_.data(), 2);
    if (at == 0) return exhausted();
    staging_.words()[at] = classifier_.header_of(target);
    staging_.mark(at, 1);
    ++closures_;
    ++classifier_.target(target).record.uses;
    // A stub made within a CAF's value goes away with it: what is rolled back must not be found again.
    if (logging_ && !log_.push(Logged{pending.caf, nullptr})) return exhausted();
    if (!statics_.insert(pending.caf, at)) return exhausted();
  }
  staging_.words()[pending.slot] = staging_.address(at);
  return true;
}

bool Walker::copy_caf_value(const PendingCaf& pending) {
  const auto* caf = reinterpret_cast<const StgIndStatic*>(pending.caf);
  staging_.words()[pending.slot] = reinterpret_cast<uint64_t>(caf->indirectee);
  stack_.push(Range{pending.slot, 1});
  return drain();
}

void Walker::roll_back(const Staging::Watermark& mark, uint64_t stack, uint64_t cafs, uint64_t raws, uint64_t closures,
                       uint64_t lazy_closures, uint64_t partial, uint64_t thunks) {
  for (uint64_t i = 0; i < log_.size(); ++i) {
    const Logged& entry = log_[i];
    if (entry.info_class == nullptr) {
      --classifier_.target(classifier_.closure_target(entry.address)).record.uses;
    } else {
      --entry.info_class->uses;
    }
    if (!is_heap(entry.address)) {
      statics_.erase(entry.address);
      continue;
    }
    uint32_t* shadowed = shadow(entry.address - heap_begin_);
    if ((*shadowed & 1) == (entry.address >> 3 & 1)) {
      *shadowed = 0;
    } else {
      unaligned_.erase(entry.address);
    }
  }
  staging_.rewind(mark);
  stack_.truncate(stack);
  cafs_.truncate(cafs);
  raws_.truncate(raws);
  partial_.truncate(partial);
  thunks_.truncate(thunks);
  closures_ = closures;
  lazy_closures_ = lazy_closures;
  refusal_ = Refusal{};
}

bool Walker::resolve_cafs() {
  logging_ = true;
  for (uint64_t i = 0; i < cafs_.size(); ++i) {
    const PendingCaf pending = cafs_[i];
    if (const Offset known = statics_.find(pending.caf)) {
      write_pointer(pending.slot, known, 0);
      continue;
    }
    log_.truncate(0);
    const Staging::Watermark mark = staging_.save();
    const uint64_t cafs = cafs_.size();
    const uint64_t raws = raws_.size();
    const uint64_t closures = closures_;
    const uint64_t lazy_closures = lazy_closures_;
    const uint64_t partial = partial_.size();
    const uint64_t thunks = thunks_.size();
    if (copy_caf_value(pending)) {
      if (against_ != nullptr && staging_.cross_image(pending.slot) != Staging::kNoImage) continue;
      // Further references to this CAF find its value.
      const uint64_t value = untagged(staging_.words()[pending.slot]);
      if (!statics_.insert(pending.caf, static_cast<Offset>((value - staging_.base()) / 8))) return exhausted();
      continue;
    }
    if (refusal_.code == Code::ok) return false;
    roll_back(mark, 0, cafs, raws, closures, lazy_closures, partial, thunks);
    if (!refer_to_caf(pending)) return false;
  }
  logging_ = false;
  return true;
}

bool Walker::run(wire::Error* error) {
  error_ = error;
  plain_bytes_ = classifier_.classify(reinterpret_cast<uint64_t>(&stg_ARR_WORDS_info));
  if (plain_bytes_ == nullptr) return exhausted();
  // A root's slot is a closure of no kind, in front of everything: a filler word that inspectors step over.
  for (uint64_t i = 0; i < roots_.size(); ++i) {
    roots_[i].slot = staging_.allocate(staging_.data(), 1);
    if (roots_[i].slot == 0) return exhausted();
    staging_.words()[roots_[i].slot] = roots_[i].word;
  }
  for (uint64_t i = roots_.size(); i > 0; --i) stack_.push(Range{roots_[i - 1].slot, 1});
  if (!drain() || !resolve_cafs()) return false;
  settle_partial_arrays();
  for (uint64_t i = 0; i < roots_.size(); ++i) {
    roots_[i].word = staging_.words()[roots_[i].slot];
    staging_.words()[roots_[i].slot] = kFillerWord;
  }
  return true;
}

uint64_t Walker::closure_size(Offset offset) const {
  const uint64_t* words = staging_.words() + offset;
  const InfoClass* c = class_at(offset);
  if (c == nullptr) return 16;  // a stub for a CAF
  switch (c->action) {
    case Action::thunk:
    case Action::selector:
      return 8 * (2 + (c->words == 0 ? uint64_t{1} : c->words));
    case Action::application:
      return 32 + (words[2] >> 32) * 8;
    case Action::bytes:
      return 16 + wire::round_up(words[1], 8);
    case Action::array:
      return 24 + words[2] * 8;
    case Action::small_array:
      return 16 + words[1] * 8;
    case Action::partial:
      return 24 + (words[1] >> 32) * 8;
    case Action::literal:
    case Action::mut_var:
      return 16;
    default:
      return 8 * (1 + (c->words == 0 ? uint64_t{1} : c->words));
  }
}

}  // namespace fastboot::ghc
