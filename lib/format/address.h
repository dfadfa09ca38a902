// The three kinds of places that the tools talk about, as three types. Mixing them up does not compile.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include <fmt/core.h>

namespace fastboot::format {

// A number of bytes from some origin; the origin is the tag. Differences of two places of one kind are plain sizes.
template <class Tag>
class Place {
 public:
  constexpr Place() = default;
  explicit constexpr Place(uint64_t value) : value_(value) {}
  constexpr uint64_t value() const { return value_; }
  constexpr auto operator<=>(const Place&) const = default;
  constexpr Place operator+(uint64_t bytes) const { return Place(value_ + bytes); }
  constexpr uint64_t operator-(Place other) const { return value_ - other.value_; }

 private:
  uint64_t value_ = 0;
};

using FileOffset = Place<struct FileOffsetTag>;          // from the start of the snapshot file
using ImageAddress = Place<struct ImageAddressTag>;      // as linked: the address at which the snapshot wants to lie
using ProcessAddress = Place<struct ProcessAddressTag>;  // in a running process

template <class Tag>
std::string to_string(Place<Tag> place) {
  return fmt::format("{:#x}", place.value());
}

}  // namespace fastboot::format
