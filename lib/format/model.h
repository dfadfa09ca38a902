// A snapshot taken apart: everything that a writer needs to make the file, with names as strings instead of offsets.
//
// Reader::model() makes one, the caller changes it, write() makes a file of it. Large pieces stay in the old file and
// are read when the new one is written, so the old file must stay open (the model keeps it open) and unchanged.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/address.h"
#include "format/file.h"
#include "format/wire/structs.h"

namespace fastboot::format {

struct ModelTarget {
  wire::Target record = {};         // its `symbol` and `name` are ignored
  std::string symbol;               // "fb.t.INDEX" where the code is private
  std::optional<std::string> name;  // constructors: "unit:Module.Con"
};

struct ModelRoot {
  std::string name;
  std::string type_name;
  ImageAddress address;  // untagged
  uint64_t size = 0;     // bytes
  uint64_t type_fingerprint[2] = {};
  uint32_t tag = 0;
};

// A word of the image that holds the address of target `target` plus `addend`.
struct ModelRaw {
  ImageAddress address;  // of the word
  uint32_t target = 0;
  int64_t addend = 0;
};

struct ModelModule {
  std::vector<uint8_t> build_id;
  std::string path;
};

// An image that this one points into.
struct ModelNeeded {
  std::string name;          // NAME.snap
  wire::Needed record = {};  // its `name`, `cross_first` and `cross_count` are ignored
  ByteSource cross;          // RELR stream of the words that point into it, whole words
};

// An image that was linked into this one.
struct ModelMember {
  std::string name;
  wire::Member record = {};  // its `name` is ignored
};

struct Model {
  ImageAddress slot_address;
  uint64_t slot_size = 0;                      // bytes; 0: as much as is needed
  uint32_t format_minor = wire::kFormatMinor;  // of the file that it was read from
  uint32_t ghc_version = 0;
  uint32_t rts_way = 0;
  wire::ObjectModel object_model = wire::ObjectModel::ghc;
  wire::HeapLayout heap = {};
  uint64_t closures = 0;
  uint64_t lazy_closures = 0;
  std::string image_name;

  std::vector<ModelTarget> targets;
  std::vector<uint64_t> bitmaps;
  std::vector<ModelRoot> roots;
  std::vector<ModelRaw> raws;
  std::vector<ModelModule> modules;
  std::vector<wire::BindingEntry> entries;  // one for each target, then further static roots

  // Where the image's parts lay when its words were made. write() re-points the words if they come to lie elsewhere.
  ImageAddress info_address, lazy_address, data_address;
  uint64_t info_size = 0;  // bytes
  ByteSource lazy, data;   // whole pages
  ByteSource rebase;       // RELR stream, whole words
  std::vector<ModelNeeded> needed;
  std::vector<ModelMember> members;
  // Hashes of the chunks of lazy, data, rebase and the cross streams as they are above, so that write() can tell damage
  // from contents. Empty for pieces that have just been made.
  ByteSource chunk_hashes;

  // Of the image with that content id; write() drops it where the image comes to be another one. Whoever changes
  // modules or entries has to clear what signs the binding.
  std::optional<wire::Signature> signature;
  std::array<uint8_t, wire::kContentIdSize> signed_content = {};
};

}  // namespace fastboot::format
