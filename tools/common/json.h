// A small JSON writer. Documents are indented, keys stay in the order in which they were written, and text that is not
// UTF-8 gets U+FFFD in place of each wrong byte, so that any reader takes the document.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/output.h"

namespace fastboot::tools {

class Json {
 public:
  explicit Json(Output* out) : out_(*out) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  void key(std::string_view name);

  void text(std::string_view value);
  void number(uint64_t value);
  void number(int64_t value);
  void boolean(bool value);
  void null();
  // Addresses and offsets are strings, for JSON numbers lose bits above 2^53.
  void address(uint64_t value) { text(fmt::format("{:#x}", value)); }

  // key and value
  void text(std::string_view name, std::string_view value) { key(name), text(value); }
  void number(std::string_view name, uint64_t value) { key(name), number(value); }
  void boolean(std::string_view name, bool value) { key(name), boolean(value); }
  void address(std::string_view name, uint64_t value) { key(name), address(value); }

 private:
  void before_value();
  void open(char bracket);
  void close(char bracket);
  void new_line();
  void quoted(std::string_view value);

  Output& out_;
  std::vector<bool> nonempty_;  // for each open bracket
  bool after_key_ = false;
};

}  // namespace fastboot::tools
