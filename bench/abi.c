/* Calls of the C ABI for bench/Bench.hs, so that a compiler checks them against the header. */
#include <fastboot.h>
#include <stdio.h>
#include <stdlib.h>

static fastboot_error failure;

static void check(uint32_t code) {
  if (code == 0) return;
  fprintf(stderr, "bench: error %u: %s\n", code, failure.message);
  exit(1);
}

/* From before open to the root. */
void* bench_open(const char* path, const char* type_name, uint64_t type_0, uint64_t type_1) {
  void* closure;
  check(fastboot_thaw(path, NULL, type_name, type_0, type_1, &closure, &failure));
  return closure;
}

/* What a freeze does while the world stands still; the graph is thrown away. Gives the image's bytes. */
uint64_t bench_walk(void* root, void* thread) {
  fastboot_frozen_graph* graph;
  fastboot_freeze_report report;
  check(fastboot_freeze_walk(root, thread, 0, "walk", "walk", 0, 0, &graph, &report, &failure));
  fastboot_freeze_discard(graph);
  return report.image_size;
}
