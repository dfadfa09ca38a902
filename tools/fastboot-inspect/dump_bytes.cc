#include "fastboot-inspect/dump_bytes.h"

#include <algorithm>
#include <string>
#include <vector>

namespace fastboot::inspect {

namespace {
constexpr uint64_t kBlock = 65536;
constexpr size_t kLongest = 65536;

bool is_text(uint8_t byte) { return byte >= 0x20 && byte != 0x7f; }
}  // namespace

format::Result<void> each_block(const Piece& piece,
                                const std::function<void(uint64_t, std::span<const uint8_t>)>& take) {
  std::vector<uint8_t> bytes;
  for (uint64_t at = 0; at < piece.bytes.size(); at += kBlock) {
    bytes.resize(std::min(kBlock, piece.bytes.size() - at));
    if (auto read = piece.bytes.read(at, bytes); !read) return read;
    take(at, bytes);
  }
  return {};
}

format::Result<void> each_string(const Piece& piece, const std::function<void(uint64_t, std::string_view)>& take) {
  std::string text;
  uint64_t begin = 0;
  const auto flush = [&] {
    if (!text.empty()) take(begin, text);
    text.clear();
  };
  auto read = each_block(piece, [&](uint64_t at, std::span<const uint8_t> block) {
    for (size_t i = 0; i < block.size(); ++i) {
      if (!is_text(block[i]) || text.size() == kLongest) flush();
      if (!is_text(block[i])) continue;
      if (text.empty()) begin = at + i;
      text += static_cast<char>(block[i]);
    }
  });
  flush();
  return read;
}

}  // namespace fastboot::inspect
