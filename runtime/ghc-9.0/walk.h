// The walker: copies everything that is reachable from a closure into the staging area.
//
// It only reads the heap. Where a copy already stands is kept beside the heap, in a shadow: 32 bits for each 16 bytes
// of each megablock that the graph touches (closures start at least 16 bytes apart). Forwarding pointers in the heap,
// as the collector uses, would be faster still, but a concurrent marker reads the heap at the same time, and a fault
// half-way would destroy the program's data.
//
// Order: clusters of about a page, each the top of a subtree in breadth-first order, and clusters depth first. A
// look-up in a tree then touches a page every four levels or so, and while a cluster is made, the memory of what comes
// next in it is on its way. What is still to be followed is a range of words that hold the program's pointers: those of
// the cluster in a queue, the others on a stack. Evaluated CAFs are left for the end: where the value of one cannot be
// frozen, what was copied for it is taken back and the image refers to the CAF instead.
#pragma once

#include "core/memory.h"
#include "ghc-9.0/against.h"
#include "ghc-9.0/classify.h"
#include "ghc-9.0/staging.h"

namespace fastboot::ghc {

// Why a closure cannot be frozen, and where it hangs.
struct Refusal {
  wire::Code code = wire::Code::ok;
  uint64_t closure = 0;  // process address
  uint64_t info = 0;
  Offset slot = 0;               // the word that holds the pointer to it; 0: the root
  const char* detail = nullptr;  // in words, where the code does not say it all
};

class Walker {
 public:
  Walker(Staging* staging, Classifier* classifier) : staging_(*staging), classifier_(*classifier) {}

  // Takes memory that an earlier walk left in `kept`, if there is any.
  bool init(runtime::Reservation::Kept* kept, wire::Error* error);
  void keep_in(runtime::Reservation::Kept* kept) { shadow_pool_.keep_in(kept, shadow_used_); }

  // The TSO of the thread that freezes.
  void set_own_thread(uint64_t tso) { own_thread_ = tso; }

  // Closures of these images are not copied but pointed to. They must outlive the walk; before run().
  void set_against(const Against* against) { against_ = against; }

  // Makes this a walk that copies nothing to keep: it looks for the thunks, and CAFs that are not evaluated, that are
  // reachable through data, not through other thunks or functions.
  bool collect_thunks() { return collecting_ = thunks_.reserve(uint64_t{1} << 30); }
  const runtime::ReservedArray<uint64_t>& thunks() const { return thunks_; }

  // One more root, a tagged process address; before run().
  bool add_root(uint64_t closure) { return roots_.push(RootSlot{0, closure}); }

  // Copies the graph under the roots. On failure either *error (out of memory, too large) or refusal() says why.
  bool run(wire::Error* error);

  const Refusal& refusal() const { return refusal_; }
  uint64_t root_address(uint64_t i) const { return roots_[i].word & ~uint64_t{7}; }
  // The number of the image of Against that the root is a closure of, or Staging::kNoImage. The address above is none
  // of this image then.
  uint32_t root_elsewhere(uint64_t i) const { return staging_.cross_image(roots_[i].slot); }
  uint32_t root_tag(uint64_t i) const { return static_cast<uint32_t>(roots_[i].word & 7); }
  uint64_t closures() const { return closures_; }
  const runtime::ReservedArray<wire::RawReference>& raws() const { return raws_; }

  uint64_t lazy_closures() const { return lazy_closures_; }

  // The class of a copied closure; nullptr for a stub that enters a CAF.
  const InfoClass* class_at(Offset offset) const;

  // Bytes of the closure at `offset` of the image.
  uint64_t closure_size(Offset offset) const;

  // Writes "Module.Con field 1 > ... " for the way from the root to the refused closure.
  void describe_path(char* out, uint64_t size);

 private:
  // Words [slot, slot + count) hold pointers of the program that are still to be followed.
  struct Range {
    Offset slot;
    uint32_t count;
  };
  // A root's pointer, and where it stands during the walk.
  struct RootSlot {
    Offset slot;
    uint64_t word;
  };
  struct PendingCaf {
    Offset slot;
    uint64_t caf;
  };
  // What is undone when a CAF's value cannot be frozen.
  struct Logged {
    uint64_t address;
    InfoClass* info_class;  // nullptr: a stub for the CAF at `address`
  };

  // What follow_quickly() needs of the members: these the compiler would load again after every write.
  struct Quick {
    uint64_t* words;
    uint64_t base;
    uint64_t heap_begin;
    uint64_t heap_size;
    uint32_t* const* shadow_index;
  };
  uint32_t* new_unpinned_array(uint64_t pointer, const Quick& quick) const;
  bool follow_quickly(Offset slot, const Quick& quick);
  bool walk_cluster(Range root, const Quick& quick);
  bool drain();
  bool follow(Offset slot);
  const Against::Place* place_elsewhere(uint64_t pointer) const;
  bool refer_elsewhere(const Against::Place& place, uint64_t word, Offset slot);
  bool resolve_cafs();
  bool copy_caf_value(const PendingCaf& pending);
  bool refer_to_caf(const PendingCaf& pending);
  void roll_back(const Staging::Watermark& mark, uint64_t stack, uint64_t cafs, uint64_t raws, uint64_t closures,
                 uint64_t lazy_closures, uint64_t partial, uint64_t thunks);

  uint32_t* shadow(uint64_t relative);
  Offset find_copy(uint64_t pointer, uint32_t** entry);
  bool record_copy(uint64_t pointer, uint32_t* entry, Offset offset, InfoClass* c);
  uint32_t* shadow_entry(uint64_t pointer);
  void prefetch(uint64_t word);
  bool is_heap(uint64_t pointer) const { return pointer - heap_begin_ < heap_size_; }

  Offset copy(uint64_t pointer, InfoClass* c);
  Offset copy_fields(uint64_t pointer, InfoClass* c);
  Offset copy_function(uint64_t pointer, InfoClass* c);
  Offset copy_partial(uint64_t pointer, InfoClass* c);
  Offset copy_bytes(uint64_t pointer, InfoClass* c);
  Offset copy_array(uint64_t pointer, InfoClass* c, uint32_t header_words);
  uint64_t static_function(uint64_t pointer) const;
  Offset copy_thunk(uint64_t pointer, InfoClass* c);
  Offset copy_application(uint64_t pointer, InfoClass* c);
  bool copy_arguments(Offset first, const uint64_t* from, uint32_t count, uint64_t function);
  uint64_t selected(uint64_t pointer, const InfoClass* c);
  Offset copy_text(uint64_t pointer, InfoClass* c);
  Offset copy_new_part(uint64_t array, uint64_t from, uint64_t size);
  bool copy_part(uint64_t array, uint64_t from, uint64_t size, Offset slot);
  void complete_array(uint64_t array, Offset copy);
  bool is_partial(Offset offset) const;
  void settle_partial_arrays();
  Offset copy_empty_array(InfoClass* c, uint32_t header_words);
  Offset copy_literal(uint64_t pointer, InfoClass* c);
  Offset copy_addressed(uint64_t pointer, InfoClass* c);
  Offset copy_mut_var(uint64_t pointer, InfoClass* c);
  bool resolve_address(uint64_t pointer, InfoClass* c, Offset slot);
  bool point_into_array(uint64_t array, uint64_t address, Offset slot);
  bool copy_foreign_bytes(uint64_t address, uint64_t size, Offset slot);
  bool copy_c_string(uint64_t address, Offset slot);
  bool is_readable(uint64_t address) const;
  uint64_t backing_array(uint64_t contents);
  InfoClass* bytes_class(uint64_t pointer, InfoClass* c);
  void copy_other_words(Offset offset, const uint64_t* from, uint32_t count);
  void push(Offset slot, uint32_t count);
  void write_pointer(Offset slot, Offset to, uint64_t tag);
  uint64_t tag_of_copy(Offset offset) const;

  static uint64_t black_hole_value(uint64_t pointer, uint64_t* owner);
  bool copy_nullary(uint64_t pointer, InfoClass* c, Offset slot);
  bool follow_black_hole(uint64_t pointer, const InfoClass* c, Offset slot, uint64_t* word);
  bool refuse(wire::Code code, uint64_t closure, uint64_t info, Offset slot, const char* detail = nullptr);
  bool exhausted();

  Staging& staging_;
  Classifier& classifier_;
  const Against* against_ = nullptr;  // nullptr: all is copied
  uint64_t heap_begin_ = 0;
  uint64_t heap_size_ = 0;
  runtime::Reservation shadow_index_;  // pointer to a shadow for each megablock of the heap's address range
  runtime::Reservation shadow_pool_;
  uint64_t shadow_used_ = 0;
  uint32_t no_shadow_ = 0;  // stands in when the pool is used up; nothing is stored in it
  InfoClass* plain_bytes_ = nullptr;
  AddressMap statics_;    // closures outside the heap -> offset
  AddressMap unaligned_;  // closures whose 16 bytes another closure had taken already -> offset
  runtime::ReservedArray<Range> stack_;
  runtime::ReservedArray<Range> queue_;
  runtime::ReservedArray<PendingCaf> cafs_;
  runtime::ReservedArray<Offset> partial_;  // copies of byte arrays of which only some parts are wanted so far
  runtime::ReservedArray<Logged> log_;
  runtime::ReservedArray<wire::RawReference> raws_;
  runtime::ReservedArray<uint64_t> thunks_;
  runtime::ReservedArray<RootSlot> roots_;
  bool logging_ = false;
  bool collecting_ = false;
  uint64_t closures_ = 0;
  uint64_t lazy_closures_ = 0;
  uint64_t cluster_words_ = 0;
  uint64_t own_thread_ = 0;
  Refusal refusal_;
  wire::Error* error_ = nullptr;

  friend class PathFinder;
};

}  // namespace fastboot::ghc
