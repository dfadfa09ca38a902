// Freezing, as the C ABI offers it: walk while the world stands still, write afterwards.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <new>

#include "core/atomic_file.h"
#include "core/file.h"
#include "fastboot.h"
#include "format/wire/hash.h"
#include "format/wire/slot.h"
#include "ghc-9.0/facts.h"
#include "ghc-9.0/rts.h"
#include "ghc-9.0/symbols.h"
#include "ghc-9.0/thunks.h"
#include "ghc-9.0/walk.h"
#include "ghc-9.0/world.h"

using fastboot::runtime::AtomicFile;
using fastboot::runtime::Module;
using fastboot::wire::Buffer;
using fastboot::wire::Code;
using fastboot::wire::Error;
using fastboot::wire::fail;
using namespace fastboot;
using namespace fastboot::ghc;

struct fastboot_frozen_graph {
  Staging staging;
  Classifier classifier;
  Walker walker{&staging, &classifier};
  Against against;
  char name[256];
  wire::RootInput* roots = nullptr;  // with strings of their own
  uint32_t root_count = 0;
  uint64_t slot = 0;
};

namespace {

uint32_t report_error(const char* file, const Error& from, fastboot_error* to) {
  to->code = static_cast<uint32_t>(from.code);
  if (file == nullptr) {
    snprintf(to->message, sizeof to->message, "%s", from.message);
  } else {
    snprintf(to->message, sizeof to->message, "%.4000s: %s", file, from.message);
  }
  return to->code;
}

// --- FASTBOOT_CAPTURE ----------------------------------------------------------------------------

// The directory that collects this process's images, or nullptr.
const char* capture_directory() {
  const char* capture = getenv("FASTBOOT_CAPTURE");
  return capture != nullptr && capture[0] != '\0' ? capture : nullptr;
}

bool capture_path(const char* name, const char* ending, char* out, uint64_t size) {
  const char* directory = capture_directory();
  if (directory == nullptr) return false;
  snprintf(out, size, "%s/%s%s", directory, name, ending);
  return true;
}

// Whoever collects images learns why one is missing, even where the program goes on without it: from the file
// NAME.error, which holds the code and the sentence. An image that is frozen after all takes it away again.
void record_failure(const char* name, const fastboot_error& error) {
  char path[4096];
  if (!capture_path(name, ".error", path, sizeof path)) return;
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;  // as when the disk is full: then the program's own message has to do
  dprintf(fd, "error %u: %s\n", error.code, error.message);
  close(fd);
}

void forget_failure(const char* name) {
  char path[4096];
  if (capture_path(name, ".error", path, sizeof path)) unlink(path);
}

// --- memory --------------------------------------------------------------------------------------

// What one freeze leaves for the next. A program that freezes once, as most do, gets all of it back.
struct Warm {
  runtime::Reservation::Kept staging;
  runtime::Reservation::Kept shadow;
  uint32_t freezes = 0;
  bool busy = false;

  bool lock() { return !__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE); }
  void unlock() { __atomic_store_n(&busy, false, __ATOMIC_RELEASE); }
};
Warm warm;

bool reserve_memory(fastboot_frozen_graph* graph, Error* error) {
  runtime::Reservation::Kept none;
  const bool mine = warm.lock();
  const bool ok = graph->classifier.init(graph->slot, error) &&
                  graph->walker.init(mine ? &warm.shadow : &none, error) &&
                  (graph->staging.reserve(graph->slot, mine ? &warm.staging : &none) ||
                   fail(error, Code::out_of_memory, "no address space for an image; raise `ulimit -v`"));
  if (mine) warm.unlock();
  return ok;
}

void release_graph(fastboot_frozen_graph* graph) {
  const bool mine = warm.lock();
  if (mine && ++warm.freezes > 1) {
    graph->staging.keep_in(&warm.staging);
    graph->walker.keep_in(&warm.shadow);
  }
  graph->~fastboot_frozen_graph();
  if (mine) warm.unlock();
}

// --- the world -----------------------------------------------------------------------------------

// The TSO in a ThreadId, a constructor with that one field.
uint64_t thread_object(void* stable) {
  const uint64_t id = reinterpret_cast<uint64_t>(deRefStablePtr(stable)) & ~static_cast<uint64_t>(TAG_MASK);
  return reinterpret_cast<const uint64_t*>(id)[1];
}

// --- refusals ------------------------------------------------------------------------------------

const char* refusal_reason(Code code) {
  switch (code) {
    case Code::refused_mutable:
      return "it can be written, and an image is shared and read-only: freeze what it holds (an immutable copy) "
             "instead";
    case Code::refused_concurrency:
      return "it belongs to this process's threads: freeze the data without it";
    case Code::refused_weak:
      return "it is a weak pointer or stable name, which mean something to this process's collector only";
    case Code::refused_bytecode:
      return "it is interpreted or suspended code: compile the module, or evaluate the value first";
    case Code::refused_under_evaluation:
      return "this thread is just evaluating it: freeze when it is done";
    case Code::refused_busy:
      return "another thread was evaluating it all the time: evaluate it before freezing";
    case Code::refused_compact:
      return "it lies in a compact region: freeze the value that was compacted";
    case Code::refused_foreign_memory:
      return "it holds the address of memory outside the heap, whose extent is unknown: copy the bytes into an "
             "unpinned array";
    case Code::refused_identity:
      return "it means something in this process only";
    case Code::refused_unknown_code:
      return "its code is in none of this program's files (interpreted or loaded at run time)";
    case Code::refused_lazy:
      return "it is not evaluated; evaluate the value fully (Control.DeepSeq.force) before freezing";
    case Code::refused_function:
      return "it is a function with free variables";
    default:
      return "it cannot be frozen";
  }
}

void describe_refusal(fastboot_frozen_graph* graph, Error* error) {
  const Refusal& refusal = graph->walker.refusal();
  const InfoClass* c = graph->classifier.classify(refusal.info);
  char symbol[512];
  if (!describe_info(graph->classifier.modules(), refusal.info, symbol, sizeof symbol)) symbol[0] = '\0';
  char path[2048];
  graph->walker.describe_path(path, sizeof path);
  fail(error, refusal.code, "cannot freeze a %s%s%s%s: %s; path: %s",
       c == nullptr ? "closure" : closure_type_name(c->type), symbol[0] == '\0' ? "" : " (", symbol,
       symbol[0] == '\0' ? "" : ")", refusal_reason(refusal.code), path);
}

// --- writing -------------------------------------------------------------------------------------

// Everything that emit() points to.
struct Assembly {
  Buffer targets;  // wire::TargetInput
  Buffer entries;  // wire::BindingEntry
  Buffer modules;  // wire::ModuleInput
  Buffer symbols;  // text
  Buffer rebase;
  Buffer cross;
  Buffer needed;         // wire::NeededInput
  Buffer needed_images;  // uint32_t, numbers of Against
  Buffer hashes;
  Buffer hot, tail;
  char executable[4096];
};

bool add_modules(const Classifier& classifier, uint32_t* number, Assembly* out, Error* error) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < classifier.modules().size(); ++i) {
    if (number[i] == wire::kNoModule) continue;
    const Module& module = classifier.modules()[i];
    if (module.build_id_size == 0) {
      return fail(error, Code::no_build_id,
                  "%s has no build-id, so that no later process could know that it is the same; link it with "
                  "-optl-Wl,--build-id",
                  module.path);
    }
    const char* path = module.path;
    if (strcmp(path, "/proc/self/exe") == 0) {
      const ssize_t n = readlink(path, out->executable, sizeof out->executable - 1);
      out->executable[n < 0 ? 0 : n] = '\0';
      path = out->executable;
    }
    const wire::ModuleInput input = {module.build_id, module.build_id_size, path};
    out->modules.append(&input, sizeof input);
    number[i] = count++;
  }
  return true;
}

bool add_targets(Classifier& classifier, Assembly* out, Error* error) {
  uint32_t number[runtime::Modules::kMost];
  for (uint32_t& n : number) n = wire::kNoModule;
  for (uint64_t i = 0; i < classifier.target_count(); ++i) {
    const TargetState& state = classifier.target(i);
    if (state.module != wire::kNoModule) number[state.module] = 0;
  }
  if (!add_modules(classifier, number, out, error)) return false;
  // Symbols first: their text moves while it grows.
  Buffer offsets;
  for (uint64_t i = 0; i < classifier.target_count(); ++i) {
    const TargetState& state = classifier.target(i);
    const uint64_t at = out->symbols.size();
    if (state.symbol != nullptr) {
      out->symbols.append_string(state.symbol);
    } else if (state.description != nullptr) {
      constructor_symbol(state.description, &out->symbols);
    }
    const uint64_t offset = out->symbols.size() == at ? ~uint64_t{0} : at;
    offsets.append(&offset, sizeof offset);
  }
  for (uint64_t i = 0; i < classifier.target_count() && !offsets.failed(); ++i) {
    const TargetState& state = classifier.target(i);
    const uint64_t at = *offsets.at<uint64_t>(i * sizeof(uint64_t));
    const wire::TargetInput input = {state.record, at == ~uint64_t{0} ? nullptr : out->symbols.at<char>(at),
                                     state.description};
    out->targets.append(&input, sizeof input);
    const bool bound = state.module != wire::kNoModule;
    const wire::BindingEntry entry = {bound ? state.address - classifier.modules()[state.module].bias : 0,
                                      bound ? number[state.module] : wire::kNoModule, 0};
    out->entries.append(&entry, sizeof entry);
  }
  if (offsets.failed() || out->targets.failed() || out->entries.failed() || out->symbols.failed()) {
    return fail(error, Code::out_of_memory, "no memory for the list of targets");
  }
  return true;
}

// What classes counted goes to their targets. Kinds that share a target (clean and dirty arrays) add up.
void add_uses(Classifier& classifier) {
  for (uint64_t i = 0; i < classifier.class_count(); ++i) {
    const InfoClass& c = classifier.info_class(i);
    if (c.target != kNoTarget) classifier.target(c.target).record.uses += c.uses;
  }
}

void fill_input(fastboot_frozen_graph* graph, Assembly* assembly, wire::SnapshotInput* input) {
  input->slot_address = graph->slot;
  input->ghc_version = ghc_version();
  input->rts_way = rts_way();
  input->heap = heap_layout();
  input->closures = graph->walker.closures();
  input->lazy_closures = graph->walker.lazy_closures();
  input->image_name = graph->name;
  input->targets = assembly->targets.at<wire::TargetInput>(0);
  input->target_count = graph->classifier.target_count();
  input->entries = assembly->entries.at<wire::BindingEntry>(0);
  input->modules = assembly->modules.at<wire::ModuleInput>(0);
  input->module_count = assembly->modules.size() / sizeof(wire::ModuleInput);
  input->bitmaps = graph->classifier.bitmaps();
  input->bitmap_count = graph->classifier.bitmap_count();
  input->raws = graph->walker.raws().data();
  input->raw_count = graph->walker.raws().size();
  input->roots = graph->roots;
  input->root_count = graph->root_count;
  input->info_size = graph->classifier.info_size();
  input->lazy_size = graph->staging.lazy().size();
  input->data_size = graph->staging.data().size();
  input->needed = assembly->needed.at<wire::NeededInput>(0);
  input->needed_count = assembly->needed.size() / sizeof(wire::NeededInput);
}

// Those of the images that something in this one points into.
void add_needed(const fastboot_frozen_graph& graph, Assembly* out) {
  for (uint32_t i = 0; i < graph.against.count(); ++i) {
    if (!graph.staging.has_cross(i)) continue;
    const wire::NeededInput input = {graph.against.record(i), graph.against.name(i)};
    out->needed.append(&input, sizeof input);
    out->needed_images.append(&i, sizeof i);
  }
}

// The words that point into each.
void add_cross_streams(fastboot_frozen_graph* graph, const wire::Layout& layout, Assembly* out) {
  for (uint64_t i = 0; i < out->needed.size() / sizeof(wire::NeededInput); ++i) {
    const uint32_t image = out->needed_images.at<uint32_t>(0)[i];
    const uint64_t before = out->cross.size();
    graph->staging.cross_stream(image, graph->staging.lazy(), layout.lazy_address, &out->cross);
    graph->staging.cross_stream(image, graph->staging.data(), layout.data_address, &out->cross);
    out->needed.at<wire::NeededInput>(0)[i].record.cross_count = (out->cross.size() - before) / sizeof(uint64_t);
  }
}

// The image's own slot, unless a needed image lies there: then the next that is free of them.
bool choose_slot(wire::SnapshotInput* input, wire::Layout* layout, Error* error) {
  for (uint64_t tries = 0; tries <= wire::kNamedSlots; ++tries) {
    if (!wire::plan(*input, layout, error)) return false;
    bool taken = input->slot_address + layout->slot_size > wire::kSlotBase + wire::kAllSlots * wire::kSlotUnit;
    for (uint64_t i = 0; i < input->needed_count && !taken; ++i) {
      const wire::Needed& needed = input->needed[i].record;
      taken = input->slot_address < needed.slot_address + needed.size &&
              needed.slot_address < input->slot_address + layout->slot_size;
    }
    if (!taken || input->needed_count == 0) return true;
    const uint64_t next = (input->slot_address - wire::kSlotBase) / wire::kSlotUnit + 1;
    input->slot_address = wire::kSlotBase + next % wire::kNamedSlots * wire::kSlotUnit;
  }
  return fail(error, Code::refused_dependency,
              "no slot is free of the %llu images that it points into; link some of them into one",
              static_cast<unsigned long long>(input->needed_count));
}

// Where closures or info tables ended up elsewhere than the walk assumed, every address in the image moves.
void settle_addresses(fastboot_frozen_graph* graph, const wire::Layout& layout) {
  Staging& staging = graph->staging;
  const uint64_t data = staging.address(staging.data().begin);
  const uint64_t lazy = staging.address(staging.lazy().begin);
  // A block descriptor's `free` is one past its block: the end of an area is an address of it, too.
  const Staging::Move moves[] = {
      {data, staging.data().size() + 1, layout.data_address - data},
      {lazy, staging.lazy().size() + 1, layout.lazy_address - lazy},
      {graph->classifier.info_base(), Classifier::kUsualInfoRoom, layout.info_address - graph->classifier.info_base()},
      {Classifier::kMoreInfo, graph->classifier.info_size(), layout.info_address - Classifier::kMoreInfo},
  };
  // Where there are more info tables than usual, the closures are elsewhere, too.
  if (moves[0].delta == 0 && moves[2].delta == 0 && staging.lazy().empty()) return;
  staging.relocate(moves, sizeof moves / sizeof moves[0]);
  const auto moved = [&](uint64_t address) {
    for (const auto& move : moves) {
      if (address - move.from < move.size) return address + move.delta;
    }
    return address;
  };
  for (uint32_t i = 0; i < graph->root_count; ++i) graph->roots[i].address = moved(graph->roots[i].address);
  for (uint64_t i = 0; i < graph->walker.raws().size(); ++i) {
    wire::RawReference& raw = graph->walker.raws()[i];
    raw.address = moved(raw.address);
  }
}

void hash_chunks(const uint8_t* bytes, uint64_t size, Buffer* out) {
  for (uint64_t at = 0; at < size; at += wire::kChunkSize) {
    const uint64_t n = size - at < wire::kChunkSize ? size - at : wire::kChunkSize;
    uint8_t hash[wire::kHashSize];
    wire::hash128(bytes + at, n, hash);
    out->append(hash, sizeof hash);
  }
}

int compare_raws(const void* a, const void* b) {
  const uint64_t x = static_cast<const wire::RawReference*>(a)->address;
  const uint64_t y = static_cast<const wire::RawReference*>(b)->address;
  return x < y ? -1 : x > y ? 1 : 0;
}

// From a walked graph to everything that the file holds.
bool assemble(fastboot_frozen_graph* graph, Assembly* assembly, wire::SnapshotInput* input, wire::Layout* layout,
              Error* error) {
  Staging& staging = graph->staging;
  add_uses(graph->classifier);
  if (!add_targets(graph->classifier, assembly, error)) return false;
  add_needed(*graph, assembly);
  fill_input(graph, assembly, input);
  if (!choose_slot(input, layout, error)) return false;
  settle_addresses(graph, *layout);
  qsort(graph->walker.raws().data(), graph->walker.raws().size(), sizeof(wire::RawReference), compare_raws);
  staging.rebase_stream(staging.lazy(), layout->lazy_address, &assembly->rebase);
  staging.rebase_stream(staging.data(), layout->data_address, &assembly->rebase);
  input->rebase_size = assembly->rebase.size();
  add_cross_streams(graph, *layout, assembly);
  if (!wire::plan(*input, layout, error)) return false;
  const auto* words = reinterpret_cast<const uint8_t*>(staging.words());
  hash_chunks(words + uint64_t{staging.lazy().begin} * 8, input->lazy_size, &assembly->hashes);
  hash_chunks(words, input->data_size, &assembly->hashes);
  hash_chunks(assembly->rebase.data(), input->rebase_size, &assembly->hashes);
  hash_chunks(assembly->cross.data(), assembly->cross.size(), &assembly->hashes);
  if (assembly->rebase.failed() || assembly->cross.failed() || assembly->needed.failed() || assembly->hashes.failed()) {
    return fail(error, Code::out_of_memory, "no memory for the rebase stream of the image");
  }
  return wire::emit(*input, *layout, assembly->hashes.data(), &assembly->hot, &assembly->tail, error);
}

bool write_file(const char* path, const fastboot_frozen_graph& graph, const Assembly& assembly,
                const wire::SnapshotInput& input, const wire::Layout& layout, Error* error) {
  const auto& staging = const_cast<fastboot_frozen_graph&>(graph).staging;
  const auto* words = reinterpret_cast<const uint8_t*>(staging.words());
  const uint64_t lazy_at = uint64_t{const_cast<Staging&>(staging).lazy().begin} * 8;
  AtomicFile file;
  return file.create(path, error) && file.write(0, assembly.hot.data(), assembly.hot.size(), error) &&
         file.write(layout.lazy_offset, words + lazy_at, input.lazy_size, error) &&
         file.write(layout.data_offset, words, input.data_size, error) &&
         file.write(layout.cold_offset, assembly.rebase.data(), assembly.rebase.size(), error) &&
         file.write(layout.cold_offset + layout.rebase_size, assembly.cross.data(), assembly.cross.size(), error) &&
         file.write(layout.cold_offset + layout.rebase_size + layout.cross_size, assembly.hashes.data(),
                    assembly.hashes.size(), error) &&
         file.write(layout.tail_offset, assembly.tail.data(), assembly.tail.size(), error) &&
         file.commit(layout.file_size, error);
}

bool valid_name(const char* name) {
  const uint64_t size = strlen(name);
  if (size == 0 || size >= 256) return false;
  return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$-") == size;
}

bool check_names(const char* name, const fastboot_root* roots, uint32_t count, Error* error) {
  const char* bad = valid_name(name) ? nullptr : name;
  for (uint32_t i = 0; i < count && bad == nullptr; ++i) bad = valid_name(roots[i].name) ? nullptr : roots[i].name;
  return bad == nullptr ||
         fail(error, Code::bad_argument,
              "an image or root cannot be named \"%.300s\"; use up to 255 letters, digits and _ . $ -", bad);
}

// --- walking -------------------------------------------------------------------------------------

bool set_roots(fastboot_frozen_graph* graph, const fastboot_root* roots, uint32_t count, Error* error) {
  graph->roots = static_cast<wire::RootInput*>(calloc(count, sizeof(wire::RootInput)));
  bool ok = graph->roots != nullptr;
  for (uint32_t i = 0; i < count && ok; ++i) {
    wire::RootInput& root = graph->roots[graph->root_count++];
    root.name = strdup(roots[i].name);
    root.type_name = strdup(roots[i].type_name);
    root.type_fingerprint[0] = roots[i].type_fingerprint[0];
    root.type_fingerprint[1] = roots[i].type_fingerprint[1];
    ok = root.name != nullptr && root.type_name != nullptr;
  }
  return ok || fail(error, Code::out_of_memory, "no memory for the names of %u roots", count);
}

// The images that the caller names, and those that whoever captures does.
bool set_against(fastboot_frozen_graph* graph, const char* const* paths, uint32_t count, Error* error) {
  for (uint32_t i = 0; i < count; ++i) {
    char* instead = needed_by_name(paths[i]);
    const bool added = graph->against.add(instead != nullptr ? instead : paths[i], false, error);
    free(instead);
    if (!added) return false;
  }
  return capture_directory() == nullptr || graph->against.add_from_environment(error);
}

// Where the walk has found the roots.
void place_roots(fastboot_frozen_graph* graph) {
  for (uint32_t i = 0; i < graph->root_count; ++i) {
    wire::RootInput& root = graph->roots[i];
    root.address = graph->walker.root_address(i);
    root.tag = graph->walker.root_tag(i);
    root.size = graph->walker.closure_size(static_cast<Offset>((root.address - graph->staging.base()) / 8));
  }
}

// A root in another image would be a name for something of that one, which has names of its own.
bool check_roots(const fastboot_frozen_graph& graph, Error* error) {
  for (uint32_t i = 0; i < graph.root_count; ++i) {
    const uint32_t elsewhere = graph.walker.root_elsewhere(i);
    if (elsewhere == Staging::kNoImage) continue;
    return fail(error, Code::refused_root_elsewhere,
                "cannot freeze \"%.200s\" against %.300s: the value itself is a closure of that image; thaw it from "
                "there, or freeze a value that refers to it",
                graph.roots[i].name, graph.against.name(elsewhere));
  }
  return true;
}

// While the world stands still.
bool walk(fastboot_frozen_graph* graph, const fastboot_root* roots, Error* error) {
  Walker& walker = graph->walker;
  for (uint32_t i = 0; i < graph->root_count; ++i) {
    if (!walker.add_root(reinterpret_cast<uint64_t>(deRefStablePtr(roots[i].value))))
      return fail(error, Code::out_of_memory, "no memory for %u roots", graph->root_count);
  }
  if (!graph->against.find_images(error)) return false;
  if (!graph->against.empty()) {
    if (!graph->staging.reserve_cross(graph->against.count())) return false;
    walker.set_against(&graph->against);
  }
  if (walker.run(error)) return check_roots(*graph, error);
  // The path is looked for now: it reads names out of the heap's info tables only, but a refused closure may move.
  if (walker.refusal().code != Code::ok) describe_refusal(graph, error);
  return false;
}

}  // namespace

extern "C" {

uint32_t fastboot_freeze_walk(const char* name, const fastboot_root* roots, uint32_t root_count,
                              const char* const* against, uint32_t against_count, void* thread, int safe_call,
                              void** thunks, fastboot_frozen_graph** out, fastboot_freeze_report* report,
                              fastboot_error* error) {
  *out = nullptr;
  *report = fastboot_freeze_report{};
  if (thunks != nullptr) *thunks = nullptr;
  Error why;
  if (!check_supported(&why) || !check_names(name, roots, root_count, &why)) return report_error(nullptr, why, error);
  void* memory = malloc(sizeof(fastboot_frozen_graph));
  if (memory == nullptr) {
    fail(&why, Code::out_of_memory, "no memory for a freeze");
    return report_error(nullptr, why, error);
  }
  auto* graph = new (memory) fastboot_frozen_graph;
  memcpy(graph->name, name, strlen(name) + 1);
  graph->slot = wire::slot_of(name);
  bool ok = set_roots(graph, roots, root_count, &why) && set_against(graph, against, against_count, &why) &&
            reserve_memory(graph, &why) &&
            (thunks == nullptr || graph->walker.collect_thunks() ||
             fail(&why, Code::out_of_memory, "no address space for a list of thunks; raise `ulimit -v`"));
  if (ok) {
    World world;
    const uint64_t start = runtime::now();
    ok = world.stop(safe_call != 0, &why);
    if (ok) {
      graph->walker.set_own_thread(thread_object(thread));
      ok = walk(graph, roots, &why);
      if (ok && graph->walker.thunks().size() != 0) *thunks = list_closures(graph->walker.thunks(), world.capability());
    }
    world.release();
    report->walk_time = runtime::now() - start;
  }
  if (!ok) {
    fastboot_freeze_discard(graph);
    report_error(nullptr, why, error);
    record_failure(name, *error);
    return error->code;
  }
  report->closures = graph->walker.closures();
  report->lazy_closures = graph->walker.lazy_closures();
  if (thunks != nullptr) {
    fastboot_freeze_discard(graph);
    return 0;
  }
  place_roots(graph);
  graph->staging.finish();
  report->image_size = graph->staging.data().size() + graph->staging.lazy().size();
  report->targets = graph->classifier.target_count();
  *out = graph;
  return 0;
}

uint32_t fastboot_freeze_write(fastboot_frozen_graph* graph, const char* path, fastboot_freeze_report* report,
                               fastboot_error* error) {
  char captured[4096];
  if (capture_path(graph->name, ".snap", captured, sizeof captured)) path = captured;
  const uint64_t start = runtime::now();
  Error why;
  void* memory = malloc(sizeof(Assembly));
  Assembly* assembly = memory == nullptr ? nullptr : new (memory) Assembly;
  wire::SnapshotInput input;
  wire::Layout layout;
  bool ok = false;
  if (assembly == nullptr) {
    fail(&why, Code::out_of_memory, "no memory for a freeze");
  } else {
    ok = assemble(graph, assembly, &input, &layout, &why) && write_file(path, *graph, *assembly, input, layout, &why);
    assembly->~Assembly();
  }
  report->file_size = layout.file_size;
  report->targets = graph->classifier.target_count();
  report->needed_images = input.needed_count;
  report->write_time = runtime::now() - start;
  free(memory);
  if (ok) {
    forget_failure(graph->name);
  } else {
    report_error(path, why, error);
    record_failure(graph->name, *error);
  }
  fastboot_freeze_discard(graph);
  return ok ? 0 : error->code;
}

void fastboot_freeze_discard(fastboot_frozen_graph* graph) {
  if (graph == nullptr) return;
  for (uint32_t i = 0; i < graph->root_count; ++i) {
    free(const_cast<char*>(graph->roots[i].name));
    free(const_cast<char*>(graph->roots[i].type_name));
  }
  free(graph->roots);
  release_graph(graph);
  free(graph);
}

uint32_t fastboot_format_version(void) { return wire::kFormatMajor * 1000 + wire::kFormatMinor; }

void fastboot_trace(const char* line) { runtime::trace("%s", line); }

void fastboot_tell(const char* line) { fprintf(stderr, "fastboot: %s\n", line); }

}  // extern "C"
