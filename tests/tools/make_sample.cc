// make_sample [--cells N] [--array BYTES] [--needed N] [--member] [--lazy] [--raw] OUT.snap: writes a small sound
// snapshot for tests of tools.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "format/writer.h"
#include "unit/sample.h"

int main(int argc, char** argv) {
  fastboot::test::SampleOptions options;
  const char* path = nullptr;
  for (int i = 1; i < argc; ++i) {
    const bool more = i + 1 < argc;
    if (strcmp(argv[i], "--cells") == 0 && more) {
      options.cells = strtoull(argv[++i], nullptr, 10);
    } else if (strcmp(argv[i], "--array") == 0 && more) {
      options.large_array_bytes = strtoull(argv[++i], nullptr, 10);
    } else if (strcmp(argv[i], "--targets") == 0 && more) {
      options.more_targets = strtoull(argv[++i], nullptr, 10);
    } else if (strcmp(argv[i], "--needed") == 0 && more) {
      options.needed = strtoull(argv[++i], nullptr, 10);
    } else if (strcmp(argv[i], "--member") == 0) {
      options.member = true;
    } else if (strcmp(argv[i], "--lazy") == 0) {
      options.lazy = true;
    } else if (strcmp(argv[i], "--raw") == 0) {
      options.raw = true;
    } else {
      path = argv[i];
    }
  }
  if (path == nullptr) {
    fputs(
        "usage: make_sample [--cells N] [--array BYTES] [--targets N] [--needed N] [--member] [--lazy] [--raw] "
        "OUT.snap\n",
        stderr);
    return 2;
  }
  const auto written = fastboot::format::write(fastboot::test::sample(options), path);
  if (written) return 0;
  fprintf(stderr, "make_sample: error: %s\n", written.error().describe().c_str());
  return 1;
}
