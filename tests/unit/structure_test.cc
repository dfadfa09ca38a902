#include <doctest/doctest.h>

#include "format/closure_index.h"
#include "format/structure.h"
#include "format/writer.h"
#include "unit/graph_sample.h"
#include "unit/mutations.h"
#include "unit/sample.h"

using namespace fastboot;
using namespace fastboot::test;
using format::check_structure;
using format::ImageAddress;
using format::Model;
using format::Reader;

namespace {

std::vector<format::Error> check(const Model& model, format::StructureCounts* counts = nullptr) {
  const TemporaryDirectory directory;
  REQUIRE(format::write(model, directory.path("x.snap")));
  const auto reader = Reader::open(directory.path("x.snap"));
  REQUIRE(reader);
  return check_structure(*reader, 20, counts);
}

bool says(const std::vector<format::Error>& problems, std::string_view text) {
  return std::any_of(problems.begin(), problems.end(),
                     [&](const format::Error& error) { return error.message.find(text) != std::string::npos; });
}

}  // namespace

TEST_CASE("structure: sound images") {
  format::StructureCounts counts;
  CHECK(check(sample({.cells = 100}), &counts).empty());
  CHECK(counts.closures == 202);
  CHECK(counts.pointers == 200);
  CHECK(check(sample({.cells = 100000, .lazy = true})).empty());
  CHECK(check(sample({.cells = 3, .large_array_bytes = 5u << 20, .lazy = true})).empty());
  CHECK(check(sample({.cells = 3, .raw = true}), &counts).empty());
  CHECK(counts.raw == 1);
}

TEST_CASE("structure: what the metadata says") {
  Model model = sample({.cells = 10});
  SUBCASE("closures") {
    ++model.closures;
    CHECK(says(check(model), "the header says 23"));
  }
  SUBCASE("uses of a target") {
    ++model.targets[0].record.uses;
    CHECK(says(check(model), "target 0 has 10 closures, and its record says 11"));
  }
  SUBCASE("a root's tag") {
    model.roots[0].tag = 1;
    CHECK(says(check(model), "root 0 has the tag 1; expected 2"));
  }
  SUBCASE("a root's size") {
    model.roots[0].size = 16;
    CHECK(says(check(model), "root 0 has 16 bytes, and its closure 24"));
  }
  SUBCASE("a root's address") {
    model.roots[0].address = model.roots[0].address + 8;
    CHECK(says(check(model), "is not where a closure starts"));
  }
  SUBCASE("a target's type") {
    model.targets[0].record.closure_type = format::ghc::kArrWords;
    CHECK(says(check(model), "target 0: closure type 42; expected a constructor's"));
  }
  SUBCASE("a constructor's tag") {
    model.targets[0].record.con_tag = 4;
    CHECK(says(check(model), "has the tag 2; expected 5"));
  }
}

TEST_CASE("structure: relocations to the program") {
  Model model = sample({.cells = 10, .raw = true});
  const ImageAddress good = model.raws[0].address;
  SUBCASE("on a pointer") { model.raws[0].address = model.roots[0].address + 8; }
  SUBCASE("on a header") { model.raws[0].address = model.roots[0].address; }
  SUBCASE("on a block descriptor") { model.raws[0].address = model.data_address + 0x100; }
  SUBCASE("behind the last closure") { model.raws[0].address = model.data_address + (model.data.size() - 8); }
  REQUIRE(model.raws[0].address != good);
  CHECK(says(check(model), "R_X86_64_64 relocation"));
}

TEST_CASE("structure: every bit that is flipped is found") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("x.snap");
  SUBCASE("a list, a byte array and a lazy closure") {
    REQUIRE(format::write(sample({.cells = 20, .lazy = true}), path));
  }
  SUBCASE("arrays of pointers") { write_graph(random_graph(60, 5, 3), path); }
  const auto result = mutate(path, 1);
  uint64_t made = 0;
  for (const auto& each : result) {
    CAPTURE(each.first);
    const auto& counts = each.second;
    for (const std::string& missed : counts.missed) FAIL_CHECK("not found: " << missed);
    made += counts.made;
  }
  CHECK(made > 4000);
}

TEST_CASE("structure: a file that is cut or full of noise ends with problems, not with a crash") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("x.snap");
  std::vector<uint8_t> bytes = sample_file({.cells = 500, .lazy = true});
  for (uint64_t i = 0; i < 300; ++i) {
    std::vector<uint8_t> noisy = bytes;
    for (uint64_t at = 8192 + i * 8; at + 8 < noisy.size(); at += 4096 + i)
      noisy[at + i % 8] ^= static_cast<uint8_t>(1 + i % 255);
    write_file(path, noisy);
    const auto reader = Reader::open(path, format::Mode::lenient);
    if (reader) CHECK_FALSE(check_structure(*reader).empty());
  }
}
