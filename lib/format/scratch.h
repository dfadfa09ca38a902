// Arrays of numbers that may be larger than memory: small ones are anonymous memory, others lie in temporary files that
// have no name any more, so that the kernel can write them out and nothing stays behind.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "format/error.h"

namespace fastboot::format {

// Zeroed bytes. Room in the file system is taken at once: a full disk is an error here (no_space), never a signal
// later.
class Scratch {
 public:
  Scratch() = default;
  Scratch(Scratch&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Scratch& operator=(Scratch&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Scratch();

  // In $TMPDIR, or /tmp.
  static Result<Scratch> make(uint64_t bytes);
  void* bytes() const { return bytes_; }

 private:
  void* bytes_ = nullptr;
  uint64_t size_ = 0;
};

template <class T>
class ScratchArray {
 public:
  Result<void> allocate(uint64_t count) {
    auto made = Scratch::make(count * sizeof(T));
    if (!made) return tl::unexpected(made.error());
    scratch_ = std::move(*made);
    data_ = static_cast<T*>(scratch_.bytes());
    size_ = count;
    return {};
  }
  void free() { *this = ScratchArray(); }

  T& operator[](uint64_t i) { return data_[i]; }
  const T& operator[](uint64_t i) const { return data_[i]; }
  uint64_t size() const { return size_; }
  std::span<const T> span(uint64_t begin, uint64_t end) const { return {data_ + begin, end - begin}; }

 private:
  Scratch scratch_;
  T* data_ = nullptr;
  uint64_t size_ = 0;
};

}  // namespace fastboot::format
