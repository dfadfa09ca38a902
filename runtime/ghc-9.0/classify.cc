#include "ghc-9.0/classify.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "format/wire/parse.h"
#include "ghc-9.0/image.h"
#include "ghc-9.0/lazy.h"
#include "ghc-9.0/rts.h"
#include "ghc-9.0/symbols.h"

namespace fastboot::ghc {

using wire::Code;
using wire::TargetKind;

// --- AddressMap ----------------------------------------------------------------------------------

AddressMap::~AddressMap() { free(slots_); }

bool AddressMap::init() {
  mask_ = 255;
  slots_ = static_cast<Slot*>(calloc(mask_ + 1, sizeof(Slot)));
  return slots_ != nullptr;
}

bool AddressMap::insert(uint64_t key, uint32_t value) {
  if ((count_ + 1) * 2 > mask_ && !grow()) return false;
  for (uint64_t i = hash(key);; ++i) {
    Slot& slot = slots_[i & mask_];
    if (slot.key != 0 && slot.key != key) continue;
    if (slot.key == 0) ++count_;
    slot = Slot{key, value, 0};
    return true;
  }
}

void AddressMap::erase(uint64_t key) {
  for (uint64_t i = hash(key);; ++i) {
    Slot& slot = slots_[i & mask_];
    if (slot.key == key) slot.value = 0;
    if (slot.key == key || slot.key == 0) return;
  }
}

bool AddressMap::grow() {
  const uint64_t old_size = mask_ + 1;
  Slot* old = slots_;
  slots_ = static_cast<Slot*>(calloc(old_size * 2, sizeof(Slot)));
  if (slots_ == nullptr) {
    slots_ = old;
    return false;
  }
  mask_ = old_size * 2 - 1;
  for (uint64_t i = 0; i < old_size; ++i) {
    if (old[i].key == 0) continue;
    uint64_t at = hash(old[i].key);
    while (slots_[at & mask_].key != 0) ++at;
    slots_[at & mask_] = old[i];
  }
  free(old);
  return true;
}

// --- constructors by name ------------------------------------------------------------------------

namespace {

// Constructors that are not what their info tables say. Matched by package (whatever its version), module and name.
struct Special {
  const char* package;
  const char* name;
  Action action;
  Code refusal;
  uint8_t address_at = 0;  // as in InfoClass
  uint8_t length_at = kNoLength;
  uint8_t skip_at = kNoLength;
};

constexpr Special kSpecials[] = {
    {"ghc-prim", "GHC.Types.I#", Action::small_int, Code::ok},
    {"ghc-prim", "GHC.Types.C#", Action::small_char, Code::ok},
    {"ghc-prim", "GHC.Types.F#", Action::float_box, Code::ok},
    {"text", "Data.Text.Internal.Text", Action::text, Code::ok},
    {"text", "Data.Text.Internal.Lazy.Chunk", Action::text, Code::ok},
    {"ghc-prim", "GHC.Types.TrNameS", Action::literal, Code::ok},
    {"ghc-prim", "GHC.Types.KindRepTypeLitS", Action::literal, Code::ok},
    // Hold addresses: of byte arrays in the heap, of literals, or of memory that is not the collector's.
    {"base", "GHC.Ptr.Ptr", Action::addressed, Code::ok},
    {"base", "GHC.Ptr.FunPtr", Action::addressed, Code::ok},
    {"base", "GHC.ForeignPtr.ForeignPtr", Action::addressed, Code::ok},
    {"base", "GHC.Stable.StablePtr", Action::refuse, Code::refused_identity},
    {"bytestring", "Data.ByteString.Internal.PS", Action::addressed, Code::ok, 0, 2, 1},
    {"bytestring", "Data.ByteString.Internal.BS", Action::addressed, Code::ok, 0, 1},
    {"bytestring", "Data.ByteString.Lazy.Internal.Chunk", Action::addressed, Code::ok, 0, 2, 1},
    {"vector", "Data.Vector.Storable.Vector", Action::addressed, Code::ok, 1},
    {"array", "Data.Array.Storable.Internals.StorableArray", Action::refuse, Code::refused_foreign_memory},
    // Hold bytes that somebody may still write: to the RTS their arrays look immutable.
    {"vector", "Data.Vector.Primitive.Mutable.MVector", Action::refuse, Code::refused_mutable},
    {"vector", "Data.Vector.Storable.Mutable.MVector", Action::refuse, Code::refused_mutable},
    {"array", "Data.Array.Base.STUArray", Action::refuse, Code::refused_mutable},
    {"primitive", "Data.Primitive.ByteArray.MutableByteArray", Action::refuse, Code::refused_mutable},
    {"text", "Data.Text.Array.MArray", Action::refuse, Code::refused_mutable},
    {"attoparsec", "Data.Attoparsec.Text.Buffer.Buf", Action::refuse, Code::refused_mutable},
    {"attoparsec", "Data.Attoparsec.ByteString.Buffer.Buf", Action::refuse, Code::refused_foreign_memory},
    // Mean something in one process only.
    {"base", "GHC.Conc.Sync.ThreadId", Action::refuse, Code::refused_concurrency},
};

// "containers-0.6.4.1:Data.Map.Internal.Bin" is of package "containers". The RTS's wired-in units have no version.
bool is_of_package(const char* description, const char* colon, const char* package) {
  const size_t length = strlen(package);
  const auto unit = static_cast<size_t>(colon - description);
  if (unit < length || strncmp(description, package, length) != 0) return false;
  return unit == length ||
         (description[length] == '-' && description[length + 1] >= '0' && description[length + 1] <= '9');
}

const Special* find_special(const char* description) {
  const char* colon = strchr(description, ':');
  if (colon == nullptr) return nullptr;
  for (const Special& special : kSpecials) {
    if (strcmp(colon + 1, special.name) == 0 && is_of_package(description, colon, special.package)) return &special;
  }
  return nullptr;
}

}  // namespace

constexpr uint32_t kPinnedAlignment = 64;

// --- Classifier ----------------------------------------------------------------------------------

bool Classifier::init(uint64_t slot_address, wire::Error* error) {
  modules_.load();
  info_base_ = slot_address + wire::kUsualInfoOffset;
  constexpr uint64_t kMostTargets = uint64_t{1} << 24;
  const bool ok = classes_.reserve(kMostTargets) && targets_.reserve(kMostTargets) && bitmaps_.reserve(kMostTargets) &&
                  by_info_.init() && by_header_.init() && closures_.init() && nullary_.init() && roots_.init() &&
                  raws_.init();
  if (!ok) return fail(error, Code::out_of_memory, "no memory for the tables of a freeze");
  memset(cache_, 0, sizeof cache_);
  return true;
}

InfoClass* Classifier::classify_slowly(uint64_t info, Cached* cached) {
  // An interned info pointer of a thawed image stands for the program's own; the trampolines' are classes of their own.
  uint64_t own = info;
  if (const Image* image = find_image(info)) {
    const wire::Target* target = image->target_of_info(info);
    const bool stub = target != nullptr && target->kind == static_cast<uint16_t>(TargetKind::static_closure);
    if (target != nullptr && !stub) own = image->link_word(*target);
  }
  uint32_t index = by_info_.find(own);
  InfoClass* found = index != 0 ? &classes_[index - 1] : add(own);
  if (found != nullptr) *cached = Cached{info, found};
  return found;
}

InfoClass* Classifier::add(uint64_t info) {
  if (!classes_.push(InfoClass{})) return nullptr;
  InfoClass* c = &classes_.back();
  c->info = info;
  const auto number = static_cast<uint32_t>(classes_.size());
  if (!by_info_.insert(info, number)) return nullptr;
  if (find_image(info) != nullptr) {
    c->action = Action::image_stub;
    return c;
  }
  if (is_lazy_entry(info) || is_forced_entry(info)) {
    c->action = is_lazy_entry(info) ? Action::image_lazy : Action::image_forced;
    return c;
  }
  const runtime::Module* module = modules_.find(info);
  if (module == nullptr || !module->is_code(info) || info % 8 != 0) {
    c->refusal = Code::refused_unknown_code;
    return c;
  }
  set_action(c);
  return c;
}

bool Classifier::materialize(InfoClass* c) {
  const uint64_t before = targets_.size();
  switch (c->action) {
    case Action::function:
    case Action::function_static:
      make_function(c);
      break;
    case Action::thunk:
    case Action::selector:
    case Action::application:
      make_thunk(c);
      break;
    case Action::bytes:
    case Action::array:
    case Action::small_array:
    case Action::partial:
    case Action::mut_var:
      return make_rts(c);
    default:
      make_constructor(c);
  }
  if (c->header != lazy_header_ && !by_header_.insert(c->header, static_cast<uint32_t>(c - classes_.data()) + 1))
    return false;
  return targets_.size() > before;
}

const InfoClass* Classifier::class_of_header(uint64_t header) const {
  if (header == lazy_header_) return nullptr;
  const uint32_t index = by_header_.find(header);
  return index == 0 ? nullptr : &classes_[index - 1];
}

namespace {
const StgInfoTable* table_of(uint64_t info) { return reinterpret_cast<const StgInfoTable*>(info) - 1; }
}  // namespace

void Classifier::set_action(InfoClass* c) {
  const StgInfoTable* table = table_of(c->info);
  c->type = static_cast<uint16_t>(table->type);
  const auto refuse = [&](Code code) {
    c->action = Action::refuse;
    c->refusal = code;
  };
  switch (table->type) {
    case CONSTR:
    case CONSTR_1_0:
    case CONSTR_0_1:
    case CONSTR_2_0:
    case CONSTR_1_1:
    case CONSTR_0_2:
    case CONSTR_NOCAF:
      return set_constructor(c);
    case FUN:
    case FUN_1_0:
    case FUN_0_1:
    case FUN_2_0:
    case FUN_1_1:
    case FUN_0_2:
      return set_function(c, false);
    case FUN_STATIC:
      return set_function(c, true);
    case PAP:
      return set_rts(c, Action::partial);
    case ARR_WORDS:
      return set_rts(c, Action::bytes);
    case MUT_ARR_PTRS_FROZEN_CLEAN:
    case MUT_ARR_PTRS_FROZEN_DIRTY:
      return set_rts(c, Action::array);
    case SMALL_MUT_ARR_PTRS_FROZEN_CLEAN:
    case SMALL_MUT_ARR_PTRS_FROZEN_DIRTY:
      return set_rts(c, Action::small_array);
    case IND:
      c->action = Action::indirection;
      return;
    case BLACKHOLE:
      c->action = Action::black_hole;
      return;
    case THUNK_STATIC:
      c->action = Action::caf;
      return;
    case IND_STATIC:
      c->action = Action::caf_value;
      return;
    case THUNK:
    case THUNK_1_0:
    case THUNK_0_1:
    case THUNK_2_0:
    case THUNK_1_1:
    case THUNK_0_2:
      return set_thunk(c, Action::thunk);
    case THUNK_SELECTOR:
      return set_thunk(c, Action::selector);
    case AP:
      return set_thunk(c, Action::application);
    case MUT_VAR_CLEAN:
    case MUT_VAR_DIRTY:
      c->refusal = Code::refused_mutable;
      return set_rts(c, Action::mut_var);
    case MUT_ARR_PTRS_CLEAN:
    case MUT_ARR_PTRS_DIRTY:
    case SMALL_MUT_ARR_PTRS_CLEAN:
    case SMALL_MUT_ARR_PTRS_DIRTY:
      return refuse(Code::refused_mutable);
    case MVAR_CLEAN:
    case MVAR_DIRTY:
    case TVAR:
    case TSO:
    case STACK:
    case BLOCKING_QUEUE:
    case TREC_CHUNK:
    case WHITEHOLE:
      return refuse(Code::refused_concurrency);
    case WEAK:
      return refuse(Code::refused_weak);
    case BCO:
    case AP_STACK:
      return refuse(Code::refused_bytecode);
    case COMPACT_NFDATA:
      return refuse(Code::refused_compact);
    case PRIM:
    case MUT_PRIM:
      return refuse(c->info == reinterpret_cast<uint64_t>(&stg_STABLE_NAME_info) ? Code::refused_weak
                                                                                 : Code::refused_concurrency);
    default:
      return refuse(Code::refused_unknown_code);
  }
}

void Classifier::set_constructor(InfoClass* c) {
  const auto* table = reinterpret_cast<const StgConInfoTable*>(c->info) - 1;
  const char* description = reinterpret_cast<const char*>(c->info) + table->con_desc;
  c->pointers = table->i.layout.payload.ptrs;
  c->words = c->pointers + table->i.layout.payload.nptrs;
  const uint64_t tag = static_cast<uint64_t>(static_cast<uint32_t>(table->i.srt)) + 1;
  c->tag = static_cast<uint8_t>(tag < TAG_MASK ? tag : TAG_MASK);
  c->action = Action::copy;
  if (const Special* special = find_special(description)) {
    c->action = special->action;
    c->refusal = special->refusal;
    c->address_at = special->address_at;
    c->length_at = special->length_at;
    c->skip_at = special->skip_at;
    c->unit = strncmp(description, "text-1.", 7) == 0 ? 2 : 1;  // UTF-16 up to text 1.2, then UTF-8
    if (c->action == Action::refuse) return;
  }
}

void Classifier::make_constructor(InfoClass* c) {
  const auto* table = reinterpret_cast<const StgConInfoTable*>(c->info) - 1;
  c->target = add_target(TargetKind::constructor, c->info, reinterpret_cast<const char*>(c->info) + table->con_desc);
  wire::Target& record = targets_[c->target].record;
  record.closure_type = table->i.type;
  record.con_tag = static_cast<uint32_t>(table->i.srt);
  memcpy(&record.layout, &table->i.layout, sizeof record.layout);
  intern(c->target);
  c->header = header_of(c->target);
}

void Classifier::set_function(InfoClass* c, bool is_static) {
  const auto* table = reinterpret_cast<const StgFunInfoTable*>(c->info) - 1;
  c->action = is_static ? Action::function_static : Action::function;
  c->pointers = is_static ? 0 : table->i.layout.payload.ptrs;
  c->words = is_static ? 0 : c->pointers + table->i.layout.payload.nptrs;
  c->tag = static_cast<uint8_t>(table->f.arity <= TAG_MASK ? table->f.arity : 0);
}

void Classifier::make_function(InfoClass* c) {
  const auto* table = reinterpret_cast<const StgFunInfoTable*>(c->info) - 1;
  const bool is_static = c->action == Action::function_static;
  c->target = add_target(TargetKind::function, c->info, nullptr);
  wire::Target& record = targets_[c->target].record;
  record.flags |= wire::kTargetCode;
  record.closure_type = is_static ? FUN : table->i.type;
  if (is_static) record.flags |= wire::kTargetFunStatic;
  if (!is_static) memcpy(&record.layout, &table->i.layout, sizeof record.layout);
  record.fun_type = table->f.fun_type;
  record.arity = table->f.arity;
  const bool general = table->f.fun_type == ARG_GEN || table->f.fun_type == ARG_GEN_BIG;
  if (table->f.fun_type == ARG_GEN) record.bitmap = table->f.b.bitmap;
  if (table->f.fun_type == ARG_GEN_BIG) {
    const auto* bitmap = reinterpret_cast<const uint64_t*>(c->info + static_cast<uint64_t>(table->f.b.bitmap_offset));
    record.flags |= wire::kTargetLargeBitmap;
    record.bitmap = record_large_bitmap(bitmap);
  }
  intern(c->target);
  c->header = header_of(c->target);
  const uint32_t self = c->target;
  if (general) {
    const uint64_t slow = c->info + static_cast<uint64_t>(static_cast<int64_t>(table->f.slow_apply_offset));
    const uint32_t entry = add_target(TargetKind::slow_entry, slow, nullptr);
    targets_[entry].record.parent = self;
    targets_[entry].record.flags |= wire::kTargetCode;
  }
  // What the code refers to must outlive the program's own use of it.
  if (!is_static && table->i.srt != 0) {
    c->srt_root = root_target(c->info + static_cast<uint64_t>(static_cast<int64_t>(table->i.srt)));
  }
}

void Classifier::set_rts(InfoClass* c, Action action) { c->action = action; }

namespace {

// Frozen arrays come in a clean and a dirty kind; the image holds clean ones. A variable in an image is dirty for ever,
// so that the RTS puts it on no list when it is written.
struct RtsTable {
  Action action;
  const StgInfoTable* info;
  const char* symbol;
};
const RtsTable* rts_table(Action action) {
  static const RtsTable kTables[] = {
      {Action::bytes, &stg_ARR_WORDS_info, "stg_ARR_WORDS_info"},
      {Action::array, &stg_MUT_ARR_PTRS_FROZEN_CLEAN_info, "stg_MUT_ARR_PTRS_FROZEN_CLEAN_info"},
      {Action::small_array, &stg_SMALL_MUT_ARR_PTRS_FROZEN_CLEAN_info, "stg_SMALL_MUT_ARR_PTRS_FROZEN_CLEAN_info"},
      {Action::partial, &stg_PAP_info, "stg_PAP_info"},
      {Action::mut_var, &stg_MUT_VAR_DIRTY_info, "stg_MUT_VAR_DIRTY_info"},
  };
  for (const RtsTable& table : kTables) {
    if (table.action == action) return &table;
  }
  return nullptr;
}

}  // namespace

bool Classifier::make_rts(InfoClass* c) {
  const RtsTable& rts = *rts_table(c->action);
  const auto info = reinterpret_cast<uint64_t>(rts.info);
  if (info != c->info) {
    InfoClass* other = classify(info);
    if (other == nullptr || (other->header == 0 && !materialize(other))) return false;
    c->target = other->target;
    c->header = other->header;
    return true;
  }
  const StgInfoTable* table = table_of(info);
  c->target = add_target(TargetKind::rts, info, nullptr);
  TargetState& state = targets_[c->target];
  state.symbol = rts.symbol;
  state.record.closure_type = table->type;
  memcpy(&state.record.layout, &table->layout, sizeof state.record.layout);
  intern(c->target);
  c->header = header_of(c->target);
  return by_header_.insert(c->header, static_cast<uint32_t>(c - classes_.data()) + 1);
}

namespace {

// What the word at *address holds, if that is a word of the ELF file in memory that `code` is in: bytes that look like
// a jump may be parts of other instructions.
bool read_own_word(uint64_t code, uint64_t* address) {
  dl_find_object object;
  if (_dl_find_object(reinterpret_cast<void*>(code), &object) != 0) return false;
  const auto begin = reinterpret_cast<uint64_t>(object.dlfo_map_start);
  const auto end = reinterpret_cast<uint64_t>(object.dlfo_map_end);
  if (*address % 8 != 0 || *address < begin || *address + 8 > end) return false;
  memcpy(address, reinterpret_cast<const void*>(*address), sizeof *address);
  return true;
}

// A half-read string literal is a thunk that jumps to one of these with an address in its payload.
bool jumps_to_string_reader(uint64_t info) {
  const uint64_t readers[] = {reinterpret_cast<uint64_t>(&ghczmprim_GHCziCString_unpackCStringzh_info),
                              reinterpret_cast<uint64_t>(&ghczmprim_GHCziCString_unpackCStringUtf8zh_info),
                              reinterpret_cast<uint64_t>(&ghczmprim_GHCziCString_unpackAppendCStringzh_info),
                              reinterpret_cast<uint64_t>(&ghczmprim_GHCziCString_unpackAppendCStringUtf8zh_info)};
  // Such a thunk's code is some 60 bytes long and ends in `jmp rel32`, or in `jmp *rel32(%rip)` through the GOT.
  constexpr uint64_t kLongest = 96;
  const auto* code = reinterpret_cast<const uint8_t*>(info);
  for (uint64_t i = 0; i < kLongest; ++i) {
    const bool indirect = code[i] == 0xff && code[i + 1] == 0x25;
    if (code[i] != 0xe9 && !indirect) continue;
    const uint64_t opcode = indirect ? 2 : 1;
    int32_t displacement;
    memcpy(&displacement, code + i + opcode, sizeof displacement);
    uint64_t target = info + i + opcode + 4 + static_cast<uint64_t>(static_cast<int64_t>(displacement));
    if (indirect && !read_own_word(info, &target)) continue;
    for (const uint64_t reader : readers) {
      if (reader != 0 && reader == target) return true;
    }
  }
  return false;
}

}  // namespace

bool reads_literals(uint64_t thunk_info) {
  return table_of(thunk_info)->layout.payload.nptrs != 0 && jumps_to_string_reader(thunk_info);
}

void Classifier::set_thunk(InfoClass* c, Action action) {
  const auto* table = reinterpret_cast<const StgThunkInfoTable*>(c->info) - 1;
  c->action = action;
  c->pointers = action == Action::thunk ? table->i.layout.payload.ptrs : 1;
  c->words = action == Action::thunk ? c->pointers + table->i.layout.payload.nptrs : 1;
  c->reads_literal = action == Action::thunk && c->words > c->pointers && jumps_to_string_reader(c->info);
}

void Classifier::make_thunk(InfoClass* c) {
  const auto* table = reinterpret_cast<const StgThunkInfoTable*>(c->info) - 1;
  c->target = add_target(TargetKind::thunk, c->info, nullptr);
  wire::Target& record = targets_[c->target].record;
  record.flags |= wire::kTargetCode;
  record.closure_type = table->i.type;
  memcpy(&record.layout, &table->i.layout, sizeof record.layout);
  if (c->action == Action::thunk && table->i.srt != 0) {
    c->srt_root = root_target(c->info + static_cast<uint64_t>(static_cast<int64_t>(table->i.srt)));
  }
  c->header = lazy_header();
}

// Lazy closures share one header; the word after it says which thunk they are.
uint64_t Classifier::lazy_header() {
  if (lazy_header_ != 0) return lazy_header_;
  const uint32_t entry = trampoline(lazy_entry_address(), "fastboot_lazy_enter");
  trampoline(forced_entry_address(), "fastboot_forced_enter");
  lazy_header_ = header_of(entry);
  return lazy_header_;
}

InfoClass* Classifier::pinned_bytes() {
  if (pinned_bytes_ != nullptr) return pinned_bytes_;
  const uint64_t info = reinterpret_cast<uint64_t>(&stg_ARR_WORDS_info);
  if (!classes_.push(InfoClass{})) return nullptr;
  InfoClass* c = &classes_.back();
  const auto number = static_cast<uint32_t>(classes_.size());
  c->info = info;
  c->type = ARR_WORDS;
  c->action = Action::bytes;
  c->target = add_target(TargetKind::rts, info, nullptr);
  TargetState& state = targets_[c->target];
  state.symbol = "stg_ARR_WORDS_info";
  state.record.closure_type = ARR_WORDS;
  state.record.arity = kPinnedAlignment;
  intern(c->target);
  c->header = header_of(c->target);
  if (!by_header_.insert(c->header, number)) return nullptr;
  pinned_bytes_ = c;
  return c;
}

uint64_t Classifier::alignment_in_image(uint64_t info) {
  const Image* image = find_image(info);
  const wire::Target* target = image == nullptr ? nullptr : image->target_of_info(info);
  return target == nullptr ? 0 : target->arity;
}

bool Classifier::is_no_finalizers(const InfoClass& c) const {
  if (c.type < CONSTR || c.type > CONSTR_NOCAF) return false;
  const auto* table = reinterpret_cast<const StgConInfoTable*>(c.info) - 1;
  const char* description = reinterpret_cast<const char*>(c.info) + table->con_desc;
  const char* colon = strchr(description, ':');
  return colon != nullptr && is_of_package(description, colon, "base") &&
         strcmp(colon + 1, "GHC.ForeignPtr.NoFinalizers") == 0;
}

// A static closure without pointers and with one other word is `Con 5#`, or a constructor without fields, which is one
// word in memory, whatever its info table says: behind it lies its neighbour. The program's symbols tell: the one of a
// constructor without fields is its closure's own. Without symbols the word is taken for a number.
bool Classifier::is_nullary(const InfoClass& c, uint64_t closure) {
  if (c.type != CONSTR_0_1 && c.type != CONSTR_NOCAF) return false;
  if (const uint32_t known = nullary_.find(c.info)) return known == 1;
  const auto* table = reinterpret_cast<const StgConInfoTable*>(c.info) - 1;
  const runtime::Module* module = modules_.find(closure);
  const bool nullary =
      module != nullptr &&
      is_constructor_closure(*module, closure, reinterpret_cast<const char*>(c.info) + table->con_desc);
  nullary_.insert(c.info, nullary ? 1 : 2);
  return nullary;
}

uint32_t Classifier::trampoline(uint64_t entry, const char* symbol) {
  const uint32_t index = add_target(TargetKind::trampoline, entry, nullptr);
  TargetState& state = targets_[index];
  state.symbol = symbol;
  state.record.flags |= wire::kTargetCode;
  state.record.closure_type = THUNK;
  state.record.layout = uint64_t{1} << 32;  // no pointers, one other word: the collector must find nothing in it
  intern(index);
  return index;
}

const InfoClass* Classifier::class_of_target(uint32_t target) const {
  const uint32_t index = by_info_.find(targets_[target].address);
  return index == 0 ? nullptr : &classes_[index - 1];
}

uint32_t Classifier::record_large_bitmap(const uint64_t* bitmap) {
  const auto at = static_cast<uint32_t>(bitmaps_.size());
  const uint64_t words = 1 + (bitmap[0] + 63) / 64;
  for (uint64_t i = 0; i < words; ++i) bitmaps_.push(bitmap[i]);
  return at;
}

uint32_t Classifier::add_target(TargetKind kind, uint64_t address, const char* description) {
  TargetState state = {};
  state.record.kind = static_cast<uint16_t>(kind);
  state.address = address;
  state.description = description;
  state.module = wire::kNoModule;
  for (uint32_t i = 0; i < modules_.size(); ++i) {
    if (modules_[i].contains(address)) {
      state.module = i;
      break;
    }
  }
  targets_.push(state);
  return static_cast<uint32_t>(targets_.size() - 1);
}

void Classifier::intern(uint32_t index) {
  TargetState& state = targets_[index];
  const uint64_t description = state.description == nullptr ? 1 : strlen(state.description) + 1;
  const bool large = (state.record.flags & wire::kTargetLargeBitmap) != 0;
  const uint64_t words = large ? 1 + (bitmaps_[state.record.bitmap] + 63) / 64 : 0;
  uint64_t at = 0;
  const uint64_t size = wire::info_entry_size(state.record, description, words, &at);
  state.record.info_offset = info_size_ + at;
  info_size_ += size;
}

uint32_t Classifier::closure_target(uint64_t closure) {
  if (const uint32_t known = closures_.find(closure)) return known - 1;
  const uint32_t index = add_target(TargetKind::static_closure, closure, nullptr);
  targets_[index].record.flags |= wire::kTargetStaticRoot;
  targets_[index].record.closure_type = THUNK;
  targets_[index].record.layout = uint64_t{1} << 32;  // no pointers, one other word
  intern(index);
  closures_.insert(closure, index + 1);
  return index;
}

uint32_t Classifier::root_target(uint64_t closure) {
  if (const uint32_t known = roots_.find(closure)) return known - 1;
  const uint32_t index = add_target(TargetKind::static_root, closure, nullptr);
  targets_[index].record.flags |= wire::kTargetStaticRoot;
  roots_.insert(closure, index + 1);
  return index;
}

uint32_t Classifier::raw_target(uint64_t address) {
  if (const uint32_t known = raws_.find(address)) return known - 1;
  const uint32_t index = add_target(TargetKind::raw_address, address, nullptr);
  raws_.insert(address, index + 1);
  return index;
}

}  // namespace fastboot::ghc
