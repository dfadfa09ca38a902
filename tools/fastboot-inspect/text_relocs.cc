// Relocations, by what they are for.
#include "fastboot-inspect/names.h"
#include "fastboot-inspect/text_dumper.h"

namespace fastboot::inspect {

using format::Reader;
using wire::TableKind;

// How people know the target: a constructor's description, a symbol, or the fingerprint of private code.
std::string TextDumper::reloc_target(const Reader& reader, const RelocEntry& entry) const {
  const uint64_t symbol = ELF64_R_SYM(entry.rela->r_info);
  const std::string sign = symbol_name(reader, symbol);
  if (!entry.target) return cut(sign, 30);
  const wire::Target& target = reader.view().targets[*entry.target];
  const std::string fingerprint = target_fingerprint(target);
  if (!options_.wide) {
    if (target.name != 0) return cut(name(reader.string(target.name)), 30);
    const bool is_private = sign.starts_with("fb.t.") && !fingerprint.empty();
    return is_private ? fmt::format("{} {{{}...}}", sign, fingerprint.substr(0, 8)) : cut(sign, 30);
  }
  std::string text = sign;
  const std::string description = target.name == 0 ? "" : name(reader.string(target.name));
  if (description != sign && !description.empty()) text += " " + description;
  if (!fingerprint.empty()) text += fmt::format(" {{{}}}", fingerprint);
  return text;
}

void TextDumper::reloc_entry(const Reader& reader, const RelocEntry& entry) {
  const Elf64_Rela& rela = *entry.rela;
  const std::string kind = entry.target ? target_kind(reader.view().targets[*entry.target].kind) : "";
  if (options_.wide) {
    out_.print("{:016x}  {:016x} {:<17} {:<7} {:<14} {:>9} {}", rela.r_offset, rela.r_info,
               relocation_type(rela.r_info), entry.kind ? class_name(*entry.kind) : kCorrupt, kind, entry.uses,
               reloc_target(reader, entry));
  } else {
    out_.print("{:012x} {:<17} {:<6} {:<14} {}", rela.r_offset, relocation_type(rela.r_info),
               entry.kind ? class_name(*entry.kind) : kCorrupt, kind, reloc_target(reader, entry));
  }
  const bool shown = rela.r_addend != 0 || ELF64_R_TYPE(rela.r_info) == R_X86_64_64;
  out_.print("{}\n", shown ? fmt::format(" + {:x}", rela.r_addend) : "");
}

void TextDumper::relocs(const Reader& reader, RelocStreams* streams) {
  const wire::View& view = reader.view();
  RelocCounts counts;
  counts[RelocClass::internal] = streams->internal;
  for (const uint64_t words : streams->cross) counts[RelocClass::cross] += words;
  if (!unreadable(reader, TableKind::rela, view.relas, "Relocation section '.rela.dyn'")) {
    const auto entries = reloc_entries(reader);
    const uint64_t offset = view.table(TableKind::rela).address - view.header->slot_address;
    out_.print("\nRelocation section '.rela.dyn' at offset {:#x} contains {} entries:\n", offset, entries.size());
    out_.write(options_.wide ? "    Offset             Info             Type        Class   Target         "
                               "     Uses Symbol, Constructor {Fingerprint} + Addend\n"
                             : "  Offset     Type              Class  Target         Name + Addend\n");
    for (const RelocEntry& entry : entries) {
      if (entry.kind) ++counts[*entry.kind];
      if (!entry.kind || options_.relocs.has(*entry.kind)) reloc_entry(reader, entry);
    }
  }
  out_.print("\nRebase stream '.fastboot.rebase' at offset {:#x} contains {} bytes: {} internal relocations\n",
             reader.rebase().file_offset().value(), reader.rebase().size(), tools::grouped(streams->internal));
  if (streams->internal_words) image_words(reader, &*streams->internal_words);
  for (uint64_t i = 0; i < streams->cross.size(); ++i) {
    out_.print("\nStream {} of '.fastboot.cross' contains {} bytes: {} relocations to {}\n", i, reader.cross(i).size(),
               tools::grouped(streams->cross[i]), name(reader.string(view.needed[i].name)));
    if (i < streams->cross_words.size()) image_words(reader, &streams->cross_words[i]);
  }
  out_.write("\nRelocations by class:");
  for (const RelocClass kind : kRelocClasses) {
    out_.print("{} {} {}", kind == kRelocClasses[0] ? "" : ",", tools::grouped(counts[kind]), class_name(kind));
  }
  out_.write("\n");
}

void TextDumper::image_words(const Reader& reader, ImageWords* words) {
  out_.write("  Offset     Value            Kind     Of or to\n");
  auto word = words->next();
  for (; word && *word; word = words->next()) {
    const bool known = (*word)->target != format::TargetIndex::kNone;
    out_.print("{:012x} {:016x} {:<8}{}\n", (*word)->address.value(), (*word)->value, word_kind_name((*word)->kind),
               known ? " " + cut(target_name(reader, (*word)->target), 40) : "");
  }
  if (!word) note_failure(tl::unexpected(word.error()));
}

}  // namespace fastboot::inspect
