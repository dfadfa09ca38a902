/* Calls of the C ABI for bench/Bench.hs, so that a compiler checks them against the header. */
#define _POSIX_C_SOURCE 200809L
#include <fastboot.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static fastboot_error failure;

static void check(uint32_t code) {
  if (code == 0) return;
  fprintf(stderr, "bench: error %u: %s\n", code, failure.message);
  exit(1);
}

/* From before open to the root. */
void* bench_open(const char* path, const char* type_name, uint64_t type_0, uint64_t type_1) {
  void* closure;
  check(fastboot_thaw(path, NULL, type_name, type_0, type_1, FASTBOOT_BOUND_BUILDS, &closure, &failure));
  return closure;
}

/* What nobody who maps a file can do without: open it, look at it, read its start, map it, touch a page, close it.
 * Gives a byte of that page. */
int bench_floor(const char* path) {
  static char start[4096];
  struct stat status;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &status) != 0 || pread(file, start, sizeof start, 0) <= 0) return -1;
  const volatile unsigned char* bytes =
      mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  if (bytes == MAP_FAILED) return -1;
  const int byte = bytes[status.st_size / 2];
  close(file);
  return byte;
}

/* What a freeze does while the world stands still; the graph is thrown away. Gives the image's bytes, the nanoseconds
 * that the report tells, and those of processor time. */
void bench_walk(void* root, void* thread, uint64_t* numbers) {
  fastboot_frozen_graph* graph;
  fastboot_freeze_report report;
  const fastboot_root value = {root, "walk", "walk", {0, 0}};
  struct timespec start, end;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
  check(fastboot_freeze_walk("walk", &value, 1, thread, 0, NULL, &graph, &report, &failure));
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
  fastboot_freeze_discard(graph);
  numbers[0] = report.image_size;
  numbers[1] = report.walk_time;
  numbers[2] = (uint64_t)(end.tv_sec - start.tv_sec) * 1000000000 + (uint64_t)end.tv_nsec - (uint64_t)start.tv_nsec;
}
