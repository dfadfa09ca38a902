// What fuzz targets are given: a file, coded so that it has no long runs of zeros.
//
//   u32 size of the file, then pieces until the end: u32 offset, u32 size, bytes. The rest of the file is zeros.
//
// A snapshot has pages of zeros for the sake of mmap; libFuzzer would spend its time on them. Whatever the bytes of an
// input are, they are some file.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace fastboot::fuzz {

using Bytes = std::vector<uint8_t>;
using Random = std::minstd_rand;

inline constexpr uint32_t kMostFile = 1u << 20;  // bytes; larger files find nothing new

// A piece of the file whose parts are numbers.
struct Piece {
  size_t offset, size;
};

Bytes unpack(const uint8_t* input, size_t size);
Bytes pack(const Bytes& file);
// Is a byte of [begin, end) not zero?
bool any_byte(const Bytes& file, size_t begin, size_t end);
// pack() into libFuzzer's buffer. 0 where it does not fit.
size_t pack_into(const Bytes& file, uint8_t* out, size_t most);

// A regular file of mode 0600 whose contents are set again and again: one of that path, or one without a name, which
// path() opens in this process.
class MemoryFile {
 public:
  explicit MemoryFile(std::string path = {});
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile();
  void set(std::span<const uint8_t> bytes);
  const std::string& path() const { return path_; }

 private:
  int descriptor_;
  std::string path_;
};

// The invariant that a target states. Ends the process, as a finding.
[[noreturn]] void not_so(const char* what);
inline void require(bool holds, const char* what) {
  if (!holds) not_so(what);
}

// Bytes 9 to 15 of e_ident mean nothing to anybody; the last one chooses what a target does with the file.
inline uint8_t choice(const Bytes& file) { return file.size() < 16 ? uint8_t{0} : file[15]; }

}  // namespace fastboot::fuzz
