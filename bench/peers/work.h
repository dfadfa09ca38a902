/* The work that all peers do, in C; docs/BENCHMARKS.md defines it. */
#ifndef FASTBOOT_BENCH_WORK_H
#define FASTBOOT_BENCH_WORK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { kKeySize = 11, kValueMost = 40, kLookups = 100 };

static inline uint64_t work_hash(uint64_t i) {
  const uint64_t x = i * 2654435761u & 0xffffffffu;
  return x ^ (x >> 15);
}

/* The value of entry i: bytes in the alphabet, not terminated. */
static inline const char* work_value(uint64_t i, uint32_t* size) {
  static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
  const uint64_t h = work_hash(i);
  *size = (uint32_t)(8 + h % 33);
  return alphabet + (h >> 8) % 24;
}

static inline void work_key(uint64_t i, char key[kKeySize]) {
  const char start[4] = {'k', 'e', 'y', '-'};
  for (int at = 0; at < 4; ++at) key[at] = start[at];
  for (int at = kKeySize - 1; at >= 4; --at, i /= 10) key[at] = (char)('0' + i % 10);
}

/* The next index that is asked for; *state starts with 12345. */
static inline uint64_t work_next(uint64_t* state, uint64_t n) {
  *state = (*state * 1103515245 + 12345) & 0x7fffffff;
  return (*state >> 8) % n;
}

static inline uint64_t work_fold(uint64_t sum, uint64_t number) { return (sum * 31 + number) % 1000000007; }

static inline uint64_t work_fold_bytes(uint64_t sum, const void* bytes, uint64_t size) {
  for (uint64_t at = 0; at < size; ++at) sum = work_fold(sum, ((const unsigned char*)bytes)[at]);
  return sum;
}

static inline _Noreturn void die(const char* what) {
  (void)fprintf(stderr, "peer: error: %s\n", what);
  exit(1);
}

#endif
