#include "ghc-9.0/heap_range.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/wire/buffer.h"

// rts/sm/MBlock.h (not installed), but exported.
extern "C" void* getFirstMBlock(void** state);

namespace fastboot::ghc {

using wire::Code;
using wire::fail;

namespace {

HeapRange found = {0, 0};

// All of /proc/self/maps, with a NUL behind it.
bool read_mappings(wire::Buffer* out) {
  const int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char part[4096];
  ssize_t n = 0;
  while ((n = read(fd, part, sizeof part)) > 0) out->append(part, static_cast<uint64_t>(n));
  close(fd);
  const char end = '\0';
  out->append(&end, 1);
  return n == 0 && !out->failed();
}

// One line of it: "begin-end perms offset device inode path".
struct Mapping {
  uint64_t begin;
  uint64_t end;
  bool may_be_heap;  // private and of no file: what the RTS reserved, and what it took of that
};

const char* parse_mapping(const char* line, Mapping* out) {
  char* at = nullptr;
  out->begin = strtoull(line, &at, 16);
  out->end = *at == '-' ? strtoull(at + 1, &at, 16) : out->begin;
  const char* end = strchr(line, '\n');
  const char* next = end == nullptr ? line + strlen(line) : end + 1;
  const bool whole = *at == ' ' && next - at > 6;
  out->may_be_heap = whole && at[4] == 'p' && memchr(at, '/', static_cast<size_t>(next - at)) == nullptr &&
                     memchr(at, '[', static_cast<size_t>(next - at)) == nullptr;
  return next;
}

// The mappings without a gap between them around `inside`.
HeapRange surrounding(const char* mappings, uint64_t inside) {
  HeapRange run = {0, 0};
  for (const char* line = mappings; *line != '\0';) {
    Mapping mapping;
    line = parse_mapping(line, &mapping);
    if (!mapping.may_be_heap || mapping.begin != run.end) {
      if (inside >= run.begin && inside < run.end) return run;
      run.begin = mapping.begin;
    }
    run.end = mapping.may_be_heap ? mapping.end : run.begin;
  }
  return inside >= run.begin && inside < run.end ? run : HeapRange{0, 0};
}

}  // namespace

HeapRange found_heap_range() { return found; }

bool find_heap_range(wire::Error* error) {
  if (knows_heap_range() || __atomic_load_n(&found.end, __ATOMIC_ACQUIRE) != 0) return true;
  void* state = nullptr;
  const auto first = reinterpret_cast<uint64_t>(getFirstMBlock(&state));
  wire::Buffer mappings;
  const bool read = read_mappings(&mappings);
  const HeapRange range = read && first != 0 ? surrounding(mappings.at<char>(0), first) : HeapRange{0, 0};
  if (range.end == 0 || range.begin % MBLOCK_SIZE != 0 || range.end % MBLOCK_SIZE != 0) {
    return fail(
        error, Code::unsupported_way,
        "this program has GHC's runtime system in a shared library, and /proc/self/maps does not tell where its "
        "heap lies; mount /proc, or link it statically (without -dynamic)");
  }
  // Who comes second finds the same.
  found.begin = range.begin;
  __atomic_store_n(&found.end, range.end, __ATOMIC_RELEASE);
  return true;
}

}  // namespace fastboot::ghc
