// Large pieces of address space that cost nothing until they are touched.
#pragma once

#include <sys/mman.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstring>

namespace fastboot::runtime {

// Address space for `size` bytes, readable and writable, without swap reserved; unmapped at the end. Where address
// space is limited (`ulimit -v`), at most a sixteenth of the limit, and then as much as can be had: half, a quarter,
// and so on.
class Reservation {
 public:
  Reservation() = default;
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  ~Reservation() {
    if (base_ != nullptr && !keep()) munmap(base_, size_);
  }

  // With `huge`, asks the kernel for 2 MiB pages: fresh ones are then a fault each 2 MiB, not each 4 KiB.
  bool reserve(uint64_t size, uint64_t at_least, bool huge) {
    constexpr uint64_t kAlign = uint64_t{2} << 20;
    size = whole_pages(size);
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
      while (size > limit.rlim_cur / 16 && half(size) >= at_least && half(size) != 0) size = half(size);
    }
    for (; size >= at_least && size != 0; size = half(size)) {
      void* base =
          mmap(nullptr, size + kAlign, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (base == MAP_FAILED) continue;
      auto* bytes = static_cast<uint8_t*>(base);
      const uint64_t skip = (kAlign - reinterpret_cast<uintptr_t>(base) % kAlign) % kAlign;
      if (skip != 0) munmap(bytes, skip);
      if (skip != kAlign) munmap(bytes + skip + size, kAlign - skip);
      base_ = bytes + skip;
      size_ = size;
      if (huge) madvise(base_, size, MADV_HUGEPAGE);
      return true;
    }
    return false;
  }

  uint8_t* data() const { return base_; }
  uint64_t size() const { return size_; }

  // Fresh pages cost as much time as anything that is done with them. A program that reserves the same again and again
  // may have the same memory again: when `kept` is given, the pages are zeroed and left there instead of being
  // unmapped, as long as what is in use is no more than kMostKept. What is in use: the first `used` bytes, and `more`
  // bytes from `more_at` on.
  struct Kept {
    uint8_t* base = nullptr;
    uint64_t size = 0;
  };
  void keep_in(Kept* kept, uint64_t used, uint64_t more_at = 0, uint64_t more = 0) {
    kept_ = kept;
    used_ = used;
    more_at_ = more_at;
    more_ = more;
  }
  // Takes what was kept, if it is of this size. The caller sees to it that no two threads do this at once.
  bool take(Kept* kept, uint64_t size) {
    if (kept->base == nullptr || kept->size != whole_pages(size)) return false;
    base_ = kept->base;
    size_ = kept->size;
    *kept = Kept{};
    return true;
  }

 private:
  static constexpr uint64_t kMostKept = uint64_t{1} << 30;
  static constexpr uint64_t kPage = 4096;

  // The kernel maps whole pages, and unmaps from whole pages only.
  static uint64_t whole_pages(uint64_t size) { return (size + kPage - 1) / kPage * kPage; }
  static uint64_t half(uint64_t size) { return size / 2 / kPage * kPage; }

  bool keep() {
    if (kept_ == nullptr || kept_->base != nullptr || used_ + more_ > kMostKept) return false;
    memset(base_, 0, used_);
    memset(base_ + more_at_, 0, more_);
    *kept_ = Kept{base_, size_};
    return true;
  }

  Kept* kept_ = nullptr;
  uint64_t used_ = 0, more_at_ = 0, more_ = 0;
  uint8_t* base_ = nullptr;
  uint64_t size_ = 0;
};

// An append-only array in a reservation: elements never move.
template <class T>
class ReservedArray {
 public:
  bool reserve(uint64_t most) { return memory_.reserve(most * sizeof(T), sizeof(T) * 512, false); }
  bool push(const T& value) {
    if ((count_ + 1) * sizeof(T) > memory_.size()) return false;
    data()[count_++] = value;
    return true;
  }
  T* data() const { return reinterpret_cast<T*>(memory_.data()); }
  T& operator[](uint64_t i) const { return data()[i]; }
  T& back() const { return data()[count_ - 1]; }
  void pop() { --count_; }
  void truncate(uint64_t count) { count_ = count; }
  uint64_t size() const { return count_; }
  uint64_t capacity() const { return memory_.size() / sizeof(T); }

 private:
  Reservation memory_;
  uint64_t count_ = 0;
};

}  // namespace fastboot::runtime
