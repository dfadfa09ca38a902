#include "fastboot-inspect/why.h"

#include <algorithm>

#include "common/command_line.h"
#include "fastboot-inspect/closure_names.h"
#include "fastboot-inspect/names.h"
#include "fastboot-inspect/places.h"

namespace fastboot::inspect {

using format::ClosureGraph;
using format::ImageAddress;
using format::Reader;
using format::ShortestPaths;

std::string field_name(const wire::Target& target, bool lazy, uint64_t word) {
  namespace ghc = format::ghc;
  const uint32_t type = target.closure_type;
  const auto from = [&](const char* what, uint64_t first) {
    return word < first ? std::string("function") : fmt::format("{} {}", what, word - first + 1);
  };
  if (type == ghc::kPap) return from("argument", format::kPapFunction + 1);
  if (type == ghc::kAp) return from("argument", format::kApFunction + 1);
  if (type == ghc::kThunkSelector) return "selectee";
  if (lazy) return from("free variable", 2);
  if (ghc::is_function(type)) return from("free variable", 1);
  if (type == ghc::kMutArrPtrsFrozenClean || type == ghc::kMutArrPtrsFrozenDirty) return from("element", 3);
  if (type == ghc::kSmallMutArrPtrsFrozenClean || type == ghc::kSmallMutArrPtrsFrozenDirty) return from("element", 2);
  return fmt::format("field {}", word);
}

namespace {

// Which closures, by number, are of the targets that are meant.
class Marker : public format::ClosureVisitor {
 public:
  explicit Marker(std::vector<bool> meant, uint32_t count) : meant_(std::move(meant)), marked(count) {}
  void closure(const format::Closure& closure, uint64_t first, std::span<const uint64_t>, format::WordBits) override {
    if (first == 0 && number_ < marked.size()) marked[number_++] = meant_[closure.target];
  }
  bool damage(format::Error) override { return true; }

 private:
  std::vector<bool> meant_;
  uint64_t number_ = 0;

 public:
  std::vector<bool> marked;
};

format::Failure no_such_constructor(const Reader& reader, const std::string& what) {
  std::vector<std::string> known;
  for (const ClosureName& name : closure_names(reader)) {
    known.push_back(name.name);
    known.push_back(name.qualified());
  }
  const auto near = tools::nearest(what, known);
  return format::fail(wire::Code::no_such_root,
                      fmt::format("no closure is of a constructor or function '{}'{}; --objects lists them, and an "
                                  "address starts with 0x",
                                  tools::printable(what), near ? fmt::format("; did you mean '{}'?", *near) : ""),
                      reader.path());
}

// The number of the closure that is meant and nearest to the roots; kNone: none can be reached.
format::Result<uint32_t> nearest_meant(const Reader& reader, const format::TargetIndex& targets,
                                       const ClosureGraph& graph, const ShortestPaths& paths, const std::string& what) {
  if (const auto address = parse_address(what)) {
    const uint32_t closure = graph.index().before(*address);
    if (closure != ClosureGraph::kNone) return closure;
    return format::fail(wire::Code::no_such_root, fmt::format("no closure lies at {}", to_string(*address)),
                        reader.path());
  }
  std::vector<bool> meant;
  for (const ClosureName& name : closure_names(reader)) meant.push_back(is_meant(name, what));
  Marker marker(std::move(meant), graph.count());
  if (auto done = scan_closures(reader, targets, &marker); !done) return tl::unexpected(done.error());
  if (std::find(marker.marked.begin(), marker.marked.end(), true) == marker.marked.end())
    return no_such_constructor(reader, what);
  for (const uint32_t closure : paths.order()) {
    if (marker.marked[closure]) return closure;
  }
  return ClosureGraph::kNone;
}

}  // namespace

format::Result<Why> Why::make(const Reader& reader, const format::TargetIndex& targets, const ClosureGraph& graph,
                              const std::string& what) {
  const auto paths = ShortestPaths::make(graph);
  if (!paths) return tl::unexpected(paths.error());
  const auto closure = nearest_meant(reader, targets, graph, *paths, what);
  if (!closure) return tl::unexpected(closure.error());
  Why why;
  why.what_ = what;
  if (*closure == ClosureGraph::kNone) return why;
  format::ClosureReader closures(reader, targets);
  const std::vector<uint32_t> path = paths->path(*closure);
  for (size_t i = 0; i < path.size(); ++i) {
    const ImageAddress address = graph.index().start(path[i]);
    const auto found = closures.closure(address);
    if (!found) break;  // the file changed meanwhile
    Step step{address, closure_name(reader, found->target).full, found->words, 0, {}};
    // The first word that leads to the next closure.
    for (uint64_t word = 1; i + 1 < path.size() && word < found->words; ++word) {
      const uint64_t value = closures.words().word(address + word * 8).value_or(0);
      if (graph.index().at(ImageAddress(value & ~uint64_t{7})) != path[i + 1] &&
          graph.index().before(ImageAddress(value)) != path[i + 1]) {
        continue;
      }
      step.field = word;
      step.field_name = field_name(reader.view().targets[found->target], found->lazy, word);
      break;
    }
    why.steps_.push_back(std::move(step));
  }
  if (!why.steps_.empty()) {
    const auto root = root_at(reader, why.steps_[0].address);
    if (root) why.root_ = checked(reader.string(reader.view().roots[*root].name));
  }
  return why;
}

void Why::text(tools::Output* out) const {
  if (steps_.empty()) {
    out->print("\nNo root leads to {}\n", tools::printable(what_));
    return;
  }
  out->print("\nRoot {} leads to {} in {} step{}:\n", tools::printable(root_), tools::printable(what_),
             steps_.size() - 1, steps_.size() == 2 ? "" : "s");
  for (const Step& step : steps_) {
    out->print("  {:#x}  {}", step.address.value(), step.name);
    if (!step.field_name.empty()) out->print(", {}", step.field_name);
    out->write("\n");
  }
}

void Why::json(tools::Json* json) const {
  json->key("why");
  json->begin_object();
  json->text("what", what_);
  json->key("root");
  steps_.empty() ? json->null() : json->text(root_);
  json->key("path");
  json->begin_array();
  for (const Step& step : steps_) {
    json->begin_object();
    json->address("address", step.address.value());
    json->text("name", step.name);
    json->number("bytes", step.words * 8);
    json->key("field");
    step.field == 0 ? json->null() : json->text(step.field_name);
    json->key("word");
    step.field == 0 ? json->null() : json->number(step.field);
    json->end_object();
  }
  json->end_array();
  json->end_object();
}

}  // namespace fastboot::inspect
