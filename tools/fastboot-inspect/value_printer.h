// Writes closures as the Haskell values that they are.
//
//   [1, 2, 3]   "abc"   ('a', Just 2.5)   fromList [(1, "one")]   xs1@(1 : 2 : xs1)   <thunk Main.go>
//
// What is met more than once within what is shown gets a name where it is met first; so cycles end. Values are cut off
// below a depth and after a number of elements, with "..." in their place. Any image, however damaged, is safe: nothing
// is followed further than these limits.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "fastboot-inspect/closure_names.h"
#include "format/closure_index.h"

namespace fastboot::inspect {

class ValuePrinter {
 public:
  ValuePrinter(const format::Reader& reader, const format::TargetIndex& targets, uint32_t depth, uint32_t width);

  // The value of the closure at `address`. `name`: what the closure itself is called; empty: it has no name.
  std::string print(format::ImageAddress address, const std::string& name);
  // In a few words, without what it leads to: "Bin", "5", "\"abc\"", "thunk Main.go".
  std::string brief(format::ImageAddress address);
  // Was something left out?
  bool cut_off() const { return cut_off_; }

 private:
  enum Context { top, operand, argument };  // of what is written: an operator's operand, a function's argument
  struct Value;

  std::string value(uint64_t word, uint32_t depth, Context context);
  std::string inner(const Value& value, uint32_t depth, Context context);
  std::string constructor(const Value& value, uint32_t depth, Context context);
  bool leaf(const Value& value, Context context, std::string* out);
  bool boxed_number(const Value& value, Context context, std::string* out);
  std::string integer(const Value& value, bool negative, Context context);
  std::string text(const Value& value);
  std::string byte_string(const Value& value, uint64_t skip_field, uint64_t length_field);
  std::string list(const Value& value, uint32_t depth, Context context);
  std::string array(const Value& value, uint64_t first, uint32_t depth);
  std::string container(const Value& value, uint32_t depth, Context context);
  bool tree_elements(const Value& root, uint32_t depth, std::vector<std::string>* out);
  std::string elsewhere(uint64_t word) const;
  std::string cut();

  bool read(uint64_t word, Value* out);
  std::vector<uint8_t> bytes(uint64_t address, uint64_t size);
  // Notes that a closure is met. True: it has been met before, and its name stands for it.
  bool meet(uint64_t address, std::string* name, bool* first);

  const format::Reader& reader_;
  format::ClosureReader closures_;
  std::vector<ClosureName> names_;
  uint32_t depth_, width_;
  bool naming_ = false;  // the second pass: how often each closure is met is known
  uint64_t budget_ = 0;
  bool cut_off_ = false;
  std::unordered_map<uint64_t, uint32_t> visits_;
  std::unordered_map<uint64_t, std::string> given_;
  uint32_t next_name_ = 0;
};

// Text as a Haskell string literal, without the quotes. `code_points` are not checked to be any.
std::string haskell_literal(const std::vector<uint32_t>& code_points);

}  // namespace fastboot::inspect
