// Sidecar files: where the targets of a snapshot lie in another build of the program. docs/FORMAT.md, section 8.
#pragma once

#include <string>
#include <vector>

#include "format/error.h"
#include "format/model.h"
#include "format/reader.h"

namespace fastboot::format {

// Where programs look for it: beside the snapshot, CONTENT-ID/BUILD-ID.bind. `build_id` is the program's.
std::string sidecar_path(const std::string& snapshot, const ContentId& content_id,
                         const std::vector<uint8_t>& build_id);

// Writes it, with its directory if need be; complete or not at all, with mode 0444.
Result<void> write_sidecar(const ContentId& content_id, const std::vector<ModelModule>& modules,
                           const std::vector<wire::BindingEntry>& entries, const std::string& path);

struct Sidecar {
  std::vector<ModelModule> modules;
  std::vector<wire::BindingEntry> entries;
};

// Reads one for a snapshot of that content id and so many targets. not_found: there is none; corrupt, hash_mismatch: it
// is not a binding for that snapshot.
Result<Sidecar> read_sidecar(const std::string& path, const ContentId& content_id, uint64_t target_count);

}  // namespace fastboot::format
