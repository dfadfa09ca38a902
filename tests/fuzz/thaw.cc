// Thawing, the whole way: opening, the metadata, choosing the root, binding (by the snapshot, a sidecar, names),
// placing, mapping, rebasing, the link segment, raw references. support/rts_stub.h says what is not real. Afterwards
// the image is looked at and unmapped.
#include "fuzz/support/snapshot_mutator.h"
#include "fuzz/support/stub_thaw.h"

using namespace fastboot;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  fuzz::start_stub_process();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::Bytes file = fuzz::unpack(data, size);
  const uint8_t choice = fuzz::choice(file);
  const fuzz::ThawOptions options = {.elsewhere = (choice & 1) != 0,
                                     .other_build = (choice & 2) != 0,
                                     .by_sidecar = (choice & 4) != 0,
                                     .by_name = (choice & 8) != 0,
                                     .other_type = (choice & 16) != 0,
                                     .is_signed = (choice & 64) == 0    ? fuzz::Signed::nobody_asks
                                                  : (choice & 128) == 0 ? fuzz::Signed::image
                                                                        : fuzz::Signed::binding,
                                     .verify = (choice & 32) != 0 ? "data" : "metadata"};
  fuzz::thaw_once(file, options, nullptr);
  return 0;
}

FASTBOOT_MUTATE_SNAPSHOTS(metadata)
