// What kind of GHC program this process is, as the header of a snapshot records it.
#pragma once

#include "format/wire/error.h"
#include "format/wire/structs.h"

namespace fastboot::ghc {

uint32_t ghc_version();  // 90002
uint32_t rts_way();      // wire::RtsWay bits
wire::HeapLayout heap_layout();

// "vanilla", "threaded debug", ...
void describe_way(uint32_t way, char* out, uint64_t size);

// Whether images can be used in this way and link mode at all.
bool check_supported(wire::Error* error);

// Name of a closure type: "MUT_VAR_CLEAN".
const char* closure_type_name(uint32_t type);

}  // namespace fastboot::ghc
