// The image: the summary, roots, closures by constructor, bindings.
#include <algorithm>

#include "common/table.h"
#include "fastboot-inspect/names.h"
#include "fastboot-inspect/object_groups.h"
#include "fastboot-inspect/sizes.h"
#include "fastboot-inspect/text_dumper.h"

namespace fastboot::inspect {

using format::Reader;
using format::to_hex;
using tools::Align;
using wire::TableKind;

void TextDumper::summary(const Reader& reader) {
  const wire::Header& header = *reader.view().header;
  out_.print("{}: fastboot snapshot {}.{}, x86_64, {} {} {}\n", tools::printable(reader.path()), header.format_major,
             header.format_minor, object_model(header.object_model), ghc_version(header.ghc_version),
             rts_way(header.rts_way));
  const uint64_t image = reader.view().data.size + reader.view().lazy.size;
  out_.print("  image     {}, {} at {:#x}, {} closures", name(reader.string(header.image_name)),
             tools::human_size(image), header.slot_address, tools::grouped(header.closures));
  if (header.lazy_closures != 0) out_.print(" ({} lazy)", tools::grouped(header.lazy_closures));
  out_.print("\n");
  summarize_roots(reader);
  summarize_targets(reader);
  const std::string id = to_hex(reader.content_id().data(), 16);
  out_.print("  content   xxh3 {}...{}, metadata {}\n", id.substr(0, 8), id.substr(id.size() - 4),
             reader.sound() ? "ok" : kCorrupt);
}

void TextDumper::summarize_roots(const Reader& reader) {
  const wire::View& view = reader.view();
  if (view.roots == nullptr) {
    out_.print("  roots     {}\n", kCorrupt);
    return;
  }
  constexpr uint64_t kShown = 3;
  out_.print("  roots     {}", view.root_count);
  for (uint64_t i = 0; i < std::min(kShown, view.root_count); ++i) {
    const std::string type = name(reader.string(view.roots[i].type_name));
    out_.print("{} {} :: {}", i == 0 ? ":" : ",", name(reader.string(view.roots[i].name)), cut(type, 60));
  }
  out_.write(view.root_count > kShown ? ", ...\n" : "\n");
}

void TextDumper::summarize_targets(const Reader& reader) {
  const wire::View& view = reader.view();
  if (view.targets == nullptr && view.table(TableKind::targets).size != 0) {
    out_.print("  targets   {}\n", kCorrupt);
    return;
  }
  if (view.binding == nullptr) {
    out_.print("  targets   {}, binding {}\n", view.target_count, kCorrupt);
    return;
  }
  const uint32_t modules = view.binding->module_count;
  out_.print("  targets   {} in {} module{}", view.target_count, modules, modules == 1 ? "" : "s");
  for (uint32_t i = 0; i < std::min(modules, 3u); ++i) {
    const wire::BindingModule& module = view.modules[i];
    const std::string path = name(reader.binding_string(module.path));
    out_.print("{}{}, build-id {}...", i == 0 ? " (" : "; ", path.substr(path.rfind('/') + 1),
               build_id(module).substr(0, 8));
  }
  out_.print("{}{}\n", modules > 3 ? "; ..." : "", modules == 0 ? "" : ")");
}

void TextDumper::roots(const Reader& reader) {
  const wire::View& view = reader.view();
  if (unreadable(reader, TableKind::roots, view.roots, "Roots")) return;
  out_.print("\n{} root{}:\n", view.root_count, view.root_count == 1 ? "" : "s");
  tools::Table table({{"Address"}, {"Tag", Align::right}, {"Size", Align::right}, {"Name"}, {"Type"}});
  for (uint64_t i = 0; i < view.root_count; ++i) {
    const wire::Root& root = view.roots[i];
    table.add({fmt::format("{:016x}", root.address), fmt::format("{}", root.tag), fmt::format("{}", root.size),
               name(reader.string(root.name)), name(reader.string(root.type_name))});
  }
  table.print(&out_);
}

void TextDumper::objects(const Reader& reader, const format::Census& census) {
  out_.print("\n{} closures, {}", tools::grouped(census.all.closures), tools::human_size(census.all.bytes));
  if (census.lazy_closures != 0) out_.print(", {} of them lazy", tools::grouped(census.lazy_closures));
  out_.write(":\n");
  const auto table = [&](const char* title) {
    return tools::Table({{"Closures", Align::right}, {"Bytes", Align::right}, {"Share", Align::right}, {title}});
  };
  const auto add = [&](const format::Census::Count& count, const std::string& name, tools::Table* to) {
    to->add({tools::grouped(count.closures), tools::grouped(count.bytes), percent(count.bytes, census.all.bytes),
             cut(name, 44)});
  };
  tools::Table constructors = table("Constructor");
  for (const ObjectRow& row : object_rows(census)) add(row.count, target_name(reader, row.target), &constructors);
  constructors.print(&out_);
  const ObjectGroups groups = object_groups(reader, census);
  for (const auto& [title, rows] : {std::pair("Module", &groups.modules), std::pair("Package", &groups.packages)}) {
    tools::Table grouped = table(title);
    for (const ObjectGroup& row : *rows) add(row.count, row.name, &grouped);
    out_.write("\n");
    grouped.print(&out_);
  }
  out_.print("Besides: {} of block descriptors, {} unused\n", tools::human_size(census.descriptor_bytes),
             tools::human_size(census.unused_bytes));
}

// --- bindings
// ----------------------------------------------------------------------------------------------------------

void TextDumper::modules(const wire::Binding& binding) {
  for (uint32_t i = 0; i < binding.header->module_count; ++i) {
    out_.print("  [{:2}] build-id {}  {}\n", i, build_id(binding.modules[i]),
               name(binding_string(binding, binding.modules[i].path)));
  }
}

void TextDumper::binding_entries(const Reader& reader) {
  const wire::View& view = reader.view();
  tools::Table table({{"Num", Align::right}, {"Module", Align::right}, {"Offset"}, {"Kind"}, {"Target"}});
  for (uint64_t i = 0; i < view.binding->entry_count; ++i) {
    const wire::BindingEntry& entry = view.entries[i];
    const bool target = i < view.target_count;
    const bool bound = entry.module != wire::kNoModule;
    table.add({fmt::format("{}", i), bound ? fmt::format("{}", entry.module) : "-",
               bound ? fmt::format("{:016x}", entry.offset) : "-",
               target ? target_kind(view.targets[i].kind) : "static root",
               target ? cut(target_name(reader, i), 33) : "(kept alive for this build)"});
  }
  table.print(&out_);
}

void TextDumper::bindings(const Reader& reader, const std::vector<format::Sidecar>& sidecars) {
  const wire::View& view = reader.view();
  if (!unreadable(reader, TableKind::binding, view.binding, "Binding of the snapshot itself")) {
    out_.print("\nBinding of the snapshot itself: {} entries, {} module{}\n", view.binding->entry_count,
               view.binding->module_count, view.binding->module_count == 1 ? "" : "s");
    modules(view.own_binding());
    binding_entries(reader);
  }
  out_.print("\n{} sidecar file{} beside the snapshot{}\n", sidecars.size(), sidecars.size() == 1 ? "" : "s",
             sidecars.empty() ? "" : ":");
  for (const format::Sidecar& sidecar : sidecars) {
    const wire::BindingHeader* const header = sidecar.binding.header;
    out_.print("{}: {}", tools::printable(sidecar.path),
               header == nullptr ? kCorrupt : fmt::format("{} entries", header->entry_count));
    out_.print("{}\n", sidecar.problem && header != nullptr ? ", not used" : "");
    if (header != nullptr) modules(sidecar.binding);
  }
}

}  // namespace fastboot::inspect
