// --verify-signature: is the whole file as the owner of a key signed it?
#include "format/signature.h"

#include <algorithm>

#include "common/json.h"
#include "fastboot-inspect/inspect.h"

namespace fastboot::inspect {
namespace {

using format::Reader;
using format::Result;

Result<bool> verify(const std::string& path, const format::PublicKey& key) {
  const auto reader = Reader::open(path);
  if (!reader) return tl::unexpected(reader.error());
  return format::verify(*reader, key);
}

void print(const std::string& path, bool binding, tools::Output* out) {
  out->print("{}: signature good: {}\n", path,
             binding ? "image and binding" : "image; its binding was made by somebody else (fastboot-migrate)");
}

void print_json(const std::string& path, const Result<bool>& result, tools::Json* json) {
  json->begin_object();
  json->text("file", path);
  json->boolean("image", result.has_value());
  json->boolean("binding", result && *result);
  if (!result) {
    json->number("code", static_cast<uint64_t>(result.error().code));
    json->text("name", format::code_name(result.error().code));
    json->text("message", result.error().message);
  }
  json->end_object();
}

}  // namespace

int verify_signatures(const Options& options, tools::Output* out, tools::Diagnostics* diagnostics) {
  const auto key = format::read_public_key(options.verify_signature);
  if (!key) {
    diagnostics->error(key.error());
    return tools::exit_for(key.error().code);
  }
  int exit = tools::kExitOk;
  tools::Json json(out);
  if (options.json) {
    json.begin_object();
    json.text("schema", "fastboot-signature");
    json.number("schema_version", 1);
    json.key("files");
    json.begin_array();
  }
  for (const std::string& path : options.files) {
    const auto result = verify(path, *key);
    if (options.json) print_json(path, result, &json);
    if (result && !options.json) print(path, *result, out);
    if (!result) {
      diagnostics->error(result.error());
      exit = std::max<int>(exit, tools::exit_for(result.error().code));
    }
  }
  if (options.json) {
    json.end_array();
    json.end_object();
  }
  return exit;
}

}  // namespace fastboot::inspect
