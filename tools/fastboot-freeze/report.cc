#include "fastboot-freeze/report.h"

#include <algorithm>

#include "common/json.h"

namespace fastboot::freeze {
namespace {

using format::Reader;
using format::to_hex;

constexpr uint64_t kSchemaVersion = 1;

uint64_t image_bytes(const wire::View& view) { return view.data.size + view.lazy.size; }

void print_problems(const std::vector<format::Error>& problems, tools::Json* json) {
  json->key("problems");
  json->begin_array();
  for (const format::Error& problem : problems) {
    json->begin_object();
    json->number("code", static_cast<uint64_t>(problem.code));
    json->text("name", format::code_name(problem.code));
    json->text("file", problem.file);
    json->text("message", problem.message);
    json->end_object();
  }
  json->end_array();
}

void print_modules(const Reader& reader, tools::Json* json) {
  const wire::View& view = reader.view();
  json->key("modules");
  json->begin_array();
  for (uint32_t i = 0; i < view.binding->module_count; ++i) {
    const wire::BindingModule& module = view.modules[i];
    json->begin_object();
    json->text("path", reader.binding_string(module.path).value_or(""));
    json->text("build_id", to_hex(module.build_id, std::min(module.build_id_size, wire::kMaxBuildId)));
    json->end_object();
  }
  json->end_array();
}

void print_roots(const Reader& reader, tools::Json* json) {
  json->key("roots");
  json->begin_array();
  for (uint64_t i = 0; i < reader.view().root_count; ++i) {
    const wire::Root& root = reader.view().roots[i];
    json->begin_object();
    json->text("name", reader.string(root.name).value_or(""));
    json->text("type", reader.string(root.type_name).value_or(""));
    json->address("address", root.address);
    json->end_object();
  }
  json->end_array();
}

void print_needed(const Reader& reader, tools::Json* json) {
  json->key("needed");
  json->begin_array();
  for (uint64_t i = 0; i < reader.view().needed_count; ++i) {
    const wire::Needed& needed = reader.view().needed[i];
    json->begin_object();
    json->text("name", reader.string(needed.name).value_or(""));
    json->text("content_id", to_hex(needed.content_id, sizeof needed.content_id));
    json->address("slot_address", needed.slot_address);
    json->end_object();
  }
  json->end_array();
}

void print_snapshot(const Report& report, tools::Json* json) {
  const Reader& reader = *report.snapshot;
  const wire::View& view = reader.view();
  const wire::Header& header = *view.header;
  const format::ContentId id = reader.content_id();
  json->begin_object();
  json->text("file", report.place);
  if (!report.embedded.empty()) json->text("embedded_in", report.embedded);
  json->text("image", reader.string(header.image_name).value_or(""));
  json->text("content_id", to_hex(id.data(), id.size()));
  json->address("slot_address", header.slot_address);
  json->number("slot_bytes", header.slot_size);
  json->number("closures", header.closures);
  json->number("lazy_closures", header.lazy_closures);
  json->number("image_bytes", image_bytes(view));
  json->number("file_bytes", reader.file_size());
  json->number("target_count", view.target_count);
  json->number("symbols_found", report.annotation.named);
  json->number("private_targets", report.annotation.private_code);
  json->number("fingerprints", report.fingerprints);
  print_roots(reader, json);
  print_modules(reader, json);
  print_needed(reader, json);
  json->end_object();
}

}  // namespace

namespace {

// "; needs dict.snap, index.snap"
std::string needed_names(const Reader& reader) {
  std::string names;
  for (uint64_t i = 0; i < reader.view().needed_count; ++i) {
    names += fmt::format("{}{}", i == 0 ? "; needs " : ", ", reader.string(reader.view().needed[i].name).value_or(""));
  }
  return names;
}

}  // namespace

std::string one_line(const Report& report) {
  const Reader& reader = *report.snapshot;
  const wire::View& view = reader.view();
  return fmt::format("{}: image {}, {} closures, {}; {} targets, {} of them with a symbol of the program{}",
                     report.place, reader.string(view.header->image_name).value_or(""),
                     tools::grouped(view.header->closures), tools::human_size(image_bytes(view)), view.target_count,
                     report.annotation.named, needed_names(reader));
}

void print_list(const Report& report, tools::Output* out) {
  size_t width = 0;
  for (const DeclaredRoot& root : *report.declared) width = std::max(width, root.name.size());
  for (const DeclaredRoot& root : *report.declared) {
    out->print("{:<{}}  {}\n", tools::printable(root.name), width, tools::printable(root.type));
  }
}

void print_json(const Report& report, bool ok, tools::Output* out) {
  tools::Json json(out);
  json.begin_object();
  json.text("schema", "fastboot-freeze");
  json.number("schema_version", kSchemaVersion);
  json.boolean("ok", ok);
  json.text("program", report.program);
  json.key("snapshot");
  if (report.snapshot) {
    print_snapshot(report, &json);
  } else {
    json.null();
  }
  if (report.declared) {
    json.key("declared");
    json.begin_array();
    for (const DeclaredRoot& root : *report.declared) {
      json.begin_object();
      json.text("name", root.name);
      json.text("type", root.type);
      json.end_object();
    }
    json.end_array();
  }
  print_problems(report.problems, &json);
  json.end_object();
}

}  // namespace fastboot::freeze
