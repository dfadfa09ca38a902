// A small snapshot made by hand, for tests of the format: an image of one list of boxed numbers and a byte array, as
// the runtime would lay it out, without a runtime.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/model.h"

namespace fastboot::test {

struct SampleOptions {
  uint64_t cells = 100;            // cons cells of the list
  uint64_t large_array_bytes = 0;  // an extra byte array, which may span megablocks
  bool lazy = false;               // a megablock of lazy closures
  bool raw = false;                // a word that refers to the program
  uint64_t needed = 0;             // images that cells (and a lazy closure) point into
  bool member = false;             // the image says that it was linked from one member
  uint64_t more_targets = 0;       // targets that no closure uses, with long names
  std::string name = "sample";
};

// The model of a sound snapshot whose bytes are in memory.
format::Model sample(const SampleOptions& options = {});

// The bytes of the file that write() makes of it.
std::vector<uint8_t> sample_file(const SampleOptions& options = {});

std::vector<uint8_t> read_file(const std::string& path);
void write_file(const std::string& path, const std::vector<uint8_t>& bytes);

// A fresh directory that goes away with its contents.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();
  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  size_t entries() const;

 private:
  std::string directory_;
};

}  // namespace fastboot::test
