// The rebase stream: coding, and what a reader refuses in it.
#include <doctest/doctest.h>

#include <cstring>
#include <random>

#include "format/rebase.h"

using namespace fastboot;
using format::ByteSource;
using format::ImageAddress;
using format::RebaseCursor;

namespace {

constexpr uint64_t kBase = 0x12300200000;

format::ImageRange range(uint64_t size) { return {ImageAddress(kBase), ImageAddress(kBase + size)}; }

ByteSource source(const std::vector<uint64_t>& words) {
  std::vector<uint8_t> bytes(words.size() * 8);
  if (!bytes.empty()) memcpy(bytes.data(), words.data(), bytes.size());
  return ByteSource(std::move(bytes));
}

// The addresses of a stream, or the code of its error.
struct Decoded {
  std::vector<uint64_t> addresses;
  wire::Code code = wire::Code::ok;
};

Decoded decode(const std::vector<uint64_t>& words, uint64_t size) {
  Decoded decoded;
  RebaseCursor cursor(source(words), {}, range(size));
  while (true) {
    const auto next = cursor.next();
    if (!next) decoded.code = next.error().code;
    if (!next || !*next) return decoded;
    decoded.addresses.push_back((*next)->value());
  }
}

}  // namespace

TEST_CASE("rebase streams come back as they were") {
  std::mt19937_64 random(7);
  for (const uint64_t sparsity : {1u, 2u, 10u, 63u, 64u, 500u}) {
    std::vector<uint64_t> addresses;
    for (uint64_t at = kBase; at < kBase + 0x80000; at += 8) {
      if (random() % sparsity == 0) addresses.push_back(at);
    }
    format::RebaseEncoder encoder;
    for (const uint64_t address : addresses) encoder.add(ImageAddress(address));
    const auto words = encoder.finish();
    const Decoded decoded = decode(words, 0x80000);
    CHECK(decoded.code == wire::Code::ok);
    CHECK(decoded.addresses == addresses);
    if (sparsity == 1) CHECK(words.size() == 1 + (addresses.size() - 1 + 62) / 63);
  }
}

TEST_CASE("bad rebase streams are refused") {
  CHECK(decode({}, 64).code == wire::Code::ok);
  CHECK(decode({3}, 64).code == wire::Code::corrupt);                             // a bitmap first
  CHECK(decode({kBase + 4}, 64).code == wire::Code::corrupt);                     // unaligned
  CHECK(decode({kBase - 8}, 64).code == wire::Code::corrupt);                     // outside
  CHECK(decode({kBase + 64}, 64).code == wire::Code::corrupt);                    // its word ends outside
  CHECK(decode({kBase + 8, kBase + 8}, 64).code == wire::Code::corrupt);          // twice
  CHECK(decode({kBase + 8, kBase}, 64).code == wire::Code::corrupt);              // descending
  CHECK(decode({kBase, uint64_t{1} << 63 | 1}, 64).code == wire::Code::corrupt);  // a bitmap runs out
  CHECK(decode({~uint64_t{7}, 3, 3}, 64).code == wire::Code::corrupt);            // wraps around
}

TEST_CASE("pieces get the addresses that lie in them") {
  format::RebaseEncoder encoder;
  for (const uint64_t at : {0u, 8u, 64u, 72u, 120u}) encoder.add(ImageAddress(kBase + at));
  RebaseCursor cursor(source(encoder.finish()), {}, range(128));
  std::vector<uint64_t> counts;
  for (uint64_t end = 16; end <= 128; end += 16) {
    uint64_t count = 0;
    ImageAddress at;
    while (*cursor.next_before(ImageAddress(kBase + end), &at)) ++count;
    counts.push_back(count);
  }
  CHECK(counts == std::vector<uint64_t>{2, 0, 0, 0, 2, 0, 0, 1});
}
