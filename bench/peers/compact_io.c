/* Files of bench/peers/Compact.hs: a head of 16 KiB, {root, count, {address, size}...}, then the blocks, each from a page on. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { kPage = 4096, kHead = 4 * kPage };

static int write_all(int file, const char* bytes, uint64_t size, uint64_t offset) {
  while (size > 0) {
    const ssize_t n = pwrite(file, bytes, size, (off_t)offset);
    if (n <= 0) return -1;
    bytes += n, size -= (uint64_t)n, offset += (uint64_t)n;
  }
  return 0;
}

int region_write(const char* path, const uint64_t* head) {
  const int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0 || head[1] > kHead / 16 - 1 || write_all(file, (const char*)head, kHead, 0) != 0) return -1;
  uint64_t offset = kHead;
  for (uint64_t i = 0; i < head[1]; ++i) {
    if (write_all(file, (const char*)head[2 + 2 * i], head[3 + 2 * i], offset) != 0) return -1; /* NOLINT */
    offset += (head[3 + 2 * i] + kPage - 1) / kPage * kPage;
  }
  return ftruncate(file, (off_t)offset) != 0 || fsync(file) != 0 ? -1 : close(file);
}

int region_open(const char* path, uint64_t* head) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  return file >= 0 && read(file, head, kHead) == kHead ? file : -1;
}

int region_read(int mapped, int file, void* block, uint64_t size, uint64_t offset) {
  if (mapped) {
    const int protection = PROT_READ | PROT_WRITE;
    const int flags = MAP_PRIVATE | MAP_FIXED;
    return mmap(block, size, protection, flags, file, (off_t)offset) == block ? 0 : -1;
  }
  for (char* at = block; size > 0;) {
    const ssize_t n = pread(file, at, size, (off_t)offset);
    if (n <= 0) return -1;
    at += n, size -= (uint64_t)n, offset += (uint64_t)n;
  }
  return 0;
}
