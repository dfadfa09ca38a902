// What --retag cannot do.
#include <doctest/doctest.h>

#include "reloc/retag.h"
#include "unit/sample.h"

using namespace fastboot;

TEST_CASE("constructors of an image that points into others are not renumbered") {
  const std::map<uint32_t, uint32_t> tags = {{0, 4}};
  format::Model alone = test::sample();
  CHECK(reloc::retag(&alone, tags));
  format::Model model = test::sample({.needed = 1});
  const auto done = reloc::retag(&model, tags);
  REQUIRE(!done);
  CHECK(done.error().code == wire::Code::target_mismatch);
  CHECK(done.error().message.find("points into other0.snap") != std::string::npos);
}
