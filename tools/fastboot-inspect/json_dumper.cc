#include "fastboot-inspect/json_dumper.h"

#include "fastboot-inspect/names.h"
#include "reloc/zdecode.h"

namespace fastboot::inspect {

using format::Reader;

void JsonDumper::begin_run() {
  json_.begin_object();
  json_.text("schema", "fastboot-inspect");
  json_.number("schema_version", kSchemaVersion);
  json_.key("files");
  json_.begin_array();
}

void JsonDumper::end_run() {
  json_.end_array();
  json_.end_object();
}

void JsonDumper::begin_file(const std::string& path) {
  json_.begin_object();
  json_.text("file", path);
}

void JsonDumper::end_file() { json_.end_object(); }

void JsonDumper::problems(const std::vector<format::Error>& problems) {
  json_.boolean("ok", problems.empty());
  json_.key("problems");
  json_.begin_array();
  for (const format::Error& problem : problems) {
    json_.begin_object();
    json_.number("code", static_cast<uint64_t>(problem.code));
    json_.text("name", format::code_name(problem.code));
    json_.text("message", problem.message);
    string("section", problem.section.empty() ? std::nullopt : std::optional<std::string_view>(problem.section));
    json_.key("offset");
    problem.offset ? json_.address(problem.offset->value()) : json_.null();
    json_.end_object();
  }
  json_.end_array();
}

void JsonDumper::string(std::string_view key, std::optional<std::string_view> text) {
  json_.key(key);
  text ? json_.text(*text) : json_.null();
}

void JsonDumper::decoded(std::optional<std::string_view> symbol) {
  if (!options_.decode) return;
  json_.key("decoded");
  symbol ? json_.text(reloc::decode_symbol(*symbol)) : json_.null();
}

bool JsonDumper::begin_table(std::string_view key, const Reader& reader, wire::TableKind kind, const void* table) {
  json_.key(key);
  if (table == nullptr && reader.view().table(kind).size != 0) {
    json_.null();
    return false;
  }
  json_.begin_array();
  return true;
}

std::unique_ptr<Dumper> make_json_dumper(const Options& options, tools::Output* out) {
  return std::make_unique<JsonDumper>(options, out);
}

}  // namespace fastboot::inspect
