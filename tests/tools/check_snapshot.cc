// check_snapshot FILE...: the full check of snapshots that the runtime made: hashes, rebase stream, sections; every
// closure accounted for; taken apart and written again, the same bytes. Prints what is wrong; exit code 1 then.
#include <cstdio>

#include "format/heap.h"
#include "format/reader.h"
#include "format/writer.h"
#include "unit/sample.h"

namespace {

using namespace fastboot;

int complain(const format::Error& error) {
  fprintf(stderr, "check_snapshot: error: %s\n", error.describe().c_str());
  return 1;
}

int check(const char* path) {
  const auto reader = format::Reader::open(path);
  if (!reader) return complain(reader.error());
  auto problems = format::validate(*reader);
  const auto census = format::take_census(*reader, &problems);
  if (!census) return complain(census.error());
  for (const format::Error& problem : problems) complain(problem);
  if (!problems.empty()) return 1;
  const uint64_t promised = reader->view().header->closures;
  if (census->all.closures != promised || census->lazy_closures != reader->view().header->lazy_closures) {
    fprintf(stderr, "check_snapshot: error: %s: %lu closures, %lu lazy; the header says %lu and %lu\n", path,
            census->all.closures, census->lazy_closures, promised, reader->view().header->lazy_closures);
    return 1;
  }
  const auto model = reader->model();
  if (!model) return complain(model.error());
  const test::TemporaryDirectory directory;
  const std::string copy = directory.path("copy.snap");
  if (const auto written = format::write(*model, copy); !written) return complain(written.error());
  if (test::read_file(path) == test::read_file(copy)) return 0;
  fprintf(stderr, "check_snapshot: error: %s: written again, the file differs\n", path);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  int failed = 0;
  for (int i = 1; i < argc; ++i) failed |= check(argv[i]);
  return failed;
}
