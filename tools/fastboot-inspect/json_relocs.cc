// Relocations, by what they are for.
#include "fastboot-inspect/json_dumper.h"
#include "fastboot-inspect/names.h"

namespace fastboot::inspect {

using format::Reader;

void JsonDumper::reloc_entry(const Reader& reader, const RelocEntry& entry) {
  const Elf64_Rela& rela = *entry.rela;
  const auto symbol = reader.symbol_name(ELF64_R_SYM(rela.r_info));
  json_.begin_object();
  json_.address("address", rela.r_offset);
  json_.text("type", relocation_type(rela.r_info));
  json_.text("class", entry.kind ? class_name(*entry.kind) : kCorrupt);
  string("symbol", symbol);
  decoded(symbol);
  json_.key("addend");
  json_.number(rela.r_addend);
  json_.key("target");
  if (entry.target) {
    const wire::Target& target = reader.view().targets[*entry.target];
    const std::string fingerprint = target_fingerprint(target);
    json_.begin_object();
    json_.number("index", *entry.target);
    json_.text("kind", target_kind(target.kind));
    string("constructor", target.name == 0 ? std::nullopt : reader.string(target.name));
    string("fingerprint", fingerprint.empty() ? std::nullopt : std::optional<std::string_view>(fingerprint));
    json_.number("closures", target.uses);
    json_.end_object();
  } else {
    json_.null();
  }
  json_.end_object();
}

void JsonDumper::relocs(const Reader& reader, RelocStreams* streams) {
  const auto entries = reloc_entries(reader);
  RelocCounts counts;
  counts[RelocClass::internal] = streams->internal;
  for (const uint64_t words : streams->cross) counts[RelocClass::cross] += words;
  for (const RelocEntry& entry : entries) {
    if (entry.kind) ++counts[*entry.kind];
  }
  json_.key("relocations");
  json_.begin_object();
  json_.key("counts");
  json_.begin_object();
  for (const RelocClass kind : kRelocClasses) json_.number(class_name(kind), counts[kind]);
  json_.end_object();
  json_.number("rebase_bytes", reader.rebase().size());
  if (begin_table("entries", reader, wire::TableKind::rela, reader.view().relas)) {
    for (const RelocEntry& entry : entries) {
      if (!entry.kind || options_.relocs.has(*entry.kind)) reloc_entry(reader, entry);
    }
    json_.end_array();
  }
  if (streams->internal_words) {
    json_.key("internal");
    image_words(reader, &*streams->internal_words);
  }
  cross_streams(reader, streams);
  json_.end_object();
}

void JsonDumper::cross_streams(const Reader& reader, RelocStreams* streams) {
  json_.key("cross");
  json_.begin_array();
  for (uint64_t i = 0; i < streams->cross.size(); ++i) {
    json_.begin_object();
    string("image", reader.string(reader.view().needed[i].name));
    json_.number("count", streams->cross[i]);
    if (i < streams->cross_words.size()) {
      json_.key("words");
      image_words(reader, &streams->cross_words[i]);
    }
    json_.end_object();
  }
  json_.end_array();
}

void JsonDumper::image_words(const Reader& reader, ImageWords* words) {
  json_.begin_array();
  auto word = words->next();
  for (; word && *word; word = words->next()) {
    const bool known = (*word)->target != format::TargetIndex::kNone;
    const auto name = known ? reader.target_name((*word)->target) : std::nullopt;
    json_.begin_object();
    json_.address("address", (*word)->address.value());
    json_.address("value", (*word)->value);
    json_.text("kind", word_kind_name((*word)->kind));
    string("name", name);
    decoded(name);
    json_.end_object();
  }
  json_.end_array();
  if (!word) note_failure(tl::unexpected(word.error()));
}

}  // namespace fastboot::inspect
