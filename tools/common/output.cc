#include "common/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iterator>

namespace fastboot::tools {

void Output::vprint(fmt::string_view format, fmt::format_args arguments) {
  fmt::vformat_to(std::back_inserter(buffer_), format, arguments);
  if (buffer_.size() > kFlushAt) flush();
}

bool Output::flush() {
  if (text_ != nullptr) {
    text_->append(buffer_);
    buffer_.clear();
    return true;
  }
  size_t done = 0;
  while (done < buffer_.size() && !closed_ && error_ == 0) {
    const ssize_t put = ::write(descriptor_, buffer_.data() + done, buffer_.size() - done);
    if (put >= 0) {
      done += static_cast<size_t>(put);
    } else if (errno == EPIPE) {
      closed_ = true;
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  buffer_.clear();
  return error_ == 0;
}

bool Output::terminal() const { return isatty(descriptor_) != 0; }

void ignore_closed_pipes() { signal(SIGPIPE, SIG_IGN); }

bool wants_colour(int descriptor) {
  const char* no_colour = getenv("NO_COLOR");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  const char* terminal = getenv("TERM");
  if (terminal == nullptr || strcmp(terminal, "dumb") == 0) return false;
  return isatty(descriptor) != 0;
}

std::string human_size(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string grouped(uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace fastboot::tools
