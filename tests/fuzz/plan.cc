// The planner of fastboot-migrate, given a hostile snapshot and a small program: the model, the plan with and without
// the old program, renumbered constructors, and what is written in the end, which must be sound where the input is.
#include "reloc/plan.h"

#include <optional>
#include <vector>

#include "format/reader.h"
#include "format/writer.h"
#include "fuzz/support/seed.h"
#include "fuzz/support/snapshot_mutator.h"
#include "reloc/retag.h"
#include "unit/sample.h"

using namespace fastboot;
using format::Reader;

namespace {

// Bits of choice().
constexpr uint8_t kWithOld = 1, kStrict = 2, kRetag = 4, kWrite = 8, kSameBuild = 16;
constexpr int kBuildShift = 5;  // the three highest: which other build

reloc::ProgramIndex read_program(uint8_t build_id_byte, const fuzz::Edits& edits = {}) {
  fuzz::MemoryFile file;
  file.set(fuzz::make_program(fuzz::seed_model(), build_id_byte, edits).elf);
  auto index = reloc::ProgramIndex::read(file.path());
  fuzz::require(index.has_value(), "the small program is one");
  return std::move(*index);
}

// The program that froze the seeds, and other builds of it.
struct Programs {
  reloc::ProgramIndex old = read_program(fuzz::kBuildIdByte);
  std::vector<reloc::ProgramIndex> now;

  Programs() {
    const fuzz::Edits edits[] = {{},
                                 {.shift = 16},
                                 {.shift = 8, .code = true},
                                 {.names = true},
                                 {.closure = true},
                                 {.shift = 16, .con_tag = 1},
                                 {.layout = true},
                                 {.shift = 8, .no_symbols = true}};
    for (const fuzz::Edits& each : edits) now.push_back(read_program(0xcd, each));
  }
};
const Programs& programs() {
  static const Programs kPrograms;
  return kPrograms;
}

void write_again(const format::Model& model, bool sound) {
  static const test::TemporaryDirectory kDirectory;
  const std::string path = kDirectory.path("new.snap");
  if (!format::write(model, path)) return;
  const auto reader = Reader::open(path);
  fuzz::require(reader.has_value(), "what is written can be read");
  if (!sound) return;
  const auto problems = format::validate(*reader);
  for (const format::Error& problem : problems) fprintf(stderr, "%s\n", problem.describe().c_str());
  fuzz::require(problems.empty(), "what is written is sound");
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  unsetenv("FASTBOOT_CACHE");
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  setenv("TMPDIR", "/dev/shm", 0);
  programs();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::MemoryFile file;
  const fuzz::Bytes bytes = fuzz::unpack(data, size);
  file.set(bytes);
  const auto reader = Reader::open(file.path());
  if (!reader) return 0;
  auto model = reader->model();
  if (!model) return 0;
  const uint8_t choice = fuzz::choice(bytes);
  const reloc::ProgramIndex& old = programs().old;
  static_cast<void>(reloc::only_constructors(*model));
  if ((choice & kWithOld) != 0 || !reloc::has_fingerprints(*model)) reloc::add_fingerprints(&*model, old);
  const reloc::PlanOptions options = {{"ghc-prim:GHC.Types.:"}, (choice & kStrict) != 0, (choice & kRetag) != 0};
  const reloc::Plan plan =
      reloc::make_plan(*model, (choice & kWithOld) != 0 ? &old : nullptr,
                       (choice & kSameBuild) != 0 ? old : programs().now[choice >> kBuildShift], options);
  fuzz::require(plan.targets.size() == model->targets.size(), "a plan for each target");
  fuzz::require(plan.entries().size() >= model->targets.size(), "an entry for each target");
  std::map<uint32_t, uint32_t> tags;
  for (uint32_t i = 0; i < plan.targets.size(); ++i) {
    if (!plan.targets[i].bound()) fuzz::require(!plan.resolved(), "a lost target is told");
    const wire::Target& record = model->targets[i].record;
    const bool constructor = record.kind == static_cast<uint16_t>(wire::TargetKind::constructor);
    if (constructor && record.info_offset != 0) tags[i] = record.con_tag + 1;
  }
  if ((choice & kRetag) != 0 && !reloc::retag(&*model, tags)) return 0;
  if ((choice & kWrite) != 0) write_again(*model, format::validate(*reader).empty());
  return 0;
}

FASTBOOT_MUTATE_SNAPSHOTS(metadata)
