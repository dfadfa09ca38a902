#include "reloc/zdecode.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

namespace fastboot::reloc {
namespace {

constexpr std::string_view kLower = "a&b|c^d$e=g>h#i.l<m-n!p+q'r\\s/t*u_v%zz";  // pairs: code, meaning
constexpr std::string_view kUpper = "L(R)M[N]C:ZZ";

char meaning(std::string_view pairs, char code) {
  for (size_t i = 0; i < pairs.size(); i += 2) {
    if (pairs[i] == code) return pairs[i + 1];
  }
  return 0;
}

std::string utf8(uint32_t point) {
  std::string out;
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | point >> 6);
    out += static_cast<char>(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0 | point >> 12);
    out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (point & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | point >> 18);
    out += static_cast<char>(0x80 | (point >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (point & 0x3f));
  }
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// "z<hex>U", a character by number. `at` is behind the z; moves it behind the U.
bool decode_number(std::string_view text, size_t* at, std::string* out) {
  uint32_t point = 0;
  size_t i = *at;
  for (; i < text.size() && hex_digit(text[i]) >= 0 && point <= 0x10ffff; ++i) {
    point = point * 16 + static_cast<uint32_t>(hex_digit(text[i]));
  }
  if (i == text.size() || text[i] != 'U' || point > 0x10ffff) return false;
  *out += utf8(point);
  *at = i + 1;
  return true;
}

// "Z<n>T" and "Z<n>H": tuples, boxed and not.
bool decode_tuple(std::string_view text, size_t* at, std::string* out) {
  size_t n = 0;
  size_t i = *at;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9' && n < 1000; ++i)
    n = n * 10 + static_cast<size_t>(text[i] - '0');
  if (i == text.size() || (text[i] != 'T' && text[i] != 'H')) return false;
  const std::string commas(n == 0 ? 0 : n - 1, ',');
  *out += text[i] == 'T' ? "(" + commas + ")" : n <= 1 ? "(# #)" : "(#" + commas + "#)";
  *at = i + 1;
  return true;
}

// Decodes what follows a z or Z at `at` - 1.
bool decode_one(std::string_view text, bool upper, size_t* at, std::string* out) {
  if (*at >= text.size()) return false;
  const char code = text[*at];
  if (const char c = meaning(upper ? kUpper : kLower, code); c != 0) {
    *out += c;
    ++*at;
    return true;
  }
  if (code < '0' || code > '9') return false;
  return upper ? decode_tuple(text, at, out) : decode_number(text, at, out);
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find('_', start), text.size());
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

bool is_module(std::string_view part) { return !part.empty() && part[0] >= 'A' && part[0] <= 'Z'; }

}  // namespace

std::string zdecode(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at++];
    if (c != 'z' && c != 'Z') {
      out += c;
    } else if (!decode_one(text, c == 'Z', &at, &out)) {
      return std::string(text);
    }
  }
  return out;
}

std::string decode_symbol(std::string_view symbol) {
  static constexpr std::string_view kEndings[] = {"closure", "info", "slow", "fast", "entry", "bytes", "srt", "ret"};
  if (symbol.starts_with("stg_")) return std::string(symbol);  // the RTS's own, not encoded
  std::vector<std::string_view> parts = split(symbol);
  if (parts.size() < 3 || std::find(std::begin(kEndings), std::end(kEndings), parts.back()) == std::end(kEndings)) {
    return std::string(symbol);
  }
  parts.pop_back();
  if (parts.back() == "con" || parts.back() == "static") parts.pop_back();
  // unit_Module_name; the program's own modules have no unit
  if (parts.size() == 2 && is_module(parts[0])) parts.insert(parts.begin(), "main");
  if (parts.size() < 3 || !is_module(parts[1])) return std::string(symbol);
  std::string name = zdecode(parts[2]);
  for (size_t i = 3; i < parts.size(); ++i) name += "_" + zdecode(parts[i]);
  return fmt::format("{}:{}.{}", zdecode(parts[0]), zdecode(parts[1]), name);
}

}  // namespace fastboot::reloc
