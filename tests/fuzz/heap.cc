// The walks over an image's closures: the census, the structural check, the graph and its dominators. Most mutations go
// into the heap.
#include "format/heap.h"

#include "format/dominators.h"
#include "format/structure.h"
#include "fuzz/support/snapshot_mutator.h"

using namespace fastboot;
using format::Mode;
using format::Reader;

namespace {

// As inspect does it, of images with some damage, too.
void analyse(const Reader& reader) {
  const auto targets = format::TargetIndex::make(reader);
  if (!targets) return;
  std::vector<format::Error> damage;
  auto graph = format::ClosureGraph::make(reader, *targets, &damage);
  if (!graph) return;
  fuzz::require(graph->roots().size() == reader.view().root_count, "a closure or none for each root");
  const auto paths = format::ShortestPaths::make(*graph);
  if (paths && graph->count() != 0) static_cast<void>(paths->path(graph->count() - 1));
  auto tree = format::DominatorTree::make(std::move(*graph));
  if (tree) static_cast<void>(format::RetainedSizes::make(reader, *targets, std::move(*tree)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::MemoryFile file;
  const fuzz::Bytes bytes = fuzz::unpack(data, size);
  file.set(bytes);
  const auto reader = Reader::open(file.path(), Mode::lenient);
  if (!reader || reader->view().table(wire::TableKind::info).size > fuzz::kMostFile) return 0;
  std::vector<format::Error> damage;
  const auto census = format::take_census(*reader, &damage);
  if (!census) return 0;
  uint64_t closures = 0;
  for (const auto& count : census->by_target) closures += count.closures;
  fuzz::require(closures == census->all.closures, "every closure is counted once");
  fuzz::require(census->all.bytes + census->descriptor_bytes + census->unused_bytes <=
                    reader->lazy().size() + reader->data().size(),
                "closures do not overlap");
  if (!reader->sound()) return 0;
  format::StructureCounts counts;
  const auto problems = format::check_structure(*reader, 20, &counts);
  fuzz::require(problems.size() <= 20 && problems.size() <= counts.problems, "what is wrong is counted");
  if ((fuzz::choice(bytes) & 1) != 0) analyse(*reader);
  return 0;
}

FASTBOOT_MUTATE_SNAPSHOTS(heap)
