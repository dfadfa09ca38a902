// A growable piece of memory for code that has no C++ library. Allocation failure is remembered, not thrown.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace fastboot::wire {

class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { free(data_); }

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  uint64_t size() const { return size_; }
  bool failed() const { return failed_; }

  // Appends `size` zeros and returns their offset. After a failure the buffer stays empty and failed() is true.
  uint64_t grow(uint64_t size) {
    if (size_ + size > capacity_ && !reserve(size_ + size)) return 0;
    const uint64_t at = size_;
    if (size != 0) memset(data_ + at, 0, size);
    size_ += size;
    return at;
  }
  uint64_t append(const void* bytes, uint64_t size) {
    const uint64_t at = grow(size);
    if (!failed_ && size != 0) memcpy(data_ + at, bytes, size);
    return at;
  }
  uint64_t align(uint64_t unit) {
    grow((unit - size_ % unit) % unit);
    return size_;
  }
  // Appends a string with its NUL.
  uint32_t append_string(const char* string) { return static_cast<uint32_t>(append(string, strlen(string) + 1)); }

  template <class T>
  T* at(uint64_t offset) {
    return reinterpret_cast<T*>(data_ + offset);
  }

 private:
  bool reserve(uint64_t want) {
    if (failed_) return false;
    uint64_t capacity = capacity_ == 0 ? 4096 : capacity_;
    while (capacity < want) capacity *= 2;
    void* grown = realloc(data_, capacity);
    if (grown == nullptr) {
      failed_ = true;
      size_ = 0;
      return false;
    }
    data_ = static_cast<uint8_t*>(grown);
    capacity_ = capacity;
    return true;
  }

  uint8_t* data_ = nullptr;
  uint64_t size_ = 0;
  uint64_t capacity_ = 0;
  bool failed_ = false;
};

}  // namespace fastboot::wire
