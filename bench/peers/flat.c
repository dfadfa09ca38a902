/* A flat file, mapped: what can be had for data without structure, by hand. flat make|look vector|map|hash N FILE
 *
 *   u64 start[n + 1]    where value i begins in the bytes; for map and hash: after its key
 *   u64 number[n]       (map, hash)
 *   u32 slot[2^k]       (hash) open addressing: entry + 1, or 0
 *   bytes               values; for map and hash: key, value, key, value, ...; the keys ascend
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "work.h"

typedef struct {
  uint64_t n, slots; /* slots: 0, or a power of two of at least 2 n */
  int keys;
  uint64_t *start, *number;
  uint32_t* slot;
  char* bytes;
} Table;

static Table layout(const char* shape, uint64_t n, char* file) {
  Table t = {n, 0, strcmp(shape, "vector") != 0, NULL, NULL, NULL, NULL};
  if (strcmp(shape, "hash") == 0)
    for (t.slots = 1; t.slots < 2 * n;) t.slots *= 2;
  t.start = (uint64_t*)file;
  t.number = t.start + n + 1;
  t.slot = (uint32_t*)(t.number + (t.keys ? n : 0));
  t.bytes = (char*)(t.slot + t.slots);
  return t;
}

static uint64_t key_hash(const char* key) {
  uint64_t h = 0xcbf29ce484222325u;
  for (int at = 0; at < kKeySize; ++at) h = (h ^ (unsigned char)key[at]) * 0x100000001b3u;
  return h ^ (h >> 29);
}

static void make(const char* shape, uint64_t n, const char* path) {
  char* file = calloc(1, n * 80 + n * 16 + 4096); /* more than any shape needs */
  if (file == NULL) die("no memory");
  Table t = layout(shape, n, file);
  uint64_t at = 0;
  for (uint64_t i = 0; i < n; ++i) {
    uint32_t size;
    const char* value = work_value(i, &size);
    if (t.keys) {
      work_key(i, t.bytes + at);
      for (uint64_t s = key_hash(t.bytes + at); t.slots != 0; ++s) {
        if (t.slot[s & (t.slots - 1)] != 0) continue;
        t.slot[s & (t.slots - 1)] = (uint32_t)i + 1;
        break;
      }
      t.number[i] = work_hash(i);
      at += kKeySize;
    }
    t.start[i] = at;
    memcpy(t.bytes + at, value, size);
    at += size;
  }
  t.start[n] = at + (t.keys ? kKeySize : 0);
  const int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const char* end = t.bytes + at;
  for (const char* from = file; from < end;) {
    const ssize_t written = write(out, from, (size_t)(end - from));
    if (written <= 0) die("cannot write");
    from += written;
  }
  if (fsync(out) != 0 || close(out) != 0) die("cannot write");
}

static uint64_t find(const Table* t, const char* key) {
  if (t->slots != 0) {
    for (uint64_t s = key_hash(key);; ++s) {
      const uint32_t entry = t->slot[s & (t->slots - 1)];
      if (entry == 0) die("a key is missing");
      if (memcmp(t->bytes + t->start[entry - 1] - kKeySize, key, kKeySize) == 0) return entry - 1;
    }
  }
  uint64_t low = 0;
  for (uint64_t high = t->n; high - low > 1;) {
    const uint64_t middle = low + (high - low) / 2;
    if (memcmp(t->bytes + t->start[middle] - kKeySize, key, kKeySize) <= 0) low = middle;
    else high = middle;
  }
  return low;
}

static uint64_t look(const Table* t) {
  uint64_t state = 12345, sum = 0;
  for (int i = 0; i < kLookups; ++i) {
    uint64_t index = work_next(&state, t->n);
    if (t->keys) {
      char key[kKeySize];
      work_key(index, key);
      index = find(t, key);
    }
    const uint64_t size = t->start[index + 1] - t->start[index] - (t->keys ? kKeySize : 0);
    sum = work_fold_bytes(sum, t->bytes + t->start[index], size);
    if (t->keys) sum = work_fold(sum, t->number[index]);
  }
  return sum;
}

int main(int argc, char** argv) {
  if (argc != 5) die("usage: flat make|look vector|map|hash N FILE");
  const uint64_t n = strtoull(argv[3], NULL, 10);
  if (strcmp(argv[1], "make") == 0) {
    make(argv[2], n, argv[4]);
    return 0;
  }
  struct stat status;
  const int file = open(argv[4], O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &status) != 0) die("cannot open");
  char* bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  if (bytes == MAP_FAILED) die("cannot map");
  const Table t = layout(argv[2], n, bytes);
  printf("%llu\n", (unsigned long long)look(&t));
}
