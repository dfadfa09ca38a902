// Standard output, gathered in memory and written in large pieces. A reader that went away (`| head`) is no error.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

namespace fastboot::tools {

class Output {
 public:
  explicit Output(int descriptor = 1) : descriptor_(descriptor) {}
  // Text that is to go elsewhere: flush() appends it to *text, which must outlive this.
  explicit Output(std::string* text) : descriptor_(-1), text_(text) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { flush(); }

  template <class... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) {
    vprint(format, fmt::make_format_args(args...));
  }
  void write(std::string_view text) {
    buffer_.append(text);
    if (buffer_.size() > kFlushAt) flush();
  }

  // Writes what was gathered. False after an error other than a closed pipe; error() then tells errno.
  bool flush();
  int error() const { return error_; }
  bool terminal() const;

 private:
  void vprint(fmt::string_view format, fmt::format_args arguments);

  static constexpr size_t kFlushAt = 1 << 16;
  int descriptor_;
  std::string* text_ = nullptr;
  std::string buffer_;
  bool closed_ = false;
  int error_ = 0;
};

// Makes writing to a closed pipe an error code instead of a signal. guarded() calls it (command_line.h).
void ignore_closed_pipes();

// May this descriptor get colour? Only a terminal, and not under NO_COLOR or TERM=dumb.
bool wants_colour(int descriptor);

// "91.4 MiB", "512 bytes".
std::string human_size(uint64_t bytes);
// "3,204,118".
std::string grouped(uint64_t number);
// Text from a file, safe to send to a terminal: control characters become \xNN.
std::string printable(std::string_view text);

}  // namespace fastboot::tools
