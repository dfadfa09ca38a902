// --sizes and --lazy: which closures keep how many bytes, by dominators.
#pragma once

#include <string>
#include <vector>

#include "fastboot-inspect/analysis.h"
#include "fastboot-inspect/closure_names.h"
#include "format/dominators.h"

namespace fastboot::inspect {

struct SizeRow {
  ClosureName name;
  uint32_t target = 0;
  format::RetainedSizes::Share share;
};

struct RootSize {
  std::string name;
  std::string type;
  uint64_t retained = 0;  // bytes that this root alone leads to
};

class Sizes : public Analysis {
 public:
  // Rows by constructor and code, the largest first.
  static format::Result<Sizes> make(const format::Reader& reader, const format::RetainedSizes& retained, bool wide);
  void text(tools::Output* out) const override;
  void json(tools::Json* json) const override;

 private:
  uint64_t closures_ = 0, bytes_ = 0, unreachable_ = 0;
  uint64_t shared_ = 0;  // bytes that more than one root leads to
  std::vector<RootSize> roots_;
  std::vector<SizeRow> rows_;
  bool wide_ = false;
};

class LazySizes : public Analysis {
 public:
  static format::Result<LazySizes> make(const format::Reader& reader, const format::RetainedSizes& retained, bool wide);
  void text(tools::Output* out) const override;
  void json(tools::Json* json) const override;

 private:
  uint64_t bytes_ = 0;
  std::vector<SizeRow> rows_;
  bool wide_ = false;
};

// Without -W, names end where a terminal does.
std::string cut_name(const std::string& text, size_t width, bool wide);
// "12.3 %"
std::string percent(uint64_t part, uint64_t all);

}  // namespace fastboot::inspect
