#include "format/wire/signature.h"

namespace fastboot::wire {

namespace {

constexpr TableKind kContents[] = {TableKind::dynstr, TableKind::targets, TableKind::bitmaps, TableKind::roots,
                                   TableKind::rela,   TableKind::needed,  TableKind::members};
constexpr TableKind kPlaces[] = {TableKind::link_table, TableKind::info,   TableKind::lazy,
                                 TableKind::data,       TableKind::rebase, TableKind::cross};

SignedPart table_bytes(const View& view, TableKind kind) {
  const Table& table = view.table(kind);
  return {table.size == 0 ? nullptr : view.bytes + (table.address - view.hot.address), table.size};
}

}  // namespace

void signed_bytes(const View& view, SignedBytes* out) {
  out->header = *view.header;
  out->header.hot_size = 0;
  out->part_count = 0;
  const auto add = [&](SignedPart part) { out->parts[out->part_count++] = part; };
  // As for the content id.
  add({&out->header.flags, offsetof(Header, table_count) - offsetof(Header, flags)});
  for (const TableKind kind : kContents) add(table_bytes(view, kind));
  // Where what comes next lies, and how long it is.
  for (const TableKind kind : kPlaces) add({&view.table(kind), sizeof(Table)});
  out->range_count = 0;
  const auto add_range = [&](uint64_t offset, uint64_t size) {
    if (size != 0) out->ranges[out->range_count++] = {offset, size};
  };
  add_range(view.lazy.offset, view.lazy.file_size);
  add_range(view.data.offset, view.data.file_size);
  add_range(view.cold.offset, view.table(TableKind::chunk_hashes).address - view.cold.address);
  out->binding = table_bytes(view, TableKind::binding);
}

}  // namespace fastboot::wire
