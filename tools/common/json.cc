#include "common/json.h"

#include <fmt/format.h>

namespace fastboot::tools {
namespace {

// Length of the valid UTF-8 sequence at the start of `text`; 0: none.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // overlong forms, surrogates, and what lies above U+10FFFF
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) || (first == 0xf0 && byte(1) < 0x90) ||
      (first == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return length;
}

}  // namespace

void Json::quoted(std::string_view value) {
  std::string out = "\"";
  while (!value.empty()) {
    const size_t length = utf8_length(value);
    const auto c = static_cast<unsigned char>(value[0]);
    if (length == 0) {
      out += "\\ufffd";
      value.remove_prefix(1);
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
      out += value[0];
    } else if (c < 0x20 || c == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
    } else {
      out.append(value.substr(0, length));
    }
    value.remove_prefix(length);
  }
  out += '"';
  out_.write(out);
}

void Json::new_line() {
  out_.write("\n");
  out_.write(std::string(nonempty_.size() * 2, ' '));
}

void Json::before_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (nonempty_.empty()) return;
  if (nonempty_.back()) out_.write(",");
  nonempty_.back() = true;
  new_line();
}

void Json::open(char bracket) {
  before_value();
  out_.write({&bracket, 1});
  nonempty_.push_back(false);
}

void Json::close(char bracket) {
  const bool nonempty = nonempty_.back();
  nonempty_.pop_back();
  if (nonempty) new_line();
  out_.write({&bracket, 1});
  if (nonempty_.empty()) out_.write("\n");
}

void Json::key(std::string_view name) {
  before_value();
  quoted(name);
  out_.write(": ");
  after_key_ = true;
}

void Json::text(std::string_view value) {
  before_value();
  quoted(value);
}
void Json::number(uint64_t value) {
  before_value();
  out_.print("{}", value);
}
void Json::number(int64_t value) {
  before_value();
  out_.print("{}", value);
}
void Json::boolean(bool value) {
  before_value();
  out_.write(value ? "true" : "false");
}
void Json::null() {
  before_value();
  out_.write("null");
}

}  // namespace fastboot::tools
