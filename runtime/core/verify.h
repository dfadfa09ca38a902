// Checking the bytes of an image before it is mapped: what a thaw leaves out unless it is asked for.
#pragma once

#include "core/file.h"

namespace fastboot::runtime {

// Reads and hashes all that the file holds besides the metadata, which opening has checked, if FASTBOOT_VERIFY is
// "data": each chunk of lazy, data, and the streams behind them. Does nothing if it is "metadata", or not set. Error:
// hash_mismatch, not_readable, out_of_memory; bad_argument where the variable says something else.
bool verify_as_asked(const SnapshotFile& file, Timeline* timeline, wire::Error* error);

}  // namespace fastboot::runtime
