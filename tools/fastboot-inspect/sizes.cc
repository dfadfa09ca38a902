#include "fastboot-inspect/sizes.h"

#include <algorithm>

#include "common/table.h"
#include "fastboot-inspect/names.h"

namespace fastboot::inspect {

using format::RetainedSizes;
using tools::Align;
using tools::grouped;

namespace {

format::Result<std::vector<SizeRow>> rows_of(const format::Reader& reader, const RetainedSizes& retained) {
  const auto target_count = static_cast<uint32_t>(reader.view().target_count);
  auto shares = retained.by_target(target_count);
  if (!shares) return tl::unexpected(shares.error());
  std::vector<SizeRow> rows;
  for (uint32_t i = 0; i < target_count; ++i) {
    if ((*shares)[i].closures != 0) rows.push_back({closure_name(reader, i), i, (*shares)[i]});
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const SizeRow& a, const SizeRow& b) { return a.share.retained > b.share.retained; });
  return rows;
}

void print_rows(const std::vector<SizeRow>& rows, uint64_t all, const char* title, bool wide, tools::Output* out) {
  tools::Table table({{"Closures", Align::right},
                      {"Own bytes", Align::right},
                      {"Retained", Align::right},
                      {"Share", Align::right},
                      {title}});
  for (const SizeRow& row : rows) {
    table.add({grouped(row.share.closures), grouped(row.share.own), grouped(row.share.retained),
               percent(row.share.retained, all), cut_name(row.name.full, 36, wide)});
  }
  table.print(out);
}

void write_rows(const std::vector<SizeRow>& rows, const char* key, tools::Json* json) {
  json->key(key);
  json->begin_array();
  for (const SizeRow& row : rows) {
    json->begin_object();
    json->text("name", row.name.full);
    json->text("package", row.name.package);
    json->text("module", row.name.module);
    json->number("target", row.target);
    json->number("closures", row.share.closures);
    json->number("bytes", row.share.own);
    json->number("retained_bytes", row.share.retained);
    json->end_object();
  }
  json->end_array();
}

}  // namespace

std::string cut_name(const std::string& text, size_t width, bool wide) {
  if (wide || tools::display_width(text) <= width) return text;
  size_t end = width - 5;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "[...]";
}

std::string percent(uint64_t part, uint64_t all) {
  return fmt::format("{:.1f} %", all == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(all));
}

format::Result<Sizes> Sizes::make(const format::Reader& reader, const RetainedSizes& retained, bool wide) {
  Sizes sizes;
  const format::DominatorTree& tree = retained.tree();
  sizes.wide_ = wide;
  sizes.closures_ = tree.count() - 1;
  sizes.bytes_ = retained.retained(0);
  sizes.unreachable_ = tree.unreachable();
  sizes.shared_ = sizes.bytes_;
  std::vector<uint32_t> seen;
  for (uint64_t i = 0; i < reader.view().root_count; ++i) {
    const wire::Root& root = reader.view().roots[i];
    const uint32_t closure = tree.index().at(format::ImageAddress(root.address));
    const uint32_t vertex = closure == format::ClosureIndex::kNone ? 0 : tree.vertex(closure);
    const uint64_t bytes = vertex == 0 ? 0 : retained.retained(vertex);
    sizes.roots_.push_back({checked(reader.string(root.name)), checked(reader.string(root.type_name)), bytes});
    // A root below another one's closure, or the same closure, is not counted again.
    if (vertex == 0 || tree.idom(vertex) != 0 || std::find(seen.begin(), seen.end(), vertex) != seen.end()) continue;
    seen.push_back(vertex);
    sizes.shared_ -= bytes;
  }
  auto rows = rows_of(reader, retained);
  if (!rows) return tl::unexpected(rows.error());
  sizes.rows_ = std::move(*rows);
  return sizes;
}

void Sizes::text(tools::Output* out) const {
  out->print("\nRetained sizes of {} closures, {}:\n", grouped(closures_), tools::human_size(bytes_));
  tools::Table roots({{"Retained", Align::right}, {"Share", Align::right}, {"Root"}});
  for (const RootSize& root : roots_) {
    roots.add({grouped(root.retained), percent(root.retained, bytes_),
               cut_name(tools::printable(root.name) + " :: " + tools::printable(root.type), 54, wide_)});
  }
  if (shared_ != 0) roots.add({grouped(shared_), percent(shared_, bytes_), "(reached from several roots)"});
  roots.print(out);
  out->write("\nBy constructor and code; what lies below another of the same counts once:\n");
  print_rows(rows_, bytes_, "Constructor", wide_, out);
  if (unreachable_ != 0) out->print("Besides: {} closures that no root leads to\n", grouped(unreachable_));
}

void Sizes::json(tools::Json* json) const {
  json->key("sizes");
  json->begin_object();
  json->number("closures", closures_);
  json->number("bytes", bytes_);
  json->number("unreachable_closures", unreachable_);
  json->number("shared_bytes", shared_);
  json->key("by_root");
  json->begin_array();
  for (const RootSize& root : roots_) {
    json->begin_object();
    json->text("name", root.name);
    json->text("type", root.type);
    json->number("retained_bytes", root.retained);
    json->end_object();
  }
  json->end_array();
  write_rows(rows_, "by_constructor", json);
  json->end_object();
}

format::Result<LazySizes> LazySizes::make(const format::Reader& reader, const RetainedSizes& retained, bool wide) {
  LazySizes lazy;
  lazy.wide_ = wide;
  lazy.bytes_ = retained.retained(0);
  auto rows = rows_of(reader, retained);
  if (!rows) return tl::unexpected(rows.error());
  for (SizeRow& row : *rows) {
    const uint16_t kind = reader.view().targets[row.target].kind;
    if (kind == static_cast<uint16_t>(wire::TargetKind::thunk)) lazy.rows_.push_back(std::move(row));
  }
  return lazy;
}

void LazySizes::text(tools::Output* out) const {
  uint64_t closures = 0;
  for (const SizeRow& row : rows_) closures += row.share.closures;
  out->print("\n{} lazy closures{}\n", grouped(closures), rows_.empty() ? "" : ", by their code:");
  if (!rows_.empty()) print_rows(rows_, bytes_, "Thunk", wide_, out);
}

void LazySizes::json(tools::Json* json) const { write_rows(rows_, "lazy", json); }

}  // namespace fastboot::inspect
