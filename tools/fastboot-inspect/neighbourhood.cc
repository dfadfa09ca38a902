#include "fastboot-inspect/neighbourhood.h"

#include <unordered_map>

#include "fastboot-inspect/names.h"
#include "fastboot-inspect/value_printer.h"
#include "fastboot-inspect/why.h"
#include "format/temporary_file.h"

namespace fastboot::inspect {

using format::ImageAddress;
using format::Reader;

namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : tools::printable(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// Breadth first from one closure. Pointers whose end is not shown lead to a point with dots.
class Drawing {
 public:
  Drawing(const Reader& reader, const format::TargetIndex& targets, uint32_t depth, uint32_t width, size_t most)
      : reader_(reader),
        closures_(reader, targets),
        printer_(reader, targets, 2, 8),
        depth_(depth),
        width_(width),
        most_(most) {}

  std::string draw(ImageAddress from) {
    dot_ = fmt::format(
        "digraph {} {{\n  rankdir=LR;\n  node [shape=box, fontname=\"monospace\", fontsize=10];\n"
        "  edge [fontsize=9];\n",
        quoted(checked(reader_.string(reader_.view().header->image_name))));
    meet(from, 0);
    for (size_t i = 0; i < queue_.size(); ++i) visit(queue_[i]);
    return dot_ + "}\n";
  }
  uint64_t closures() const { return queue_.size(); }
  uint64_t pointers() const { return pointers_; }
  bool cut_off() const { return cut_off_; }

 private:
  struct Met {
    ImageAddress address;
    uint32_t depth;
  };

  // False: there is no room for it.
  bool meet(ImageAddress address, uint32_t depth) {
    if (met_.contains(address.value())) return true;
    if (depth > depth_ || queue_.size() >= most_) return false;
    met_.try_emplace(address.value(), queue_.size());
    queue_.push_back({address, depth});
    return true;
  }

  void visit(Met met) {
    const auto found = closures_.find(met.address);
    const bool is_root = met.address == queue_[0].address;
    dot_ += fmt::format("  n{:x} [label={}, tooltip=\"{:#x}\"{}];\n", met.address.value(),
                        quoted(printer_.brief(met.address)), met.address.value(),
                        !found || found->closure.lazy ? ", style=dashed"
                        : is_root                     ? ", style=bold"
                                                      : "");
    if (!found) return;
    uint32_t drawn = 0;
    for (uint64_t word = 1; word < found->closure.words; ++word) {
      if (!found->fields.is_pointer(word)) continue;
      const bool more = drawn++ < width_;
      const uint64_t value = closures_.words().word(met.address + word * 8).value_or(0);
      const ImageAddress to(value & ~uint64_t{7});
      const std::string label = field_name(reader_.view().targets[found->closure.target], found->closure.lazy, word);
      ++pointers_;
      if (more && meet(to, met.depth + 1)) {
        dot_ += fmt::format("  n{:x} -> n{:x} [label={}];\n", met.address.value(), to.value(), quoted(label));
        continue;
      }
      cut_off_ = true;
      dot_ += fmt::format("  c{0:x} [shape=plaintext, label=\"...\"];\n  n{0:x} -> c{0:x} [style=dotted];\n",
                          met.address.value());
      break;
    }
  }

  const Reader& reader_;
  format::ClosureReader closures_;
  ValuePrinter printer_;
  uint32_t depth_, width_;
  size_t most_;
  std::unordered_map<uint64_t, size_t> met_;
  std::vector<Met> queue_;
  std::string dot_;
  uint64_t pointers_ = 0;
  bool cut_off_ = false;
};

}  // namespace

format::Result<Neighbourhood> Neighbourhood::make(const Reader& reader, const format::TargetIndex& targets,
                                                  ImageAddress from, uint32_t depth, uint32_t width,
                                                  const std::string& path) {
  if (!format::ClosureReader(reader, targets).closure(from))
    return format::fail(wire::Code::no_such_root, fmt::format("no closure starts at {}", to_string(from)),
                        reader.path());
  Drawing drawing(reader, targets, depth, width, kMostClosures);
  const std::string dot = drawing.draw(from);
  if (auto written = format::write_text(path, dot); !written) return tl::unexpected(written.error());
  Neighbourhood result;
  result.path_ = path;
  result.from_ = from;
  result.closures_ = drawing.closures();
  result.pointers_ = drawing.pointers();
  result.cut_off_ = drawing.cut_off();
  return result;
}

void Neighbourhood::text(tools::Output* out) const {
  out->print("\nWrote {}: {} closures and {} pointers from {:#x} on{}\n", tools::printable(path_),
             tools::grouped(closures_), tools::grouped(pointers_), from_.value(),
             cut_off_ ? "; further ones are left out" : "");
}

void Neighbourhood::json(tools::Json* json) const {
  json->key("graph");
  json->begin_object();
  json->text("file", path_);
  json->address("from", from_.value());
  json->number("closures", closures_);
  json->number("pointers", pointers_);
  json->boolean("cut_off", cut_off_);
  json->end_object();
}

}  // namespace fastboot::inspect
