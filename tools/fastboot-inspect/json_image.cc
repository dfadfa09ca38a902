// The image: the summary, roots, closures by constructor, bindings.
#include "fastboot-inspect/json_dumper.h"
#include "fastboot-inspect/names.h"
#include "fastboot-inspect/object_groups.h"

namespace fastboot::inspect {

using format::Reader;
using wire::TableKind;

void JsonDumper::modules(const wire::Binding& binding) {
  json_.key("modules");
  json_.begin_array();
  for (uint32_t i = 0; binding.header != nullptr && i < binding.header->module_count; ++i) {
    json_.begin_object();
    string("path", binding_string(binding, binding.modules[i].path));
    json_.text("build_id", build_id(binding.modules[i]));
    json_.end_object();
  }
  json_.end_array();
}

void JsonDumper::summary(const Reader& reader) {
  const wire::View& view = reader.view();
  json_.key("summary");
  json_.begin_object();
  snapshot(reader);
  json_.number("image_bytes", view.data.size + view.lazy.size);
  json_.number("file_bytes", reader.file_size());
  json_.number("root_count", view.root_count);
  json_.number("target_count", view.target_count);
  modules(view.own_binding());
  json_.end_object();
}

void JsonDumper::roots(const Reader& reader) {
  const wire::View& view = reader.view();
  if (!begin_table("roots", reader, TableKind::roots, view.roots)) return;
  for (uint64_t i = 0; i < view.root_count; ++i) {
    const wire::Root& root = view.roots[i];
    json_.begin_object();
    string("name", reader.string(root.name));
    string("type", reader.string(root.type_name));
    json_.text("type_fingerprint", fmt::format("{:016x}{:016x}", root.type_fingerprint[0], root.type_fingerprint[1]));
    json_.address("address", root.address);
    json_.number("tag", root.tag);
    json_.number("bytes", root.size);
    json_.end_object();
  }
  json_.end_array();
}

void JsonDumper::bindings(const Reader& reader, const std::vector<format::Sidecar>& sidecars) {
  const wire::View& view = reader.view();
  json_.key("bindings");
  json_.begin_object();
  modules(view.own_binding());
  if (begin_table("entries", reader, TableKind::binding, view.binding)) {
    for (uint64_t i = 0; view.binding != nullptr && i < view.binding->entry_count; ++i) {
      const wire::BindingEntry& entry = view.entries[i];
      const bool target = i < view.target_count;
      json_.begin_object();
      json_.text("kind", target ? target_kind(view.targets[i].kind) : "static root");
      string("name", target ? reader.target_name(i) : std::nullopt);
      decoded(target ? reader.target_name(i) : std::nullopt);
      json_.key("module");
      entry.module == wire::kNoModule ? json_.null() : json_.number(uint64_t{entry.module});
      json_.key("offset");
      entry.module == wire::kNoModule ? json_.null() : json_.address(entry.offset);
      json_.end_object();
    }
    json_.end_array();
  }
  json_.key("sidecars");
  json_.begin_array();
  for (const format::Sidecar& sidecar : sidecars) {
    json_.begin_object();
    json_.text("file", sidecar.path);
    json_.text("build_id", sidecar.build_id);
    json_.boolean("used", !sidecar.problem);
    json_.number("entry_count", sidecar.binding.header == nullptr ? 0 : sidecar.binding.header->entry_count);
    modules(sidecar.binding);
    json_.end_object();
  }
  json_.end_array();
  json_.end_object();
}

void JsonDumper::objects(const Reader& reader, const format::Census& census) {
  json_.key("objects");
  json_.begin_object();
  json_.number("closures", census.all.closures);
  json_.number("bytes", census.all.bytes);
  json_.number("lazy_closures", census.lazy_closures);
  json_.number("descriptor_bytes", census.descriptor_bytes);
  json_.number("unused_bytes", census.unused_bytes);
  json_.key("by_constructor");
  json_.begin_array();
  for (const ObjectRow& row : object_rows(census)) {
    json_.begin_object();
    string("name", reader.target_name(row.target));
    decoded(reader.target_name(row.target));
    json_.text("kind", target_kind(reader.view().targets[row.target].kind));
    json_.number("target", row.target);
    json_.number("closures", row.count.closures);
    json_.number("bytes", row.count.bytes);
    json_.end_object();
  }
  json_.end_array();
  const ObjectGroups groups = object_groups(reader, census);
  for (const auto& [key, rows] : {std::pair("by_module", &groups.modules), std::pair("by_package", &groups.packages)}) {
    json_.key(key);
    json_.begin_array();
    for (const ObjectGroup& row : *rows) {
      json_.begin_object();
      json_.text("name", row.name);
      json_.number("closures", row.count.closures);
      json_.number("bytes", row.count.bytes);
      json_.end_object();
    }
    json_.end_array();
  }
  json_.end_object();
}

}  // namespace fastboot::inspect
