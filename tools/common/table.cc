#include "common/table.h"

#include <algorithm>

namespace fastboot::tools {

size_t display_width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void Table::print(Output* out) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = display_width(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[i]));
    widths.push_back(width);
  }
  const auto line = [&](const auto& cell) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      const std::string& text = cell(i);
      const std::string fill(widths[i] - display_width(text), ' ');
      const bool last = i + 1 == columns_.size();
      out->write("  ");
      if (columns_[i].align == Align::right) out->write(fill);
      out->write(text);
      if (columns_[i].align == Align::left && !last) out->write(fill);
    }
    out->write("\n");
  };
  line([&](size_t i) -> const std::string& { return columns_[i].title; });
  for (const auto& row : rows_) line([&](size_t i) -> const std::string& { return row[i]; });
}

}  // namespace fastboot::tools
