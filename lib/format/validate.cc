// The full check of a file: everything that thaw leaves out because it would touch the data.
#include <algorithm>
#include <cstring>
#include <vector>

#include "format/reader.h"
#include "format/wire/hash.h"

namespace fastboot::format {
namespace {

using wire::Code;
using wire::TableKind;

constexpr uint64_t kPiece = uint64_t{2} << 20;

class Validator {
 public:
  Validator(const Reader& reader, size_t limit) : reader_(reader), view_(reader.view()), limit_(limit) {}

  std::vector<Error> metadata() {
    problems_ = reader_.damage();
    if (!reader_.sound()) return std::move(problems_);
    check_content_id();
    check_build_id();
    check_symbols();
    check_dynamic();
    check_sections();
    // Says less about what it finds than the others do.
    if (auto written = reader_.check_written(); problems_.empty() && !written) report(written.error());
    return std::move(problems_);
  }

  std::vector<Error> data() {
    check_data();
    check_words();
    return std::move(problems_);
  }

 private:
  bool full() const { return problems_.size() >= limit_; }
  void report(Code code, const char* section, std::string message) {
    if (!full()) problems_.push_back(Error{code, std::move(message), reader_.path(), section, std::nullopt});
  }
  void report(Error error) {
    if (error.file.empty()) error.file = reader_.path();
    if (!full()) problems_.push_back(std::move(error));
  }

  void check_content_id() {
    const ContentId computed = reader_.computed_content_id();
    if (computed != reader_.content_id()) {
      report(
          Code::hash_mismatch, ".note.fastboot",
          fmt::format("content id {}, and the tables hash to {}", to_hex(reader_.content_id().data(), computed.size()),
                      to_hex(computed.data(), computed.size())));
    }
  }

  // The first note. Debuggers and build systems know the file by it.
  void check_build_id() {
    for (uint16_t i = 0; i < view_.ehdr->e_phnum; ++i) {
      const Elf64_Phdr& phdr = view_.phdrs[i];
      if (phdr.p_type != PT_NOTE) continue;
      struct {
        Elf64_Nhdr note;
        char owner[4];
        uint8_t id[wire::kContentIdSize];
      } found = {};
      if (phdr.p_filesz >= sizeof found && phdr.p_offset <= view_.hot.file_size - sizeof found)
        memcpy(&found, view_.bytes + phdr.p_offset, sizeof found);
      if (found.note.n_type == NT_GNU_BUILD_ID && found.note.n_namesz == sizeof found.owner &&
          found.note.n_descsz == sizeof found.id && memcmp(found.owner, "GNU", sizeof found.owner) == 0 &&
          memcmp(found.id, view_.header->content_id, sizeof found.id) == 0) {
        return;
      }
    }
    report(Code::corrupt, ".note.gnu.build-id", "the first note is no GNU build-id, or not the content id");
  }

  void check_symbols() {
    for (uint64_t i = 0; i < view_.root_count; ++i) {
      const wire::Root& root = view_.roots[i];
      const std::string want = "fb.root." + std::string(reader_.string(root.name).value_or(""));
      const Elf64_Sym& symbol = view_.symbols[root.symbol];
      if (reader_.symbol_name(root.symbol) != want || symbol.st_info != ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT)) {
        report(Code::corrupt, ".dynsym",
               fmt::format("symbol {} is '{}' with info {:#x}; expected '{}', a global object", root.symbol,
                           reader_.symbol_name(root.symbol).value_or("<corrupt>"), symbol.st_info, want));
      }
    }
    for (uint64_t i = 0; i < view_.target_count; ++i) {
      const Elf64_Sym& symbol = view_.symbols[view_.targets[i].symbol];
      if (symbol.st_shndx != SHN_UNDEF || view_.targets[i].symbol == 0) {
        report(Code::corrupt, ".dynsym",
               fmt::format("target {}: its symbol {} is not undefined", i, view_.targets[i].symbol));
      }
    }
  }

  void check_dynamic() {
    const auto& symbols = view_.table(TableKind::dynsym);
    const auto& rela = view_.table(TableKind::rela);
    const auto& dynamic = view_.table(TableKind::dynamic);
    const bool raws = view_.rela_count > view_.target_count;
    const std::pair<int64_t, uint64_t> want[] = {{DT_SONAME, view_.header->image_name},
                                                 {DT_GNU_HASH, view_.table(TableKind::gnu_hash).address},
                                                 {DT_STRTAB, view_.table(TableKind::dynstr).address},
                                                 {DT_SYMTAB, symbols.address},
                                                 {DT_STRSZ, view_.table(TableKind::dynstr).size},
                                                 {DT_SYMENT, sizeof(Elf64_Sym)},
                                                 {DT_RELA, rela.address},
                                                 {DT_RELASZ, rela.size},
                                                 {DT_RELAENT, sizeof(Elf64_Rela)},
                                                 {DT_FLAGS, raws ? DF_BIND_NOW | DF_TEXTREL : DF_BIND_NOW},
                                                 {DT_FLAGS_1, DF_1_NOOPEN}};
    for (const auto& [tag, value] : want) check_tag(tag, value);
    for (uint16_t i = 0; i < view_.ehdr->e_phnum; ++i) {
      const Elf64_Phdr& phdr = view_.phdrs[i];
      if (phdr.p_type == PT_DYNAMIC && (phdr.p_vaddr != dynamic.address || phdr.p_filesz != dynamic.size)) {
        report(Code::corrupt, ".dynamic",
               fmt::format("program header {} says {:#x}+{:#x}, and the header {:#x}+{:#x}", i, phdr.p_vaddr,
                           phdr.p_filesz, dynamic.address, dynamic.size));
      }
    }
  }

  void check_tag(int64_t tag, uint64_t value) {
    uint32_t seen = 0;
    for (uint64_t i = 0; i < view_.dynamic_count && view_.dynamic[i].d_tag != DT_NULL; ++i) {
      if (view_.dynamic[i].d_tag != tag) continue;
      ++seen;
      if (view_.dynamic[i].d_un.d_val != value) {
        report(Code::corrupt, ".dynamic",
               fmt::format("tag {:#x} holds {:#x}; expected {:#x}", tag, view_.dynamic[i].d_un.d_val, value));
      }
    }
    if (seen != 1) report(Code::corrupt, ".dynamic", fmt::format("{} entries with tag {:#x}; expected one", seen, tag));
  }

  // Sections decide nothing, but tools believe them. A file without section headers is sound; where there are any, each
  // table has its own.
  void check_sections() {
    const Elf64_Ehdr& ehdr = *view_.ehdr;
    if (ehdr.e_shoff == 0 && ehdr.e_shnum == 0 && ehdr.e_shstrndx == 0) return;
    const auto sections = reader_.sections();
    if (!sections) return report(sections.error());
    for (const TableSection& known : kTableSections) {
      if (view_.table(known.kind).size != 0) check_section(known, *sections);
    }
    for (size_t i = 1; i < sections->size(); ++i) {
      if ((*sections)[i].header.sh_type != SHT_NULL) continue;
      report(Code::corrupt, "",
             fmt::format("section {} of {} is none; expected only the first one to be so", i, sections->size()));
    }
  }

  void check_section(const TableSection& known, const std::vector<Section>& sections) {
    const auto section =
        std::find_if(sections.begin(), sections.end(), [&](const Section& each) { return each.name == known.name; });
    if (section == sections.end())
      return report(Code::corrupt, known.name,
                    fmt::format("none of the {} section headers has this name", sections.size()));
    const wire::Table& table = view_.table(known.kind);
    const bool same_size =
        section->header.sh_size == table.size || known.kind == TableKind::info;  // that fills its page
    if (section->header.sh_addr == table.address && same_size) return;
    report(Code::corrupt, known.name,
           fmt::format("section header says {:#x}+{:#x}, and the header {:#x}+{:#x}", section->header.sh_addr,
                       section->header.sh_size, table.address, table.size));
  }

  void check_data() {
    const auto hashes = checked_chunk_hashes(reader_);
    if (!hashes) return report(hashes.error());
    const uint8_t* next = hashes->data();
    next = check_chunks(reader_.lazy(), ".fastboot.lazy", next);
    next = check_chunks(reader_.data(), ".fastboot.data", next);
    next = check_chunks(reader_.rebase(), ".fastboot.rebase", next);
    check_chunks(reader_.cross(), ".fastboot.cross", next);
  }

  const uint8_t* check_chunks(const ByteSource& source, const char* section, const uint8_t* hash) {
    piece_.resize(kPiece);
    for (uint64_t at = 0; at < source.size(); at += kPiece) {
      const std::span<uint8_t> bytes(piece_.data(), std::min(kPiece, source.size() - at));
      if (auto read = source.read(at, bytes); !read) {
        report(read.error());
        return hash;
      }
      for (size_t chunk = 0; chunk < bytes.size(); chunk += wire::kChunkSize, hash += wire::kHashSize) {
        uint8_t got[wire::kHashSize];
        wire::hash128(bytes.data() + chunk, std::min<uint64_t>(wire::kChunkSize, bytes.size() - chunk), got);
        if (memcmp(got, hash, sizeof got) == 0) continue;
        report(
            Code::hash_mismatch, section,
            fmt::format(
                "the chunk at file offset {} does not match its hash: the file was damaged or changed; freeze it again",
                to_string(source.file_offset() + (at + chunk))));
      }
    }
    return hash;
  }

  // A stream, and what the words that it names must hold.
  struct Stream {
    RebaseCursor cursor;
    const char* section;
    uint64_t begin, size;  // addresses; the end is one of them
    std::string whose;
  };

  // Each word that a stream names must hold an address of the slot that the stream is for, and is named once.
  void check_words() {
    std::vector<Stream> streams;
    const uint64_t slot = view_.header->slot_address;
    streams.push_back({reader_.rebase_cursor(), ".fastboot.rebase", slot, view_.header->slot_size, "the image"});
    for (uint64_t i = 0; i < view_.needed_count; ++i) {
      const wire::Needed& needed = view_.needed[i];
      streams.push_back({reader_.cross_cursor(i), ".fastboot.cross", needed.slot_address, needed.size,
                         std::string(reader_.string(needed.name).value_or(""))});
    }
    for (const auto& [source, range] :
         {std::pair{reader_.lazy(), reader_.lazy_range()}, {reader_.data(), reader_.data_range()}}) {
      for (uint64_t at = 0; at < source.size() && !full(); at += kPiece) {
        const std::span<uint8_t> bytes(piece_.data(), std::min(kPiece, source.size() - at));
        if (auto read = source.read(at, bytes); !read) return report(read.error());
        named_.assign(streams.size() > 1 ? bytes.size() / 8 : 0, false);
        for (Stream& stream : streams) {
          if (auto checked = check_piece(range.begin + at, bytes, &stream); !checked) return report(checked.error());
        }
      }
    }
  }

  Result<void> check_piece(ImageAddress begin, std::span<const uint8_t> bytes, Stream* stream) {
    while (true) {
      ImageAddress at;
      const auto more = stream->cursor.next_before(begin + bytes.size(), &at);
      if (!more) return tl::unexpected(more.error());
      if (!*more) return {};
      uint64_t word = 0;
      memcpy(&word, bytes.data() + (at - begin), sizeof word);
      if (word < stream->begin || word - stream->begin > stream->size) {
        report(
            Code::corrupt, stream->section,
            fmt::format("the word at {} holds {:#x}, which is no address of {}", to_string(at), word, stream->whose));
      }
      if (named_.empty()) continue;
      const uint64_t index = (at - begin) / 8;
      if (named_[index]) {
        report(Code::corrupt, stream->section,
               fmt::format("the word at {} is named by two streams; expected one", to_string(at)));
      }
      named_[index] = true;
    }
  }

  const Reader& reader_;
  const wire::View& view_;
  size_t limit_;
  std::vector<Error> problems_;
  std::vector<uint8_t> piece_;
  std::vector<bool> named_;  // words of the piece
};

}  // namespace

std::vector<Error> validate_metadata(const Reader& reader, size_t limit) { return Validator(reader, limit).metadata(); }

std::vector<Error> validate_data(const Reader& reader, size_t limit) { return Validator(reader, limit).data(); }

std::vector<Error> validate(const Reader& reader, size_t limit) {
  std::vector<Error> problems = validate_metadata(reader, limit);
  if (!reader.sound() || problems.size() >= limit) return problems;
  for (Error& problem : validate_data(reader, limit - problems.size())) problems.push_back(std::move(problem));
  return problems;
}

}  // namespace fastboot::format
