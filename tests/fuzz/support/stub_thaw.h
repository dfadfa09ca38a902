// One thaw in a process without GHC's runtime system (rts_stub.h), and a look at the image that it made.
#pragma once

#include <string>

#include "fuzz/support/input.h"

namespace fastboot::fuzz {

// What a program that demands signatures would find: as if each signature were right, since no mutation makes one.
enum class Signed : uint8_t { nobody_asks, image, binding };

struct ThawOptions {
  bool elsewhere = false;    // at other addresses than its own
  bool other_build = false;  // in a program that the snapshot is not bound to
  bool by_sidecar = false;   // likewise, with the snapshot's own binding beside it for that program
  bool by_name = false;      // targets may be found by their names
  bool other_type = false;   // another type than the root's is asked for
  Signed is_signed = Signed::nobody_asks;
  const char* verify = "metadata";
};

// To be called first. The images that seeds need lie beside the snapshot.
void start_stub_process();
// From now on one of them is this file.
void set_needed(uint64_t index, const Bytes& file);

// Gives the error code, 0 for a thaw; requires that an image is what its snapshot says, and that a refusal leaves none.
// In the end nothing is mapped. `digest`: of all that a thaw made, the images that are needed, too.
uint32_t thaw_once(const Bytes& file, const ThawOptions& options, std::string* message, uint64_t* digest = nullptr);

}  // namespace fastboot::fuzz
