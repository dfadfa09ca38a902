// Columns of text, each as wide as its widest cell.
#pragma once

#include <string>
#include <vector>

#include "common/output.h"

namespace fastboot::tools {

enum class Align { left, right };

class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // One cell for each column.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  void print(Output* out) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Columns that `text` takes on a terminal, near enough: its code points.
size_t display_width(std::string_view text);

}  // namespace fastboot::tools
