#include "format/rebase.h"

#include <algorithm>
#include <bit>

namespace fastboot::format {

namespace {
constexpr uint64_t kBufferWords = 8192;
constexpr uint64_t kBitmapSpan = 63 * 8;  // bytes of image that one bitmap stands for
}  // namespace

Result<bool> RebaseCursor::load() {
  if (at_ == buffered_) {
    const uint64_t left = (stream_.size() - position_) / 8;
    if (left == 0) return false;
    buffered_ = std::min(left, kBufferWords);
    buffer_.resize(kBufferWords);
    auto read = stream_.read(position_, {reinterpret_cast<uint8_t*>(buffer_.data()), buffered_ * 8});
    if (!read) {
      buffered_ = at_ = 0;
      return tl::unexpected(read.error());
    }
    position_ += buffered_ * 8;
    at_ = 0;
  }
  const uint64_t word = buffer_[at_++];
  if ((word & 1) == 0) {
    bits_ = 1;
    bit_base_ = word;
    base_ = word + 8;
    have_base_ = true;
    return true;
  }
  if (!have_base_) {
    return fail(wire::Code::corrupt, "the stream starts with a bitmap, and must start with an address", {}, section_,
                stream_.file_offset());
  }
  bits_ = word >> 1;
  bit_base_ = base_;
  base_ += kBitmapSpan;
  return true;
}

Result<std::optional<ImageAddress>> RebaseCursor::checked(ImageAddress address) {
  const auto refuse = [&](std::string_view what) {
    return fail(wire::Code::corrupt, fmt::format("address {} {}; freeze it again", to_string(address), what), {},
                section_, stream_.file_offset() + (position_ - (buffered_ - at_ + 1) * 8));
  };
  if (address.value() % 8 != 0) return refuse("is not a multiple of 8");
  if (address <= last_) return refuse(fmt::format("is not after {}, which stands before it", to_string(last_)));
  if (!lazy_.holds(address, 8) && !data_.holds(address, 8))
    return refuse("is outside the image's lazy and data segments");
  last_ = address;
  return std::optional(address);
}

Result<std::optional<ImageAddress>> RebaseCursor::next() {
  while (bits_ == 0) {
    const Result<bool> loaded = load();
    if (!loaded) return tl::unexpected(loaded.error());
    if (!*loaded) return std::optional<ImageAddress>();
  }
  const auto skipped = static_cast<uint64_t>(std::countr_zero(bits_));
  bits_ &= bits_ - 1;
  return checked(ImageAddress(bit_base_ + skipped * 8));
}

Result<bool> RebaseCursor::next_before(ImageAddress end, ImageAddress* out) {
  if (!is_waiting_) {
    const auto address = next();
    if (!address) return tl::unexpected(address.error());
    if (!*address) return false;
    waiting_ = **address;
    is_waiting_ = true;
  }
  if (waiting_ >= end) return false;
  *out = waiting_;
  is_waiting_ = false;
  return true;
}

void RebaseEncoder::flush() {
  if (bitmap_ != 0) words_.push_back(bitmap_ << 1 | 1);
  bitmap_ = 0;
}

void RebaseEncoder::add(ImageAddress address) {
  const uint64_t value = address.value();
  if (base_ != 0 && value - base_ < kBitmapSpan) {
    bitmap_ |= uint64_t{1} << ((value - base_) / 8);
    return;
  }
  const bool open = bitmap_ != 0;
  flush();
  if (base_ != 0 && open && value - base_ < 2 * kBitmapSpan) {  // the next bitmap goes on without a gap
    base_ += kBitmapSpan;
    bitmap_ = uint64_t{1} << ((value - base_) / 8);
    return;
  }
  words_.push_back(value);
  base_ = value + 8;
}

std::vector<uint64_t> RebaseEncoder::finish() {
  flush();
  return std::move(words_);
}

}  // namespace fastboot::format
