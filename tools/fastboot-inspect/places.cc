#include "fastboot-inspect/places.h"

#include <charconv>

#include "common/command_line.h"
#include "fastboot-inspect/names.h"

namespace fastboot::inspect {

using format::ImageAddress;

std::optional<ImageAddress> parse_address(const std::string& text) {
  if (!text.starts_with("0x") && !text.starts_with("0X")) return std::nullopt;
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + 2, end, value, 16);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return ImageAddress(value);
}

format::Result<ImageAddress> find_place(const format::Reader& reader, const std::string& text) {
  if (const auto address = parse_address(text)) return ImageAddress(address->value() & ~uint64_t{7});
  std::vector<std::string> names;
  for (uint64_t i = 0; i < reader.view().root_count; ++i) {
    const wire::Root& root = reader.view().roots[i];
    const std::string name = checked(reader.string(root.name));
    if (name == text) return ImageAddress(root.address);
    names.push_back(name);
  }
  constexpr size_t kMost = 10;
  std::string list;
  for (size_t i = 0; i < std::min(names.size(), kMost); ++i) list += (i == 0 ? "" : ", ") + tools::printable(names[i]);
  const auto near = tools::nearest(text, names);
  return format::fail(
      wire::Code::no_such_root,
      fmt::format("no root is called '{}'{}; the roots are {}{}; an address starts with 0x", tools::printable(text),
                  near ? fmt::format("; did you mean '{}'?", tools::printable(*near)) : "", list,
                  names.size() > kMost ? ", ..." : ""),
      reader.path());
}

std::optional<uint64_t> root_at(const format::Reader& reader, ImageAddress address) {
  for (uint64_t i = 0; i < reader.view().root_count; ++i) {
    if (reader.view().roots[i].address == address.value()) return i;
  }
  return std::nullopt;
}

}  // namespace fastboot::inspect
