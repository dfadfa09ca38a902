#include "fastboot-inspect/show.h"

#include "common/table.h"
#include "fastboot-inspect/names.h"
#include "fastboot-inspect/places.h"
#include "fastboot-inspect/value_printer.h"

namespace fastboot::inspect {

std::string wrapped(const std::string& text, size_t width, const std::string& indent) {
  std::string out, line;
  size_t space = std::string::npos;  // the last place in `line` where it may be broken
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    line += c;
    if (quote != 0) {
      if (c == '\\' && i + 1 < text.size()) {
        line += text[++i];
      } else if (c == quote) {
        quote = 0;
      }
    } else if (c == '"' || (c == '\'' && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '[' || text[i - 1] == '('))) {
      quote = c;
    } else if (c == ' ') {
      space = line.size();
    }
    if (tools::display_width(line) <= width || space == std::string::npos || space <= indent.size()) continue;
    out += line.substr(0, space - 1) + "\n";
    line.replace(0, space, indent);
    space = std::string::npos;
  }
  return out + line;
}

format::Result<Show> Show::make(const format::Reader& reader, const format::TargetIndex& targets,
                                const std::string& what, uint32_t depth, uint32_t width, bool wide) {
  const auto address = find_place(reader, what);
  if (!address) return tl::unexpected(address.error());
  if (!format::ClosureReader(reader, targets).closure(*address))
    return format::fail(wire::Code::no_such_root, fmt::format("no closure starts at {}", to_string(*address)),
                        reader.path());
  Show show;
  show.address_ = *address;
  show.wide_ = wide;
  if (const auto root = root_at(reader, *address)) {
    show.name_ = checked(reader.string(reader.view().roots[*root].name));
    show.type_ = checked(reader.string(reader.view().roots[*root].type_name));
  }
  ValuePrinter printer(reader, targets, depth, width);
  show.value_ = printer.print(*address, show.name_);
  show.cut_off_ = printer.cut_off();
  return show;
}

void Show::text(tools::Output* out) const {
  constexpr size_t kColumns = 100;
  const std::string name = name_.empty() ? fmt::format("{:#x}", address_.value()) : tools::printable(name_);
  out->write("\n");
  if (!type_.empty()) out->print("{} :: {}\n", name, tools::printable(type_));
  const std::string line = name + " = " + value_;
  out->print("{}\n", wide_ ? line : wrapped(line, kColumns, "  "));
}

void Show::json(tools::Json* json) const {
  json->key("show");
  json->begin_object();
  json->address("address", address_.value());
  json->key("root");
  name_.empty() ? json->null() : json->text(name_);
  json->key("type");
  name_.empty() ? json->null() : json->text(type_);
  json->text("value", value_);
  json->boolean("cut_off", cut_off_);
  json->end_object();
}

}  // namespace fastboot::inspect
