#include "fastboot-ld/report.h"

#include <cstring>

#include "common/json.h"
#include "common/table.h"

namespace fastboot::ld {
namespace {

using format::Reader;
using format::to_hex;
using tools::grouped;
using tools::human_size;

constexpr uint64_t kSchemaVersion = 1;

std::string hex(const std::vector<uint8_t>& bytes) { return to_hex(bytes.data(), bytes.size()); }

uint64_t image_bytes(const Reader& reader) { return reader.view().lazy.size + reader.view().data.size; }

uint64_t bytes_saved(const reloc::Shrunk& shrunk) {
  return shrunk.bytes_before > shrunk.bytes_after ? shrunk.bytes_before - shrunk.bytes_after : 0;
}

// Whose root it was.
const std::string& image_of_root(const Report& report, const std::string& root) {
  return report.inputs[report.linked.root_input.at(root)].model.image_name;
}

// How people know a target: a constructor's description, else its symbol.
std::string name_of(const Reader& reader, uint64_t target) {
  return std::string(reader.target_name(target).value_or("?"));
}

void add_part(const std::string& image, const char* part, uint64_t from, uint64_t to, uint64_t size,
              tools::Table* table) {
  if (size == 0) return;
  table->add({tools::printable(image), part, fmt::format("{:#x}", to), grouped(size), fmt::format("{:#x}", from)});
}

void map_members(const Report& report, tools::Output* out) {
  out->write("\nMembers\n");
  tools::Table table({{"Image"}, {"Part"}, {"Address"}, {"Bytes", tools::Align::right}, {"Was at"}});
  for (const format::ModelMember& member : report.linked.model.members) {
    const wire::Member& record = member.record;
    if ((record.flags & wire::kMemberWhole) == 0) {
      table.add({tools::printable(member.name), "-", "(closures merged or dropped)", "-", "-"});
      continue;
    }
    add_part(member.name, "lazy", record.lazy_address, record.new_lazy_address, record.lazy_size, &table);
    add_part(member.name, "data", record.data_address, record.new_data_address, record.data_size, &table);
  }
  table.print(out);
}

void map_roots(const Report& report, tools::Output* out) {
  out->write("\nRoots\n");
  tools::Table table({{"Name"}, {"Image"}, {"Address"}, {"Type"}});
  for (const format::ModelRoot& root : report.linked.model.roots) {
    table.add({root.name, image_of_root(report, root.name), to_string(root.address), tools::printable(root.type_name)});
  }
  table.print(out);
}

void map_targets(const Report& report, tools::Output* out) {
  const Reader& reader = *report.written;
  out->write("\nTargets\n");
  tools::Table table({{"Link word"}, {"Info table"}, {"Closures", tools::Align::right}, {"Name"}});
  for (uint64_t i = 0; i < reader.view().target_count; ++i) {
    const wire::Target& target = reader.view().targets[i];
    const std::string info = target.info_offset == 0 ? "-" : to_string(reader.info_range().begin + target.info_offset);
    table.add({fmt::format("{:#x}", reader.view().link.address + i * 8), info, grouped(target.uses),
               tools::printable(name_of(reader, i))});
  }
  table.print(out);
}

}  // namespace

void print_summary(const Report& report, const Options& options, tools::Output* out) {
  const Reader& reader = *report.written;
  const wire::View& view = reader.view();
  const format::Model& model = report.linked.model;
  out->print("{}: linked {} {}: {}, {} closures ({} lazy), {} roots, {} targets of {}\n", options.output,
             report.inputs.size(), report.inputs.size() == 1 ? "image" : "images", human_size(image_bytes(reader)),
             grouped(view.header->closures), grouped(view.header->lazy_closures), grouped(model.roots.size()),
             grouped(model.targets.size()), grouped(report.linked.targets_before));
  if (options.gc_roots) {
    out->print("  dropped {} closures, {} ({} roots, {} targets)\n", grouped(report.shrunk->dropped_closures),
               human_size(report.shrunk->dropped_bytes), grouped(report.shrunk->dropped_roots),
               grouped(report.shrunk->dropped_targets));
  }
  if (options.icf) {
    out->print("  merged {} closures into equal ones, {}\n", grouped(report.shrunk->folded_closures),
               human_size(report.shrunk->folded_bytes));
  }
  if (report.shrunk) {
    out->print("  {} bytes saved of {}\n", grouped(bytes_saved(*report.shrunk)), grouped(report.shrunk->bytes_before));
  }
  for (const format::ModelNeeded& needed : model.needed)
    out->print("  still needs {}\n", tools::printable(needed.name));
}

std::string map_of(const Report& report, const Options& options) {
  std::string text;
  tools::Output out(&text);
  const Reader& reader = *report.written;
  const wire::View& view = reader.view();
  out.print("{}: image {} at {:#x}, content id {}\n\nInputs\n", tools::printable(options.output),
            reader.string(view.header->image_name).value_or("?"), view.header->slot_address,
            to_hex(reader.content_id().data(), wire::kContentIdSize));
  tools::Table inputs({{"File"}, {"Image"}, {"Content id"}});
  for (const reloc::LinkInput& input : report.inputs) {
    inputs.add({tools::printable(input.path), input.model.image_name,
                to_hex(input.content_id.data(), input.content_id.size())});
  }
  inputs.print(&out);
  map_members(report, &out);
  map_roots(report, &out);
  map_targets(report, &out);
  if (!report.linked.model.needed.empty()) out.write("\nNeeded\n");
  for (const format::ModelNeeded& needed : report.linked.model.needed) {
    out.print("  {}  {:#x}  {}\n", needed.name, needed.record.slot_address,
              to_hex(needed.record.content_id, wire::kContentIdSize));
  }
  out.flush();
  return text;
}

namespace {

void print_inputs(const Report& report, tools::Json* json) {
  json->key("inputs");
  json->begin_array();
  for (const reloc::LinkInput& input : report.inputs) {
    json->begin_object();
    json->text("file", input.path);
    json->text("image", input.model.image_name);
    json->text("content_id", to_hex(input.content_id.data(), input.content_id.size()));
    json->address("slot_address", input.model.slot_address.value());
    json->number("targets", uint64_t{input.model.targets.size()});
    json->end_object();
  }
  json->end_array();
}

void print_members(const Report& report, tools::Json* json) {
  json->key("members");
  json->begin_array();
  for (const format::ModelMember& member : report.linked.model.members) {
    const wire::Member& record = member.record;
    json->begin_object();
    json->text("image", member.name);
    json->text("content_id", to_hex(record.content_id, wire::kContentIdSize));
    json->boolean("whole", (record.flags & wire::kMemberWhole) != 0);
    json->number("lazy_bytes", record.lazy_size);
    json->number("data_bytes", record.data_size);
    if (record.lazy_size != 0) json->address("lazy_address", record.new_lazy_address);
    if (record.data_size != 0) json->address("data_address", record.new_data_address);
    json->end_object();
  }
  json->end_array();
}

void print_roots(const Report& report, tools::Json* json) {
  json->key("roots");
  json->begin_array();
  for (const format::ModelRoot& root : report.linked.model.roots) {
    json->begin_object();
    json->text("name", root.name);
    json->text("type", root.type_name);
    json->text("image", image_of_root(report, root.name));
    json->address("address", root.address.value());
    json->end_object();
  }
  json->end_array();
}

void print_needed(const Report& report, tools::Json* json) {
  json->key("needed");
  json->begin_array();
  for (const format::ModelNeeded& needed : report.linked.model.needed) {
    json->begin_object();
    json->text("name", needed.name);
    json->text("content_id", to_hex(needed.record.content_id, wire::kContentIdSize));
    json->address("slot_address", needed.record.slot_address);
    json->end_object();
  }
  json->end_array();
}

void print_shrunk(const reloc::Shrunk& shrunk, tools::Json* json) {
  json->key("shrunk");
  json->begin_object();
  json->number("bytes_before", shrunk.bytes_before);
  json->number("bytes_after", shrunk.bytes_after);
  json->number("bytes_saved", bytes_saved(shrunk));
  json->number("dropped_closures", shrunk.dropped_closures);
  json->number("dropped_bytes", shrunk.dropped_bytes);
  json->number("dropped_roots", shrunk.dropped_roots);
  json->number("dropped_targets", shrunk.dropped_targets);
  json->number("merged_closures", shrunk.folded_closures);
  json->number("merged_bytes", shrunk.folded_bytes);
  json->end_object();
}

void print_output(const Report& report, tools::Json* json) {
  const Reader& reader = *report.written;
  const wire::Header& header = *reader.view().header;
  json->text("image", reader.string(header.image_name).value_or(""));
  json->address("slot_address", header.slot_address);
  json->text("content_id", to_hex(header.content_id, wire::kContentIdSize));
  json->text("build_id", hex(report.linked.build_id));
  json->number("image_bytes", image_bytes(reader));
  json->number("file_bytes", reader.file_size());
  json->number("closures", header.closures);
  json->number("lazy_closures", header.lazy_closures);
  json->number("targets", reader.view().target_count);
  json->number("targets_before", report.linked.targets_before);
  print_members(report, json);
  print_roots(report, json);
  print_needed(report, json);
  if (report.shrunk) print_shrunk(*report.shrunk, json);
}

}  // namespace

void print_json(const Report& report, const Options& options, tools::Output* out) {
  tools::Json json(out);
  json.begin_object();
  json.text("schema", "fastboot-ld");
  json.number("schema_version", kSchemaVersion);
  json.boolean("ok", report.problems.empty());
  json.text("output", options.output);
  print_inputs(report, &json);
  if (report.written) print_output(report, &json);
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

}  // namespace fastboot::ld
