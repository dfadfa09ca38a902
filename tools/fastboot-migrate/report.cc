#include "fastboot-migrate/report.h"

#include <array>

#include "common/json.h"
#include "common/table.h"
#include "format/reader.h"
#include "reloc/zdecode.h"

namespace fastboot::migrate {
namespace {

using reloc::Fate;
using reloc::PlannedTarget;
using wire::TargetKind;

constexpr uint64_t kSchemaVersion = 1;
constexpr size_t kLongestPath = 6;
constexpr std::array<Fate, 5> kFates = {Fate::identical, Fate::moved, Fate::changed, Fate::gone, Fate::ambiguous};

std::string_view kind_name(uint16_t kind) {
  switch (static_cast<TargetKind>(kind)) {
    case TargetKind::constructor:
      return "constructor";
    case TargetKind::function:
      return "function";
    case TargetKind::thunk:
      return "thunk";
    case TargetKind::rts:
      return "rts";
    case TargetKind::static_closure:
      return "static_closure";
    case TargetKind::static_root:
      return "static_root";
    case TargetKind::slow_entry:
      return "slow_entry";
    case TargetKind::trampoline:
      return "trampoline";
    case TargetKind::image:
      return "image";
    case TargetKind::raw_address:
      return "raw_address";
  }
  return "?";
}

size_t count(const reloc::Plan& plan, Fate fate) {
  size_t result = 0;
  for (const PlannedTarget& target : plan.targets) result += target.fate == fate ? 1 : 0;
  return result;
}

// "root index: Map.Bin > Entry > Lib_go_info+0x48", the middle of a long path left out.
std::string describe(const Use& use) {
  std::string text = "root " + use.root + ":";
  for (size_t i = 0; i < use.path.size(); ++i) {
    if (use.path.size() > kLongestPath && i == 2) {
      const size_t skipped = use.path.size() - kLongestPath + 1;
      text += fmt::format(" > ({} more)", skipped);
      i += skipped - 1;
      continue;
    }
    text += (i == 0 ? " " : " > ") + reloc::decode_symbol(use.path[i]);
  }
  return text;
}

}  // namespace

void print_plan(const Report& report, bool all, tools::Output* out) {
  const reloc::Plan& plan = *report.plan;
  tools::Table table({{"Fate"}, {"Kind"}, {"Closures", tools::Align::right}, {"Name"}});
  bool any = false;
  for (size_t i = 0; i < plan.targets.size(); ++i) {
    const PlannedTarget& target = plan.targets[i];
    const wire::Target& record = report.model->targets[i].record;
    const bool kept = target.fate == Fate::identical || target.fate == Fate::moved;
    if (kept && !all) continue;
    any = true;
    table.add({std::string(fate_name(target.fate)), std::string(kind_name(record.kind)), tools::grouped(record.uses),
               tools::printable(reloc::decode_symbol(target.name))});
  }
  if (any) table.print(out);
  for (size_t i = 0; i < plan.targets.size(); ++i) {
    const PlannedTarget& target = plan.targets[i];
    if (target.reason.empty()) continue;
    out->print("{} {}: {}\n", fate_name(target.fate), tools::printable(reloc::decode_symbol(target.name)),
               target.reason);
    const auto use = report.uses.find(static_cast<uint32_t>(i));
    if (use != report.uses.end()) out->print("    {}\n", tools::printable(describe(use->second)));
  }
}

std::string summary(const Report& report) {
  std::string text = fmt::format("{} targets:", report.plan->targets.size());
  bool first = true;
  for (const Fate fate : kFates) {
    const size_t number = count(*report.plan, fate);
    if (number == 0) continue;
    text += fmt::format("{} {} {}", first ? "" : ",", number, fate_name(fate));
    first = false;
  }
  if (report.retagged.closures != 0) {
    text += fmt::format("; {} pointers to {} closures retagged", tools::grouped(report.retagged.pointers),
                        tools::grouped(report.retagged.closures));
  }
  return text;
}

void print_json(const Report& report, const Options& options, bool ok, tools::Output* out) {
  tools::Json json(out);
  json.begin_object();
  json.text("schema", "fastboot-migrate");
  json.number("schema_version", kSchemaVersion);
  json.boolean("ok", ok);
  json.text("snapshot", options.snapshot);
  json.text("program", options.program);
  json.text("build_id", format::to_hex(report.build_id.data(), report.build_id.size()));
  json.key("written");
  if (report.written.empty()) {
    json.null();
  } else {
    json.text(report.written);
  }
  if (report.plan) {
    json.key("counts");
    json.begin_object();
    for (const Fate fate : kFates) json.number(fate_name(fate), count(*report.plan, fate));
    json.end_object();
    json.number("retagged_pointers", report.retagged.pointers);
    json.key("targets");
    json.begin_array();
    for (size_t i = 0; i < report.plan->targets.size(); ++i) {
      const PlannedTarget& target = report.plan->targets[i];
      const wire::Target& record = report.model->targets[i].record;
      json.begin_object();
      json.text("name", target.name);
      json.text("kind", kind_name(record.kind));
      json.text("fate", fate_name(target.fate));
      json.boolean("bound", target.bound());
      json.number("closures", record.uses);
      if (target.bound()) json.address("address", target.entry.offset);
      if (!target.new_name.empty()) json.text("new_name", target.new_name);
      if (!target.reason.empty()) json.text("reason", target.reason);
      if (target.unverified) json.boolean("types_verified", false);
      const auto use = report.uses.find(static_cast<uint32_t>(i));
      if (use != report.uses.end()) {
        json.text("root", use->second.root);
        json.key("path");
        json.begin_array();
        for (const std::string& step : use->second.path) json.text(step);
        json.end_array();
      }
      json.end_object();
    }
    json.end_array();
  }
  json.key("problems");
  json.begin_array();
  for (const format::Error& problem : report.problems) {
    json.begin_object();
    json.number("code", static_cast<uint64_t>(problem.code));
    json.text("name", format::code_name(problem.code));
    json.text("file", problem.file);
    json.text("message", problem.message);
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

}  // namespace fastboot::migrate
