// --warm: makes the page cache hold a snapshot in large pieces.
//
// Who copies a snapshot by other means than Fastboot's writer leaves it in the page cache page by page, so that mapping
// it costs a page fault for each few pages. Dropped, and read again through a mapping that asks for large pages, it
// comes in pieces of up to 2 MiB. Pages that a process has mapped stay as they are.
#pragma once

#include "format/reader.h"

namespace fastboot::inspect {

struct Warmed {
  uint64_t bytes = 0;          // of the file
  uint64_t kept_bytes = 0;     // what could not be dropped, since somebody has it mapped
  uint64_t faults_before = 0;  // page faults that touching the file once took
  uint64_t faults_after = 0;
};

// Errors: not_readable where a system call says no. The file's contents are not changed.
format::Result<Warmed> warm(const format::Reader& reader);

}  // namespace fastboot::inspect
