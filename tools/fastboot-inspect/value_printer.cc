#include "fastboot-inspect/value_printer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "fastboot-inspect/names.h"

namespace fastboot::inspect {

namespace ghc = format::ghc;
using format::ImageAddress;
using wire::TargetKind;

namespace {

constexpr uint64_t kTagMask = 7;
constexpr uint64_t kMostValues = 20000;  // in all that is shown
constexpr uint64_t kMostWords = 64;      // of a closure that is read; arrays are read piece by piece
constexpr uint64_t kMostDigits = 2048;   // words of a number that is written in full

void append_utf8(uint32_t point, std::string* out) {
  const auto more = [&](int shift) { *out += static_cast<char>(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) {
    *out += static_cast<char>(point);
  } else if (point < 0x800) {
    *out += static_cast<char>(0xc0 | point >> 6);
    more(0);
  } else if (point < 0x10000) {
    *out += static_cast<char>(0xe0 | point >> 12);
    more(6), more(0);
  } else {
    *out += static_cast<char>(0xf0 | point >> 18);
    more(12), more(6), more(0);
  }
}

// One character of a literal between quotes `quote`; true when it ended in digits, which the next must not continue.
bool append_escaped(uint32_t point, char quote, std::string* out) {
  static constexpr std::string_view kEscapes = "\aa\bb\tt\nn\vv\ff\rr";
  if (point == static_cast<uint32_t>(quote) || point == '\\') {
    *out += '\\';
    *out += static_cast<char>(point);
    return false;
  }
  for (size_t i = 0; i < kEscapes.size(); i += 2) {
    if (point != static_cast<uint32_t>(kEscapes[i])) continue;
    *out += '\\';
    *out += kEscapes[i + 1];
    return false;
  }
  const bool control = point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0xd800 && point < 0xe000);
  if (control || point > 0x10ffff) {
    *out += fmt::format("\\{}", point);
    return true;
  }
  append_utf8(point, out);
  return false;
}

std::string double_text(double number, bool single) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
  std::string text = single ? fmt::format("{}", static_cast<float>(number)) : fmt::format("{}", number);
  const size_t e = text.find('e');
  std::string exponent;
  if (e != std::string::npos) {
    exponent = text.substr(e + 1);
    if (exponent[0] == '+') exponent.erase(0, 1);
    text.resize(e);
  }
  if (text.find('.') == std::string::npos) text += ".0";
  return exponent.empty() ? text : text + "e" + exponent;
}

// A natural number of little-endian words in decimal.
std::string decimal(std::vector<uint64_t> words) {
  constexpr uint64_t kBase = 1000000000000000000u;  // 10^18
  std::vector<uint64_t> groups;
  while (!words.empty()) {
    unsigned __int128 rest = 0;
    for (size_t i = words.size(); i-- > 0;) {
      rest = rest << 64 | words[i];
      words[i] = static_cast<uint64_t>(rest / kBase);
      rest %= kBase;
    }
    groups.push_back(static_cast<uint64_t>(rest));
    while (!words.empty() && words.back() == 0) words.pop_back();
  }
  if (groups.empty()) return "0";
  std::string text = fmt::format("{}", groups.back());
  for (size_t i = groups.size() - 1; i-- > 0;) text += fmt::format("{:018}", groups[i]);
  return text;
}

bool is_operator(const std::string& name) { return !name.empty() && name[0] == ':'; }

bool is_tuple(const std::string& name) {
  return name.size() >= 3 && name.front() == '(' && name.back() == ')' &&
         name.find_first_not_of(',', 1) == name.size() - 1;
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i != 0) out += between;
    out += parts[i];
  }
  return out;
}

std::string in_parentheses(const std::string& text, bool needed) { return needed ? "(" + text + ")" : text; }

}  // namespace

std::string haskell_literal(const std::vector<uint32_t>& code_points) {
  std::string out;
  bool digits = false;
  for (const uint32_t point : code_points) {
    if (digits && point >= '0' && point <= '9') out += "\\&";
    digits = append_escaped(point, '"', &out);
  }
  return out;
}

// A closure that was read, with its first words.
struct ValuePrinter::Value {
  format::FoundClosure found;
  const wire::Target* record = nullptr;
  const ClosureName* name = nullptr;
  std::vector<uint64_t> words;

  uint64_t address() const { return found.closure.address.value(); }
  uint64_t pointers() const { return found.fields.pointers.end - found.fields.pointers.begin; }
  bool is(TargetKind kind) const { return record->kind == static_cast<uint16_t>(kind); }
  // Info tables describe a constructor without fields like one with a number. It is there once, and its number is zero:
  // another constructor of one number that is there once, with zero, is taken for one, too.
  bool lacks_fields() const {
    const auto& values = found.fields.values;
    return is(TargetKind::constructor) && pointers() == 0 && values.end == values.begin + 1 && record->uses == 1 &&
           number(0) == 0;
  }
  // The n-th pointer and the n-th other word; 0 where there is none.
  uint64_t pointer(uint64_t n) const { return at(found.fields.pointers.begin + n, found.fields.pointers.end); }
  uint64_t number(uint64_t n) const { return at(found.fields.values.begin + n, found.fields.values.end); }
  uint64_t at(uint64_t word, uint64_t end) const { return word < end && word < words.size() ? words[word] : 0; }
};

ValuePrinter::ValuePrinter(const format::Reader& reader, const format::TargetIndex& targets, uint32_t depth,
                           uint32_t width)
    : reader_(reader), closures_(reader, targets), names_(closure_names(reader)), depth_(depth), width_(width) {}

std::string ValuePrinter::print(ImageAddress address, const std::string& name) {
  visits_.clear();
  given_.clear();
  next_name_ = 0;
  std::string out;
  for (const bool naming : {false, true}) {
    naming_ = naming;
    budget_ = kMostValues;
    cut_off_ = false;
    if (naming && !name.empty()) given_[address.value()] = name;
    if (naming) visits_[address.value()] = std::max(visits_[address.value()], name.empty() ? 1u : 2u);
    Value root;
    if (!read(address.value(), &root)) return "<no closure>";
    if (naming && !name.empty()) {
      out = inner(root, depth_, top);
    } else {
      out = value(address.value(), depth_, top);
    }
  }
  return out;
}

std::string ValuePrinter::brief(ImageAddress address) {
  Value value;
  if (!read(address.value(), &value)) return "?";
  std::string out;
  budget_ = 1000;
  if (value.is(TargetKind::constructor) && !value.found.closure.lazy) {
    return leaf(value, top, &out) ? out : value.name->name;
  }
  out = inner(value, 0, top);
  return out.size() > 2 && out.front() == '<' ? out.substr(1, out.size() - 2) : out;
}

bool ValuePrinter::read(uint64_t word, Value* out) {
  auto found = closures_.find(ImageAddress(word & ~kTagMask));
  if (!found) return false;
  out->found = *found;
  const format::Closure& closure = out->found.closure;
  out->record = &reader_.view().targets[closure.target];
  out->name = &names_[closure.target];
  out->words.resize(std::min(closure.words, kMostWords));
  if (!closures_.words().read(closure.address, out->words)) return false;
  if (out->lacks_fields()) out->found.fields.values.end = out->found.fields.values.begin;
  return true;
}

std::vector<uint8_t> ValuePrinter::bytes(uint64_t address, uint64_t size) {
  const uint64_t begin = address & ~kTagMask;
  std::vector<uint64_t> words((address - begin + size + 7) / 8);
  if (!closures_.words().read(ImageAddress(begin), words)) return {};
  std::vector<uint8_t> out(size);
  memcpy(out.data(), reinterpret_cast<const uint8_t*>(words.data()) + (address - begin), size);
  return out;
}

std::string ValuePrinter::cut() {
  cut_off_ = true;
  return "...";
}

bool ValuePrinter::meet(uint64_t address, std::string* name, bool* first) {
  *first = false;
  if (!naming_) return ++visits_[address] > 1;
  if (visits_[address] < 2) return false;
  const auto [given, is_new] = given_.try_emplace(address);
  if (is_new) given->second = fmt::format("x{}", ++next_name_);
  *name = given->second;
  *first = is_new;
  return !is_new;
}

std::string ValuePrinter::elsewhere(uint64_t word) const {
  const wire::View& view = reader_.view();
  for (uint64_t i = 0; i < view.needed_count; ++i) {
    const wire::Needed& needed = view.needed[i];
    if (word >= needed.slot_address && word - needed.slot_address < needed.size)
      return fmt::format("<{} {:#x}>", checked(reader_.string(needed.name)), word & ~kTagMask);
  }
  return fmt::format("<corrupt {:#x}>", word);
}

std::string ValuePrinter::value(uint64_t word, uint32_t depth, Context context) {
  Value value;
  if (budget_ == 0) return cut();
  --budget_;
  if (!read(word, &value)) return elsewhere(word);
  std::string out;
  if (leaf(value, context, &out)) return out;
  std::string name;
  bool first = false;
  if (meet(value.address(), &name, &first)) return name;
  if (!first) return inner(value, depth, context);
  out = inner(value, depth, argument);
  return name + "@" + out;
}

// Values that need no name, since nothing hangs below them.
bool ValuePrinter::leaf(const Value& value, Context context, std::string* out) {
  if (!value.is(TargetKind::constructor) || value.found.closure.lazy) return false;
  if (value.pointers() == 0 && boxed_number(value, context, out)) return true;
  const std::string qualified = value.name->qualified();
  if (qualified == "Data.Text.Internal.Text") {
    *out = text(value);
  } else if (qualified == "Data.ByteString.Internal.PS") {
    *out = byte_string(value, 1, 2);
  } else if (qualified == "Data.ByteString.Internal.BS") {
    *out = byte_string(value, 9, 1);
  } else if (qualified == "GHC.Num.Integer.IP" || qualified == "GHC.Num.Natural.NB") {
    *out = integer(value, false, context);
  } else if (qualified == "GHC.Num.Integer.IN") {
    *out = integer(value, true, context);
  } else if (value.name->name == "Tip" && value.pointers() == 0 &&
             value.found.fields.values.begin == value.found.fields.values.end) {
    *out = in_parentheses("fromList []", context == argument);
  } else if (value.found.fields.pointers.begin == value.found.fields.values.end) {
    *out = is_operator(value.name->name) ? "(" + value.name->name + ")" : value.name->name;
  } else {
    return false;
  }
  return true;
}

bool ValuePrinter::boxed_number(const Value& value, Context context, std::string* out) {
  const uint64_t word = value.number(0);
  const std::string& module = value.name->module;
  const std::string& name = value.name->name;
  const auto as = [&](const std::string& text) {
    *out = in_parentheses(text, context != top && !text.empty() && text[0] == '-');
    return true;
  };
  const auto is_signed = static_cast<int64_t>(word);
  if (module == "GHC.Types" && name == "C#") {
    *out = "'";
    append_escaped(static_cast<uint32_t>(word), '\'', out);
    *out += "'";
    return true;
  }
  if (module == "GHC.Types" && name == "D#") {
    double number = 0;
    memcpy(&number, &word, sizeof number);
    return as(double_text(number, false));
  }
  if (module == "GHC.Types" && name == "F#") {
    float number = 0;
    memcpy(&number, &word, sizeof number);
    return as(double_text(static_cast<double>(number), true));
  }
  const bool small_integer = module == "GHC.Num.Integer" && name == "IS";
  const bool boxed_int = (module == "GHC.Types" && name == "I#") ||
                         (module == "GHC.Int" && name.size() > 2 && name[0] == 'I' && name.back() == '#');
  if (small_integer || boxed_int) return as(fmt::format("{}", is_signed));
  const bool boxed_word = (module == "GHC.Types" && name == "W#") || (module == "GHC.Num.Natural" && name == "NS") ||
                          (module == "GHC.Word" && name.size() > 2 && name[0] == 'W' && name.back() == '#');
  return boxed_word && as(fmt::format("{}", word));
}

std::string ValuePrinter::integer(const Value& value, bool negative, Context context) {
  Value array;
  if (!read(value.pointer(0), &array) || array.record->closure_type != ghc::kArrWords) return "<corrupt integer>";
  const uint64_t size = array.words[1];
  if (size / 8 > kMostDigits) {
    cut_off_ = true;
    return fmt::format("<integer of {} bytes>", size);
  }
  std::vector<uint64_t> words(size / 8);
  if (!closures_.words().read(array.found.closure.address + 16, words)) return "<corrupt integer>";
  return in_parentheses((negative ? "-" : "") + decimal(std::move(words)), negative && context != top);
}

namespace {

// Code points of UTF-16 or UTF-8; wrong units stand for themselves.
std::vector<uint32_t> points_of(const std::vector<uint8_t>& bytes, bool wide) {
  std::vector<uint32_t> points;
  for (size_t i = 0; i < bytes.size();) {
    const auto unit = [&](size_t at) { return static_cast<uint32_t>(bytes[at] | bytes[at + 1] << 8); };
    if (wide) {
      if (i + 2 > bytes.size()) break;
      uint32_t point = unit(i);
      i += 2;
      if (point >= 0xd800 && point < 0xdc00 && i + 2 <= bytes.size() && unit(i) >= 0xdc00 && unit(i) < 0xe000) {
        point = 0x10000 + ((point - 0xd800) << 10) + (unit(i) - 0xdc00);
        i += 2;
      }
      points.push_back(point);
      continue;
    }
    const uint8_t lead = bytes[i];
    const size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t point = length == 1 ? lead : lead & (0xffu >> (length + 1));
    for (size_t k = 1; k < length && i + k < bytes.size(); ++k) point = point << 6 | (bytes[i + k] & 0x3f);
    points.push_back(point);
    i += length;
  }
  return points;
}

}  // namespace

std::string ValuePrinter::text(const Value& value) {
  Value array;
  if (!read(value.pointer(0), &array) || array.record->closure_type != ghc::kArrWords)
    return elsewhere(value.pointer(0));
  const bool wide = value.name->package.starts_with("text-1.");
  const uint64_t unit = wide ? 2 : 1;
  const uint64_t from = value.number(0), units = value.number(1);
  const uint64_t size = array.words[1] / unit;
  if (from > size || units > size - from) return "<corrupt text>";
  const uint64_t shown = std::min<uint64_t>(units, uint64_t{width_} * 4);
  const std::string literal = haskell_literal(points_of(bytes(array.address() + 16 + from * unit, shown * unit), wide));
  return "\"" + literal + (shown < units ? cut() : "") + "\"";
}

// The words after the pointer are an address, perhaps the bytes to skip, and a length.
std::string ValuePrinter::byte_string(const Value& value, uint64_t skip_field, uint64_t length_field) {
  const uint64_t skip = skip_field < 9 ? value.number(skip_field) : 0;
  const uint64_t length = value.number(length_field);
  const uint64_t shown = std::min<uint64_t>(length, uint64_t{width_} * 4);
  if (length == 0) return "\"\"";
  const std::vector<uint8_t> content = bytes(value.number(0) + skip, shown);
  if (content.empty()) return fmt::format("<{} bytes elsewhere>", length);
  const std::string literal = haskell_literal(std::vector<uint32_t>(content.begin(), content.end()));
  return "\"" + literal + (shown < length ? cut() : "") + "\"";
}

std::string ValuePrinter::inner(const Value& value, uint32_t depth, Context context) {
  const uint32_t type = value.record->closure_type;
  if (value.found.closure.lazy) return "<thunk " + value.name->qualified() + ">";
  if (value.is(TargetKind::static_closure)) return "<closure " + value.name->qualified() + ">";
  if (value.is(TargetKind::function)) return "<function " + value.name->qualified() + ">";
  if (type == ghc::kPap) {
    Value function;
    const uint64_t count = value.words[1] >> 32;
    const bool known = read(value.words[format::kPapFunction], &function);
    return fmt::format("<function {} of {} argument{}>", known ? function.name->qualified() : "elsewhere", count,
                       count == 1 ? "" : "s");
  }
  if (type == ghc::kArrWords) return fmt::format("<{} bytes>", value.words[1]);
  if (type == ghc::kMutVarClean || type == ghc::kMutVarDirty)
    return depth == 0 ? cut() : "<variable " + this->value(value.pointer(0), depth - 1, argument) + ">";
  if (value.is(TargetKind::rts)) return array(value, value.found.fields.pointers.begin, depth);
  if (!value.is(TargetKind::constructor)) return "<" + value.name->qualified() + ">";
  return depth == 0 ? cut() : constructor(value, depth, context);
}

std::string ValuePrinter::array(const Value& value, uint64_t first, uint32_t depth) {
  if (depth == 0) return cut();
  const uint64_t count = value.found.fields.pointers.end - first;
  std::vector<std::string> parts;
  for (uint64_t i = 0; i < count; ++i) {
    if (i == width_) {
      parts.push_back(cut());
      break;
    }
    const auto word = closures_.words().word(value.found.closure.address + (first + i) * 8);
    parts.push_back(this->value(word.value_or(0), depth - 1, top));
  }
  return fmt::format("<array of {} [{}]>", count, joined(parts, ", "));
}

std::string ValuePrinter::constructor(const Value& value, uint32_t depth, Context context) {
  const std::string& name = value.name->name;
  const std::string& module = value.name->module;
  if (name == ":" && module == "GHC.Types" && value.pointers() == 2) return list(value, depth, context);
  if (module.starts_with("Data.") && module.ends_with(".Internal") && (name == "Bin" || name == "Tip")) {
    std::string shown = container(value, depth, context);
    if (!shown.empty()) return shown;
  }
  if (name.starts_with("C:")) return fmt::format("<instances of {}.{}>", module, name.substr(2));
  std::vector<std::string> parts;
  const bool tuple = is_tuple(name);
  const bool infix =
      is_operator(name) && value.pointers() == 2 && value.found.fields.values.end == value.found.fields.values.begin;
  for (uint64_t i = 0; i < value.pointers() && parts.size() < width_; ++i)
    parts.push_back(this->value(value.pointer(i), depth - 1, tuple ? top : infix ? operand : argument));
  for (uint64_t i = value.found.fields.values.begin; i < value.found.fields.values.end && parts.size() < width_; ++i)
    parts.push_back(fmt::format("{}#", static_cast<int64_t>(value.at(i, value.found.fields.values.end))));
  if (parts.size() < value.found.fields.values.end - value.found.fields.pointers.begin) parts.push_back(cut());
  if (tuple) return "(" + joined(parts, ", ") + ")";
  if (infix && parts.size() == 2) return in_parentheses(parts[0] + " " + name + " " + parts[1], context != top);
  return in_parentheses((is_operator(name) ? "(" + name + ")" : name) + " " + joined(parts, " "), context == argument);
}

// [1, 2] where the list's end is known, 1 : 2 : <thunk Main.go> where it is not. Characters make a string.
std::string ValuePrinter::list(const Value& value, uint32_t depth, Context context) {
  std::vector<uint64_t> heads;
  Value cell = value;
  std::string tail;
  bool all_characters = true, ended = false;
  while (true) {
    heads.push_back(cell.pointer(0));
    Value head;
    all_characters = all_characters && read(heads.back(), &head) && !head.found.closure.lazy &&
                     head.name->qualified() == "GHC.Types.C#";
    const uint64_t next = cell.pointer(1);
    if (heads.size() >= (all_characters ? uint64_t{width_} * 4 : width_)) {
      Value last;
      ended = read(next, &last) && last.name->qualified() == "GHC.Types.[]";
      if (!ended) tail = cut();
      break;
    }
    const bool cons = read(next, &cell) && cell.name->qualified() == "GHC.Types.:" && cell.pointers() == 2;
    if (cons && !cell.found.closure.lazy && visits_[cell.address()] < (naming_ ? 2u : 1u)) {
      if (!naming_) ++visits_[cell.address()];
      continue;
    }
    ended = cell.name != nullptr && cell.name->qualified() == "GHC.Types.[]";
    if (!ended) tail = this->value(next, depth, operand);
    break;
  }
  if (all_characters) {
    std::vector<uint32_t> points;
    for (const uint64_t head : heads) {
      Value character;
      points.push_back(read(head, &character) ? static_cast<uint32_t>(character.number(0)) : 0);
    }
    const std::string literal = "\"" + haskell_literal(points);
    if (tail == "...") return literal + "...\"";
    return ended ? literal + "\"" : in_parentheses(literal + "\" ++ " + tail, context != top);
  }
  std::vector<std::string> parts;
  const bool open = !ended && tail != "...";
  if (heads.size() > width_) heads.resize(width_);
  parts.reserve(heads.size());
  for (const uint64_t head : heads) parts.push_back(this->value(head, depth - 1, open ? operand : top));
  // An empty list among strings is one.
  if (std::any_of(parts.begin(), parts.end(), [](const std::string& part) { return part[0] == '"'; })) {
    std::replace(parts.begin(), parts.end(), std::string("[]"), std::string("\"\""));
  }
  if (!ended) parts.push_back(tail);
  return open ? in_parentheses(joined(parts, " : "), context != top) : "[" + joined(parts, ", ") + "]";
}

// Maps and sets of containers, as fromList writes them. Empty: another type of that name.
std::string ValuePrinter::container(const Value& value, uint32_t depth, Context context) {
  std::vector<std::string> parts;
  if (!tree_elements(value, depth, &parts)) return {};
  return in_parentheses("fromList [" + joined(parts, ", ") + "]", context == argument);
}

// The elements of a tree, the least first, at most width_.
bool ValuePrinter::tree_elements(const Value& root, uint32_t depth, std::vector<std::string>* out) {
  struct Kind {
    const char* module;
    uint64_t pointers;     // of a Bin
    uint64_t left, right;  // which of them are subtrees
    bool keyed;            // elements are the first one or two pointers; else they are in Tips
  };
  static constexpr Kind kKinds[] = {{"Data.Map.Internal", 4, 2, 3, true},
                                    {"Data.Set.Internal", 3, 1, 2, true},
                                    {"Data.IntMap.Internal", 2, 0, 1, false},
                                    {"Data.IntSet.Internal", 2, 0, 1, false}};
  const Kind* kind = nullptr;
  for (const Kind& each : kKinds) {
    if (root.name->module == each.module && (root.name->name == "Tip" || root.pointers() == each.pointers))
      kind = &each;
  }
  if (kind == nullptr) return false;
  const bool set = kind->pointers == 3;
  const auto key_and = [&](const std::string& key, uint64_t word) {
    return "(" + key + ", " + this->value(word, depth - 1, top) + ")";
  };
  const auto element = [&](const Value& node) {
    if (set) return this->value(node.pointer(0), depth - 1, top);
    return key_and(this->value(node.pointer(0), depth - 1, top), node.pointer(1));
  };
  const auto leaves = [&](const Value& tip) {  // IntMap's and IntSet's
    const auto key = static_cast<int64_t>(tip.number(0));
    if (tip.pointers() == 1) out->push_back(key_and(fmt::format("{}", key), tip.pointer(0)));
    for (int bit = 0; bit < 64 && tip.pointers() == 0; ++bit) {
      if ((tip.number(1) >> bit & 1) != 0) out->push_back(fmt::format("{}", key + bit));
    }
  };
  struct Pending {
    uint64_t word;
    bool expanded;
  };
  std::vector<Pending> stack{{root.address(), false}};
  for (uint64_t steps = 0; !stack.empty(); ++steps) {
    const Pending at = stack.back();
    stack.pop_back();
    Value node;
    if (out->size() >= width_ || steps > uint64_t{width_} * 64 + 1000) {
      // What is left may be empty trees.
      if (!read(at.word, &node) ||
          (!at.expanded && (node.name->name == "Nil" || (kind->keyed && node.name->name == "Tip"))))
        continue;
      if (out->size() > width_) out->resize(width_);
      out->push_back(cut());
      break;
    }
    if (!read(at.word, &node) || node.name->module != kind->module || node.found.closure.lazy) {
      out->push_back(this->value(at.word, depth - 1, top));
    } else if (at.expanded) {
      out->push_back(element(node));
    } else if (node.name->name == "Bin" && node.pointers() == kind->pointers) {
      // In an IntMap of negative and other keys, a bit that is set stands for the negative ones.
      const bool negative_right = !kind->keyed && static_cast<int64_t>(node.number(1)) < 0;
      stack.push_back({node.pointer(negative_right ? kind->left : kind->right), false});
      if (kind->keyed) stack.push_back({at.word, true});
      stack.push_back({node.pointer(negative_right ? kind->right : kind->left), false});
    } else if (node.name->name == "Tip" && !kind->keyed) {
      leaves(node);
    }
  }
  return true;
}

}  // namespace fastboot::inspect
