// Taking snapshots apart and writing them again.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "format/heap.h"
#include "format/reader.h"
#include "format/writer.h"
#include "unit/sample.h"

using namespace fastboot;
using format::Reader;
using test::SampleOptions;
using test::TemporaryDirectory;

namespace {

const SampleOptions kSamples[] = {
    {},
    {.cells = 0},
    {.cells = 50000},
    {.cells = 100000, .lazy = true, .raw = true},
    {.large_array_bytes = 5'000'000},
    {.large_array_bytes = 1'000'000, .lazy = true},
    {.more_targets = 3000},
    {.cells = 40000, .lazy = true, .more_targets = 20000},
    {.needed = 1},
    {.cells = 50000, .lazy = true, .needed = 3, .member = true},
    {.member = true},
};

std::string problem(const std::vector<format::Error>& problems) {
  return problems.empty() ? "" : problems.front().describe();
}

}  // namespace

TEST_CASE("a written sample is sound") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("a.snap");
  for (const SampleOptions& options : kSamples) {
    REQUIRE(format::write(test::sample(options), path));
    const auto reader = Reader::open(path);
    REQUIRE(reader);
    CHECK(problem(format::validate(*reader)) == "");
    std::vector<format::Error> damage;
    const auto census = format::take_census(*reader, &damage);
    REQUIRE(census);
    CHECK(problem(damage) == "");
    CHECK(census->all.closures == reader->view().header->closures);
    const uint64_t segments = reader->view().data.size + reader->view().lazy.size;
    CHECK(census->all.bytes + census->descriptor_bytes + census->unused_bytes <= segments);
  }
}

TEST_CASE("an unchanged model makes a byte-identical file") {
  const TemporaryDirectory directory;
  for (const SampleOptions& options : kSamples) {
    REQUIRE(format::write(test::sample(options), directory.path("a.snap")));
    const auto reader = Reader::open(directory.path("a.snap"));
    REQUIRE(reader);
    const auto model = reader->model();
    REQUIRE(model);
    REQUIRE(format::write(*model, directory.path("b.snap")));
    CHECK(test::read_file(directory.path("a.snap")) == test::read_file(directory.path("b.snap")));
  }
}

TEST_CASE("a model of a later version is not written") {
  const TemporaryDirectory directory;
  format::Model model = test::sample({});
  model.format_minor = wire::kFormatMinor + 1;
  CHECK(format::check_version(model, "a.snap").error().describe().starts_with("a.snap: is of format 1.1, and "));
  CHECK(format::write(model, directory.path("a.snap")).error().code == wire::Code::newer_format);
  CHECK(!std::filesystem::exists(directory.path("a.snap")));
}

TEST_CASE("symbols and fingerprints can be added, also in place") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("a.snap");
  REQUIRE(format::write(test::sample({.lazy = true}), path));
  const auto before = Reader::open(path);
  REQUIRE(before);
  auto model = before->model();
  REQUIRE(model);
  model->targets[6].symbol = "Main_go_info";
  model->targets[6].record.flags |= wire::kTargetHasFingerprint;
  model->targets[6].record.fingerprint[0] = 0x77;
  REQUIRE(format::write(*model, path));
  CHECK(directory.entries() == 1);
  const auto after = Reader::open(path);
  REQUIRE(after);
  CHECK(problem(format::validate(*after)) == "");
  CHECK(*after->target_name(6) == "Main_go_info");
  CHECK(after->view().targets[6].fingerprint[0] == 0x77);
  CHECK(after->view().data.address == before->view().data.address);
  CHECK(after->content_id() != before->content_id());
  struct stat status = {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0444);
}

TEST_CASE("metadata that outgrows its place moves the image, and every word follows") {
  const TemporaryDirectory directory;
  const SampleOptions small = {
      .cells = 30000, .large_array_bytes = 2'000'000, .lazy = true, .raw = true, .needed = 2, .member = true};
  REQUIRE(format::write(test::sample(small), directory.path("a.snap")));
  const auto before = Reader::open(directory.path("a.snap"));
  REQUIRE(before);
  auto model = before->model();
  REQUIRE(model);
  for (const size_t length : {size_t{300'000}, size_t{3'000'000}}) {
    model->targets[6].symbol = std::string(length, 'x');
    REQUIRE(format::write(*model, directory.path("b.snap")));
    const auto after = Reader::open(directory.path("b.snap"));
    REQUIRE(after);
    CHECK(problem(format::validate(*after)) == "");
    CHECK(after->info_range().begin != before->info_range().begin);
    CHECK(after->view().members[0].new_data_address == after->view().data.address);
    CHECK(after->view().members[0].data_address == before->view().members[0].data_address);
    std::vector<format::Error> damage;
    const auto census = format::take_census(*after, &damage);
    REQUIRE(census);
    CHECK(problem(damage) == "");
    CHECK(census->all.closures == after->view().header->closures);
    // and back to where it was
    auto again = after->model();
    REQUIRE(again);
    again->targets[6].symbol = *before->target_name(6);
    REQUIRE(format::write(*again, directory.path("c.snap")));
    CHECK(test::read_file(directory.path("a.snap")) == test::read_file(directory.path("c.snap")));
  }
}

TEST_CASE("damaged data is not given fresh hashes") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("a.snap");
  REQUIRE(format::write(test::sample(), path));
  auto bytes = test::read_file(path);
  uint64_t at = 0;
  {
    const auto reader = Reader::open(path);
    REQUIRE(reader);
    at = reader->view().data.offset + 0x4010;
  }
  bytes[at] ^= 1;
  test::write_file(path, bytes);
  const auto reader = Reader::open(path);
  REQUIRE(reader);  // opening does not read data
  REQUIRE(!format::validate(*reader).empty());
  CHECK(format::validate(*reader).front().code == wire::Code::hash_mismatch);
  const auto model = reader->model();
  REQUIRE(model);
  const auto written = format::write(*model, directory.path("b.snap"));
  REQUIRE(!written);
  CHECK(written.error().code == wire::Code::hash_mismatch);
  CHECK(directory.entries() == 1);
}

TEST_CASE("what cannot be written leaves nothing behind") {
  const TemporaryDirectory directory;
  const auto model = test::sample();
  CHECK(format::write(model, directory.path("no/such/a.snap")).error().code == wire::Code::write_failed);
  REQUIRE(mkdir(directory.path("taken").c_str(), 0755) == 0);
  CHECK(format::write(model, directory.path("taken")).error().code == wire::Code::write_failed);
  CHECK(format::write(model, directory.path("")).error().code == wire::Code::bad_argument);
  auto bad = model;
  bad.roots[0].name = "a b";
  CHECK(format::write(bad, directory.path("a.snap")).error().code == wire::Code::bad_argument);
  bad = model;
  bad.entries.pop_back();
  CHECK(format::write(bad, directory.path("a.snap")).error().code == wire::Code::bad_argument);
  bad = model;
  bad.modules[0].build_id.resize(33);
  CHECK(format::write(bad, directory.path("a.snap")).error().code == wire::Code::bad_argument);
  CHECK(directory.entries() == 1);
}
