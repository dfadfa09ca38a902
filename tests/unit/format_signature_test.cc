// Signing, verifying, and what becomes of a signature when a file is written again.
#include "format/signature.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>

#include "format/reader.h"
#include "format/writer.h"
#include "unit/sample.h"

using namespace fastboot;
using format::Reader;
using test::SampleOptions;
using test::TemporaryDirectory;

namespace {

struct Keys {
  explicit Keys(const std::string& name)
      : made(format::make_keys(name)), secret(format::SecretKey::read(name + ".key")) {
    const auto key = format::read_public_key(name + ".pub");
    if (key) shown = *key;
  }
  format::Result<void> made;
  format::Result<format::SecretKey> secret;
  format::PublicKey shown = {};
};

wire::Code verdict(const std::string& path, const format::PublicKey& key) {
  const auto reader = Reader::open(path);
  if (!reader) return reader.error().code;
  const auto result = format::verify(*reader, key);
  return result ? wire::Code::ok : result.error().code;
}

}  // namespace

TEST_CASE("what is signed is verified, and kept when the file is written again") {
  const TemporaryDirectory directory;
  const Keys keys(directory.path("mine"));
  const Keys others(directory.path("theirs"));
  REQUIRE(keys.made);
  REQUIRE(keys.secret);
  CHECK(keys.secret->public_key() == keys.shown);
  const SampleOptions samples[] = {{},
                                   {.cells = 100000, .lazy = true, .raw = true},
                                   {.cells = 40000, .lazy = true, .more_targets = 20000},
                                   {.cells = 5000, .lazy = true, .needed = 2, .member = true}};
  for (const SampleOptions& options : samples) {
    const std::string path = directory.path("a.snap");
    const std::string copy = directory.path("b.snap");
    REQUIRE(format::write(test::sample(options), path, &*keys.secret));
    const auto reader = Reader::open(path);
    REQUIRE(reader);
    CHECK(format::validate(*reader).empty());
    CHECK(format::verify(*reader, keys.shown).value_or(false));
    CHECK(verdict(path, others.shown) == wire::Code::other_key);
    auto model = reader->model();
    REQUIRE(model);
    REQUIRE(format::write(*model, copy));
    CHECK(test::read_file(path) == test::read_file(copy));
    // Another binding: the image's signature holds, and the binding's is nobody's.
    std::fill(std::begin(model->signature->binding), std::end(model->signature->binding), uint8_t{0});
    model->modules.front().path += "/elsewhere";
    REQUIRE(format::write(*model, copy));
    const auto again = Reader::open(copy);
    REQUIRE(again);
    const auto result = format::verify(*again, keys.shown);
    REQUIRE(result);
    CHECK(!*result);
    // Another image.
    model->closures += 1;
    REQUIRE(format::write(*model, copy));
    CHECK(verdict(copy, keys.shown) == wire::Code::not_signed);
  }
}

TEST_CASE("a binding that is not the signed one is told from one that nobody signed") {
  const TemporaryDirectory directory;
  const Keys keys(directory.path("mine"));
  const std::string path = directory.path("a.snap");
  REQUIRE(format::write(test::sample(), path, &*keys.secret));
  auto model = Reader::open(path)->model();
  REQUIRE(model);
  model->entries.front().offset += 8;
  REQUIRE(format::write(*model, path));
  CHECK(verdict(path, keys.shown) == wire::Code::bad_signature);
}

TEST_CASE("keys are not overwritten, and not taken from files that others can read") {
  const TemporaryDirectory directory;
  const Keys keys(directory.path("mine"));
  const auto again = format::make_keys(directory.path("mine"));
  REQUIRE(!again);
  CHECK(again.error().code == wire::Code::key_exists);
  chmod(directory.path("mine.key").c_str(), 0640);
  const auto open = format::SecretKey::read(directory.path("mine.key"));
  REQUIRE(!open);
  CHECK(open.error().code == wire::Code::bad_key);
  const auto wrong = format::read_public_key(directory.path("mine.key"));
  REQUIRE(!wrong);
  CHECK(wrong.error().code == wire::Code::bad_key);
}
