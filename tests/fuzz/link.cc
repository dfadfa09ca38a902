// The linker of fastboot-ld, given a hostile snapshot: alone, or with a sound one that it may need, in either order;
// linked, perhaps without what no root reaches and with equal closures merged, and written. What is written must be
// sound; so must its closures where those of the input are.
#include "reloc/link.h"

#include <algorithm>
#include <optional>

#include "format/structure.h"
#include "format/writer.h"
#include "fuzz/support/seed.h"
#include "fuzz/support/snapshot_mutator.h"
#include "reloc/link_shrink.h"
#include "unit/sample.h"

using namespace fastboot;
using format::Reader;
using reloc::LinkInput;

namespace {

// Bits of choice().
constexpr uint8_t kAlone = 1, kMerge = 2, kDrop = 4, kLast = 8, kRename = 16, kKeep = 32;

LinkInput& companion() {
  static fuzz::MemoryFile file;
  static LinkInput input = [] {
    file.set(fuzz::needed_file(0));
    auto opened = reloc::open_input(file.path());
    fuzz::require(opened.has_value(), "the companion is sound");
    return std::move(*opened);
  }();
  return input;
}

// What is known of the input.
struct Sound {
  bool file, closures;
};

void check_written(const format::Model& model, Sound sound) {
  static const test::TemporaryDirectory kDirectory;
  const std::string path = kDirectory.path("linked.snap");
  if (!format::write(model, path)) return;
  const auto reader = Reader::open(path);
  fuzz::require(reader.has_value(), "what is written can be read");
  if (!sound.file) return;
  auto problems = format::validate(*reader);
  if (problems.empty() && sound.closures) problems = format::check_structure(*reader);
  for (const format::Error& problem : problems) fprintf(stderr, "%s\n", problem.describe().c_str());
  fuzz::require(problems.empty(), "what is written is sound");
}

void link_all(const std::vector<LinkInput>& inputs, uint8_t choice, Sound sound) {
  reloc::LinkOptions options;
  options.name = "linked";
  options.address = format::ImageAddress(fuzz::kSlot + 16 * wire::kSlotUnit);
  if ((choice & kRename) != 0) options.renames = {{"seed", "seed", "other0"}};
  reloc::Linked linked;
  std::vector<format::Error> problems;
  const bool done = reloc::link(inputs, options, &linked, &problems);
  fuzz::require(done == problems.empty(), "a refusal says why");
  if (!done) return;
  reloc::ShrinkOptions shrink = {(choice & kMerge) != 0, (choice & kDrop) != 0, {}};
  if ((choice & kKeep) != 0) shrink.keep = {"seed"};
  if ((shrink.icf || shrink.gc) && !reloc::shrink(&linked.model, shrink)) return;
  check_written(linked.model, sound);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  setenv("TMPDIR", "/dev/shm", 0);
  companion();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::MemoryFile file;
  const fuzz::Bytes bytes = fuzz::unpack(data, size);
  file.set(bytes);
  auto input = reloc::open_input(file.path());
  if (!input) {
    fuzz::require(!input.error().message.empty(), "a refusal says why");
    return 0;
  }
  const uint8_t choice = fuzz::choice(bytes);
  // Whether words that lead into another image lead to closures there, the check of this one cannot tell.
  const bool valid = format::validate(input->reader).empty();
  const bool alone = input->model.needed.empty();
  const Sound sound = {valid, valid && alone && format::check_structure(input->reader).empty()};
  std::vector<LinkInput> inputs;
  inputs.push_back(std::move(*input));
  if ((choice & kAlone) != 0) {
    link_all(inputs, choice, sound);
    return 0;
  }
  inputs.push_back(std::move(companion()));
  if ((choice & kLast) == 0) std::swap(inputs[0], inputs[1]);
  link_all(inputs, choice, sound);
  companion() = std::move((choice & kLast) == 0 ? inputs[0] : inputs[1]);
  return 0;
}

FASTBOOT_MUTATE_SNAPSHOTS(heap)
