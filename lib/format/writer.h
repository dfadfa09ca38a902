// Writing a complete snapshot file from a model.
#pragma once

#include <string>

#include "format/error.h"
#include "format/model.h"

namespace fastboot::format {

class SecretKey;

// Writes `model` to `path` with mode 0444. The file appears complete and synced to disk, or not at all: it is made
// under a temporary name in the same directory and renamed, so the snapshot that the model came from may itself be
// `path`.
//
// A model as Reader::model() gave it makes a byte-identical file. Where added names make the metadata outgrow its
// place, the image's parts move up in the slot and the words that point to them are changed on the way.
//
// Errors: write_failed, no_space, out_of_memory, image_too_large, bad_argument; corrupt or truncated when the model's
// old file is; untouched `path` and no temporary file in each case.
// With `key` it is signed. Without, the model's signature is kept if it still holds.
Result<void> write(const Model& model, const std::string& path, const SecretKey* key = nullptr);

// newer_format where `model` is of a file of a later minor version, `path`: it can be read, but what that version added
// is not in the model, and would be lost. write() refuses it, too.
Result<void> check_version(const Model& model, const std::string& path);

// Where write() will put the image's parts: it depends on the metadata and the sizes of the parts only.
struct Addresses {
  ImageAddress info, lazy, data;  // lazy: 0 where there is none
  ImageAddress slot_end;          // of all that the slot must have room for
};
Result<Addresses> addresses(const Model& model);

}  // namespace fastboot::format
