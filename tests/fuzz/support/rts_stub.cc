#include "fuzz/support/rts_stub.h"

#include <string.h>
#include <sys/mman.h>

#include "core/modules.h"
#include "ghc-9.0/classify.h"
#include "ghc-9.0/dead_cafs.h"
#include "ghc-9.0/fault.h"
#include "ghc-9.0/lazy.h"
#include "ghc-9.0/rts.h"

namespace {

constexpr uint64_t kHeapBelow = uint64_t{2} << 30;   // of the seeds' slot
constexpr uint64_t kHeapAbove = uint64_t{64} << 30;  // with it

uint8_t* memory = nullptr;  // the module's; its ELF virtual address is Program::kBase
std::string module_path;
uint8_t build_id_byte = fastboot::fuzz::kBuildIdByte;
uint64_t lazy_entry = 0, forced_entry = 0;

}  // namespace

// --- the runtime system's ------------------------------------------------------------------------

extern "C" {

struct mblock_address_range mblock_address_space = {0, 0, {}};
uint64_t peak_mblocks_allocated = 0;
RTS_FLAGS RtsFlags = {};
const StgInfoTable stg_SMALL_MUT_ARR_PTRS_FROZEN_DIRTY_info = {};

HsBool rtsSupportsBoundThreads(void) { return HS_BOOL_FALSE; }
int rts_isProfiled(void) { return 0; }
int rts_isDynamic(void) { return 0; }
void* getFirstMBlock(void**) { return nullptr; }

// What a thaw allocates lives until its stable pointer is freed: there is one to each array of static roots.
Capability* rts_unsafeGetMyCapability(void) { return nullptr; }
StgPtr allocate(Capability*, W_ words) { return static_cast<StgPtr>(malloc(words * sizeof(W_))); }
StgStablePtr getStablePtr(StgPtr closure) { return closure; }
void hs_free_stable_ptr(HsStablePtr pointer) { free(pointer); }

}  // extern "C"

// --- Fastboot's own parts that need it -----------------------------------------------------------

namespace fastboot::ghc {

uint64_t lazy_entry_address() { return lazy_entry; }
uint64_t forced_entry_address() { return forced_entry; }
bool reads_literals(uint64_t) { return false; }
bool all_cafs_live() { return true; }
bool revive_cafs(const uint8_t*, StgClosure* const*, uint64_t, wire::Error*) { return true; }
void report_faults() {}
bool faults_are_ours() { return false; }

}  // namespace fastboot::ghc

namespace fastboot::runtime {

struct ModulesLoader {
  static void add(Modules* modules) {
    describe_executable(&modules->list_[0]);
    modules->count_ = 1;
  }
};

void describe_executable(Module* out) {
  const auto begin = reinterpret_cast<uint64_t>(memory);
  Module& module = *out;
  module = Module{};
  module.bias = begin - fuzz::Program::kBase;
  module.begin = begin;
  module.end = module.bias + fuzz::Program::kEnd;
  module.text_begin = module.bias + fuzz::Program::kText;
  module.text_end = module.bias + fuzz::Program::kReadOnly;
  module.read_only_begin = module.text_end;
  module.read_only_end = module.bias + fuzz::Program::kData;
  memset(module.build_id, build_id_byte, 20);
  module.build_id_size = 20;
  module.path = module_path.c_str();
}

void Modules::load() { ModulesLoader::add(this); }

const Module* Modules::find(uint64_t address) const {
  return count_ == 1 && list_[0].contains(address) ? &list_[0] : nullptr;
}

const Module* Modules::find_build_id(const uint8_t* build_id, uint32_t size) const {
  return count_ == 1 && list_[0].is(build_id, size) ? &list_[0] : nullptr;
}

}  // namespace fastboot::runtime

namespace fastboot::fuzz {

void become(const Program& program, const std::string& path, uint64_t lazy, uint64_t forced) {
  const size_t size = program.memory.size();
  // Alone: what reads beyond it faults.
  constexpr size_t kGuard = size_t{1} << 20;
  void* at = mmap(nullptr, size + 2 * kGuard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  require(at != MAP_FAILED, "room for the program");
  memory = static_cast<uint8_t*>(at) + kGuard;
  require(mprotect(memory, size, PROT_READ | PROT_WRITE) == 0, "the program's pages");
  memcpy(memory, program.memory.data(), size);
  require(mprotect(memory, size, PROT_READ) == 0, "the program's pages");
  const uint64_t bias = reinterpret_cast<uint64_t>(memory) - Program::kBase;
  lazy_entry = bias + Program::place(lazy);
  forced_entry = bias + Program::place(forced);
  module_path = path;
}

void set_build_id(uint8_t byte) { build_id_byte = byte; }

bool is_ours(uint64_t address) {
  const auto begin = reinterpret_cast<uint64_t>(memory);
  return address >= begin && address < begin + (Program::kEnd - Program::kBase);
}

void reserve_heap() {
  constexpr uint64_t kBegin = kSlot - kHeapBelow, kEnd = kSlot + kHeapAbove;
  static const bool kDone = [] {
    void* const at = mmap(reinterpret_cast<void*>(kBegin), kEnd - kBegin, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    return at == reinterpret_cast<void*>(kBegin);
  }();
  require(kDone, "addresses for the heap");
  mblock_address_space.begin = kBegin;
  mblock_address_space.end = kEnd;
  RtsFlags.GcFlags.maxHeapSize = 0;
}

}  // namespace fastboot::fuzz
