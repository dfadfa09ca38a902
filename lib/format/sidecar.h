// Sidecar files: where the targets of a snapshot lie in another build of the program. docs/FORMAT.md, section 8.
#pragma once

#include <optional>
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

// A sidecar file as it was found. `binding` points into `bytes`; its header is null where it cannot be read. `problem`:
// why programs do not use it.
struct Sidecar {
  std::string path;
  std::string build_id;  // hexadecimal, from the file's name: the program that it is for
  std::vector<uint8_t> bytes;
  wire::Binding binding;
  std::optional<Error> problem;
};

// All sidecar files beside the snapshot, by name. Those that programs would not take are among them, with the reason:
// `untrusted` where their owner or mode would let somebody else change them, or what the format says of damaged ones.
std::vector<Sidecar> find_sidecars(const Reader& reader);

// What is in one, to be written elsewhere.
struct ModelBinding {
  std::vector<ModelModule> modules;
  std::vector<wire::BindingEntry> entries;
};

// Reads one for a snapshot of that content id and so many targets. not_found: there is none; corrupt, hash_mismatch: it
// is not a binding for that snapshot.
Result<ModelBinding> read_sidecar(const std::string& path, const ContentId& content_id, uint64_t target_count);

}  // namespace fastboot::format
