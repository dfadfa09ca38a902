#include "ghc-9.0/lazy.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ghc-9.0/image.h"
#include "ghc-9.0/rts.h"

extern "C" {
void fastboot_lazy_enter(void);
void fastboot_forced_enter(void);
// Called by the trampoline in lazy_entry.S, on a thread that runs Haskell code: gives the heap closure to enter.
StgClosure* fastboot_lazy_force(uint64_t* closure, StgRegTable* registers) __attribute__((visibility("hidden")));

// Stable pointers of the forced table's chunks, read by lazy_entry.S; mapped when the first lazy closure is entered.
uint64_t* fastboot_forced_chunks __attribute__((visibility("hidden"))) = nullptr;
}

namespace fastboot::ghc {

namespace {

// lazy_entry.S has these as numbers.
constexpr uint64_t kChunkShift = 12;
constexpr uint64_t kChunkElements = uint64_t{1} << kChunkShift;
constexpr uint64_t kMostChunks = uint64_t{1} << 20;
constexpr uint64_t kNone = ~uint64_t{0};
static_assert(offsetof(StgMutArrPtrs, payload) == 24 && sizeof(spEntry) == 8);
static_assert(FUN == 8 && FUN_STATIC == 14 && BCO == 23 && PAP == 25 && THUNK == 15);
static_assert(kChunkElements % (1u << MUT_ARR_PTRS_CARD_BITS) == 0);

// Taken for the length of a copy of a few words, by threads that cannot be collected under it.
class SpinLock {
 public:
  void lock() {
    while (__atomic_exchange_n(&taken_, 1, __ATOMIC_ACQUIRE) != 0) {
      for (uint32_t spins = 0; __atomic_load_n(&taken_, __ATOMIC_RELAXED) != 0; ++spins) {
        if (spins < 100) {
          __builtin_ia32_pause();
        } else {
          yieldThread();
        }
      }
    }
  }
  void unlock() { __atomic_store_n(&taken_, 0, __ATOMIC_RELEASE); }

 private:
  uint32_t taken_ = 0;
};

SpinLock lock;
uint64_t next_index = 0;      // of the first element that was never used
uint64_t free_index = kNone;  // of the first element whose image is gone
// For each chunk, for each element: the next one of the same image, or the next free one; kNone after the last.
uint64_t** links = nullptr;
uint64_t& link_of(uint64_t index) { return links[index >> kChunkShift][index % kChunkElements]; }

StgMutArrPtrs* chunk_of(uint64_t index) {
  return reinterpret_cast<StgMutArrPtrs*>(stable_ptr_table[fastboot_forced_chunks[index >> kChunkShift]].addr);
}

// A new chunk is a large object in the nursery. It is mutable for ever, so that the collector keeps it on its list.
void add_chunk(Capability* capability) {
  if (fastboot_forced_chunks == nullptr) {
    void* map = mmap(nullptr, 2 * kMostChunks * sizeof(uint64_t), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) barf("fastboot: no address space for the table of forced closures");
    fastboot_forced_chunks = static_cast<uint64_t*>(map);
    links = reinterpret_cast<uint64_t**>(fastboot_forced_chunks + kMostChunks);
  }
  const uint64_t chunk = next_index >> kChunkShift;
  links[chunk] = static_cast<uint64_t*>(malloc(kChunkElements * sizeof(uint64_t)));
  if (links[chunk] == nullptr) barf("fastboot: no memory for the table of forced closures");
  const W_ size = kChunkElements + mutArrPtrsCardTableSize(kChunkElements);
  auto* array = reinterpret_cast<StgMutArrPtrs*>(allocate(capability, sizeofW(StgMutArrPtrs) + size));
  array->ptrs = kChunkElements;
  array->size = size;
  for (uint64_t i = 0; i < kChunkElements; ++i) {
    array->payload[i] = reinterpret_cast<StgClosure*>(&stg_END_TSO_QUEUE_closure);
  }
  memset(array->payload + kChunkElements, 0, (size - kChunkElements) * sizeof(W_));
  array->header.info = &stg_MUT_ARR_PTRS_DIRTY_info;
  fastboot_forced_chunks[chunk] = reinterpret_cast<uint64_t>(getStablePtr(reinterpret_cast<StgPtr>(array)));
}

// Words of the thunk `target` after its two header words, as it lies at `closure`.
uint64_t payload_words(const wire::Target& target, const uint64_t* closure) {
  switch (target.closure_type) {
    case THUNK_SELECTOR:
      return 1;
    case AP:
      return 2 + (closure[2] >> 32);  // arity and n_args, function, arguments
    default: {
      const uint64_t words = (target.layout & 0xffffffff) + (target.layout >> 32);
      return words == 0 ? 1 : words;
    }
  }
}

StgThunk* copy_to_heap(const Image& image, const uint64_t* closure, Capability* capability) {
  if (closure[1] >= image.view.target_count) {
    barf("fastboot: the lazy closure at %p is damaged: it is of target %" FMT_Word ", and its image has %" FMT_Word,
         closure, closure[1], image.view.target_count);
  }
  const wire::Target& target = image.view.targets[closure[1]];
  const uint64_t words = payload_words(target, closure);
  auto* thunk = reinterpret_cast<StgThunk*>(allocate(capability, sizeofW(StgThunkHeader) + words));
  memcpy(thunk->payload, closure + 2, words * sizeof(uint64_t));
  thunk->header.smp.pad = 0;
  thunk->header.info = reinterpret_cast<const StgInfoTable*>(image.link_word(target));
  return thunk;
}

// When the image is gone: nothing leads to the elements any more, so others may have their places. In a foreign call
// that keeps the collector out.
void forget(Image* image) {
  lock.lock();
  while (image->last_forced != kNone) {
    const uint64_t index = image->last_forced;
    image->last_forced = link_of(index);
    chunk_of(index)->payload[index % kChunkElements] = reinterpret_cast<StgClosure*>(&stg_END_TSO_QUEUE_closure);
    link_of(index) = free_index;
    free_index = index;
  }
  lock.unlock();
}

// The place of a new element of the image.
uint64_t take_index(Image* image, Capability* capability) {
  uint64_t index = free_index;
  if (index != kNone) {
    free_index = link_of(index);
  } else {
    index = next_index;
    if (index % kChunkElements == 0) add_chunk(capability);
    next_index = index + 1;
  }
  link_of(index) = image->last_forced;
  image->last_forced = index;
  image->forget_forced = forget;
  return index;
}

void put_into_table(uint64_t index, StgThunk* thunk) {
  StgMutArrPtrs* chunk = chunk_of(index);
  const uint64_t at = index % kChunkElements;
  __atomic_store_n(&chunk->payload[at], reinterpret_cast<StgClosure*>(thunk), __ATOMIC_RELEASE);
  chunk->header.info = &stg_MUT_ARR_PTRS_DIRTY_info;
  *mutArrPtrsCard(chunk, at >> MUT_ARR_PTRS_CARD_BITS) = 1;
}

}  // namespace

uint64_t lazy_entry_address() { return reinterpret_cast<uint64_t>(&fastboot_lazy_enter); }
uint64_t forced_entry_address() { return reinterpret_cast<uint64_t>(&fastboot_forced_enter); }

uint64_t forced_value(uint64_t closure) {
  const uint64_t index = reinterpret_cast<const uint64_t*>(closure)[1];
  return reinterpret_cast<uint64_t>(chunk_of(index)->payload[index % kChunkElements]);
}

}  // namespace fastboot::ghc

using namespace fastboot::ghc;

extern "C" StgClosure* fastboot_lazy_force(uint64_t* closure, StgRegTable* registers) {
  auto* capability = reinterpret_cast<Capability*>(reinterpret_cast<uint8_t*>(registers) - OFFSET_Capability_r);
  Image& image = *find_image(reinterpret_cast<uint64_t>(closure));
  lock.lock();
  if (closure[0] == image.forced_header) {  // another capability was first
    lock.unlock();
    return reinterpret_cast<StgClosure*>(forced_value(reinterpret_cast<uint64_t>(closure)));
  }
  StgThunk* thunk = copy_to_heap(image, closure, capability);
  const uint64_t index = take_index(&image, capability);
  put_into_table(index, thunk);
  closure[1] = index;
  __atomic_store_n(&closure[0], image.forced_header, __ATOMIC_RELEASE);
  lock.unlock();
  return reinterpret_cast<StgClosure*>(thunk);
}
