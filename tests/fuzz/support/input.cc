#include "fuzz/support/input.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace fastboot::fuzz {

namespace {

constexpr size_t kWord = 8;
constexpr size_t kGap = 4;  // words of zeros that are worth a new piece

template <class T>
T load(const uint8_t* at) {
  T value;
  memcpy(&value, at, sizeof value);
  return value;
}

void append(Bytes* out, size_t value) {
  const auto word = static_cast<uint32_t>(value);
  const auto* bytes = reinterpret_cast<const uint8_t*>(&word);
  out->insert(out->end(), bytes, bytes + sizeof word);
}

bool is_zero(const Bytes& file, size_t word) {
  if ((word + 1) * kWord <= file.size()) return load<uint64_t>(file.data() + word * kWord) == 0;
  return std::all_of(file.begin() + static_cast<std::ptrdiff_t>(word * kWord), file.end(),
                     [](uint8_t byte) { return byte == 0; });
}

}  // namespace

bool any_byte(const Bytes& file, size_t begin, size_t end) {
  for (; begin % kWord != 0 && begin < end; ++begin) {
    if (file[begin] != 0) return true;
  }
  for (; begin + kWord <= end; begin += kWord) {
    if (load<uint64_t>(file.data() + begin) != 0) return true;
  }
  return begin < end &&
         std::any_of(file.begin() + static_cast<std::ptrdiff_t>(begin), file.begin() + static_cast<std::ptrdiff_t>(end),
                     [](uint8_t byte) { return byte != 0; });
}

Bytes unpack(const uint8_t* input, size_t size) {
  if (size < 4) return {};
  Bytes file(std::min(load<uint32_t>(input), kMostFile));
  for (size_t at = 4; size - at >= 8;) {
    const size_t offset = load<uint32_t>(input + at);
    const size_t length = std::min<size_t>(load<uint32_t>(input + at + 4), size - at - 8);
    at += 8;
    if (offset < file.size()) memcpy(file.data() + offset, input + at, std::min(length, file.size() - offset));
    at += length;
  }
  return file;
}

Bytes pack(const Bytes& file) {
  Bytes out;
  append(&out, file.size());
  const size_t words = (file.size() + kWord - 1) / kWord;
  for (size_t at = 0; at < words;) {
    if (is_zero(file, at)) {
      ++at;
      continue;
    }
    size_t end = at + 1;
    for (size_t next = end; next < words && next - end < kGap; ++next) {
      if (!is_zero(file, next)) end = next + 1;
    }
    const size_t begin = at * kWord, size = std::min(file.size(), end * kWord) - begin;
    append(&out, begin);
    append(&out, size);
    out.insert(out.end(), file.begin() + static_cast<std::ptrdiff_t>(begin),
               file.begin() + static_cast<std::ptrdiff_t>(begin + size));
    at = end;
  }
  return out;
}

size_t pack_into(const Bytes& file, uint8_t* out, size_t most) {
  const Bytes packed = pack(file);
  if (packed.size() > most) return 0;
  memcpy(out, packed.data(), packed.size());
  return packed.size();
}

MemoryFile::MemoryFile(std::string path) : path_(std::move(path)) {
  descriptor_ =
      path_.empty() ? memfd_create("fuzz", MFD_CLOEXEC) : open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  require(descriptor_ >= 0 && fchmod(descriptor_, 0600) == 0, "a file to write to");
  if (path_.empty()) path_ = "/proc/self/fd/" + std::to_string(descriptor_);
}

MemoryFile::~MemoryFile() { close(descriptor_); }

void MemoryFile::set(std::span<const uint8_t> bytes) {
  // Its pages stay: a file set again and again is mostly of one size.
  bool done = ftruncate(descriptor_, static_cast<off_t>(bytes.size())) == 0;
  if (!bytes.empty())
    done = done && pwrite(descriptor_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
  require(done, "the file in memory is written");
}

void not_so(const char* what) {
  fprintf(stderr, "fuzz: this does not hold: %s\n", what);
  abort();
}

}  // namespace fastboot::fuzz
