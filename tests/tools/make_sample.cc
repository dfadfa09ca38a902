// make_sample [OPTION...] OUT.snap: writes a small sound snapshot for tests of tools; with --sidecar also a binding for
// another build beside it.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "format/reader.h"
#include "format/sidecar.h"
#include "format/writer.h"
#include "unit/sample.h"

namespace {

using namespace fastboot;

struct Arguments {
  test::SampleOptions sample;
  bool sidecar = false;
  const char* path = nullptr;
};

bool parse(int argc, char** argv, Arguments* arguments) {
  test::SampleOptions& sample = arguments->sample;
  for (int i = 1; i < argc; ++i) {
    const bool more = i + 1 < argc;
    if (strcmp(argv[i], "--cells") == 0 && more) {
      sample.cells = strtoull(argv[++i], nullptr, 10);
    } else if (strcmp(argv[i], "--array") == 0 && more) {
      sample.large_array_bytes = strtoull(argv[++i], nullptr, 10);
    } else if (strcmp(argv[i], "--targets") == 0 && more) {
      sample.more_targets = strtoull(argv[++i], nullptr, 10);
    } else if (strcmp(argv[i], "--name") == 0 && more) {
      sample.name = argv[++i];
    } else if (strcmp(argv[i], "--needed") == 0 && more) {
      sample.needed = strtoull(argv[++i], nullptr, 10);
    } else if (strcmp(argv[i], "--member") == 0) {
      sample.member = true;
    } else if (strcmp(argv[i], "--lazy") == 0) {
      sample.lazy = true;
    } else if (strcmp(argv[i], "--raw") == 0) {
      sample.raw = true;
    } else if (strcmp(argv[i], "--fingerprints") == 0) {
      sample.fingerprints = true;
    } else if (strcmp(argv[i], "--sidecar") == 0) {
      arguments->sidecar = true;
    } else {
      arguments->path = argv[i];
    }
  }
  return arguments->path != nullptr;
}

// A binding of the same targets in a build whose modules lie elsewhere.
format::Result<void> write_sidecar(const std::string& path) {
  const auto reader = format::Reader::open(path);
  if (!reader) return tl::unexpected(reader.error());
  auto model = reader->model();
  if (!model) return tl::unexpected(model.error());
  model->modules = {{std::vector<uint8_t>(20, 0xcd), "app-2"}};
  for (wire::BindingEntry& entry : model->entries) entry.offset += 0x1000;
  const format::ContentId id = reader->content_id();
  return format::write_sidecar(id, model->modules, model->entries,
                               format::sidecar_path(path, id, model->modules[0].build_id));
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, &arguments)) {
    fputs(
        "usage: make_sample [--name NAME] [--cells N] [--array BYTES] [--targets N] [--needed N] [--member] [--lazy] "
        "[--raw] [--fingerprints] [--sidecar] "
        "OUT.snap\n",
        stderr);
    return 2;
  }
  auto written = format::write(test::sample(arguments.sample), arguments.path);
  if (written && arguments.sidecar) written = write_sidecar(arguments.path);
  if (written) return 0;
  fprintf(stderr, "make_sample: error: %s\n", written.error().describe().c_str());
  return 1;
}
