// Reading a snapshot file.
//
//   auto reader = Reader::open("dict.snap");
//   if (!reader) report(reader.error());
//
// Hot metadata (names, targets, roots: the first megabyte at most, as a rule) is read and checked when the file is
// opened. Everything else is read when asked for. A Reader is immutable and may be used by several threads.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/address.h"
#include "format/error.h"
#include "format/file.h"
#include "format/model.h"
#include "format/rebase.h"
#include "format/wire/parse.h"

namespace fastboot::format {

using ContentId = std::array<uint8_t, wire::kContentIdSize>;

std::string to_hex(const uint8_t* bytes, size_t size);

// A section header with its name, for tools. No reader decides anything by sections.
struct Section {
  std::string name;  // "<corrupt>" where it cannot be read
  Elf64_Shdr header = {};
};

enum class Mode {
  strict,   // any doubt is an error
  lenient,  // hashes are not checked; what is damaged is listed in damage() and left out of view()
};

class Reader {
 public:
  // Strict: only a file whose whole hot metadata is sound opens. Lenient: fails only for what is not an ELF file with
  // Fastboot's note, cannot be read, or has a newer format.
  static Result<Reader> open(const std::string& path, Mode mode = Mode::strict);
  Reader(Reader&&) = default;
  Reader& operator=(Reader&&) = default;

  const std::string& path() const { return file_->path(); }
  uint64_t file_size() const { return file_->size(); }
  bool sound() const { return damage_.empty(); }
  // Lenient only: what is wrong, in the order in which it was found.
  const std::vector<Error>& damage() const { return damage_; }

  // Valid as long as this Reader. In lenient mode tables that could not be read are empty (null, count 0), and what
  // records point to is unchecked: use string(), symbol_name() and target_name(), which check. `header` is never null.
  const wire::View& view() const { return view_; }
  ContentId content_id() const;
  // What the tables hash to; in a sound file, the same. Not for a damaged one.
  ContentId computed_content_id() const;

  // Text of the string table; nothing when the offset is past its end or the string does not end in it.
  std::optional<std::string_view> string(uint64_t offset) const;
  std::optional<std::string_view> symbol_name(uint64_t index) const;
  // How people know the target: a constructor's description, else its symbol.
  std::optional<std::string_view> target_name(uint64_t index) const;
  std::optional<std::string_view> binding_string(uint64_t offset) const;

  ImageRange lazy_range() const;
  ImageRange data_range() const;
  ImageRange info_range() const;
  ByteSource lazy() const { return segment(view_.lazy); }
  ByteSource data() const { return segment(view_.data); }
  ByteSource rebase() const;
  ByteSource chunk_hashes() const;
  RebaseCursor rebase_cursor() const { return {rebase(), lazy_range(), data_range()}; }
  // The words that point into needed image `index`, and those that point into any.
  ByteSource cross(uint64_t index) const;
  ByteSource cross() const { return cold_table(wire::TableKind::cross); }
  RebaseCursor cross_cursor(uint64_t index) const {
    return {cross(index), lazy_range(), data_range(), ".fastboot.cross"};
  }
  // Any bytes of the file.
  ByteSource bytes(FileOffset offset, uint64_t size) const { return {file_, offset, size}; }

  // The section headers; none in a file whose section headers were stripped.
  Result<std::vector<Section>> sections() const;

  // Takes the snapshot apart, to be written again. Not for a damaged file. Refuses metadata that write() would not make
  // (canonical.h).
  Result<Model> model() const;
  // The last of these alone. Not for a damaged file.
  Result<void> check_written() const;

 private:
  explicit Reader(std::shared_ptr<const File> file) : file_(std::move(file)) {}
  Result<void> load(Mode mode);
  Result<void> load_damaged(const wire::Error& reason);
  Result<Model> assembled() const;  // without hashes, and unchecked
  ByteSource segment(const wire::Segment& segment) const;
  ByteSource cold_table(wire::TableKind kind) const;

  std::shared_ptr<const File> file_;
  std::vector<uint8_t> hot_;  // file offsets 0 to hot_size
  wire::View view_;           // points into hot_, whose bytes stay where they are when a Reader moves
  std::vector<Error> damage_;
};

// The table of chunk hashes, checked against the header.
Result<std::vector<uint8_t>> checked_chunk_hashes(const Reader& reader);

// The tables that have a section of their own, and its name.
struct TableSection {
  const char* name;
  wire::TableKind kind;
};
inline constexpr TableSection kTableSections[] = {{".gnu.hash", wire::TableKind::gnu_hash},
                                                  {".dynsym", wire::TableKind::dynsym},
                                                  {".dynstr", wire::TableKind::dynstr},
                                                  {".rela.dyn", wire::TableKind::rela},
                                                  {".dynamic", wire::TableKind::dynamic},
                                                  {".fastboot.targets", wire::TableKind::targets},
                                                  {".fastboot.bitmaps", wire::TableKind::bitmaps},
                                                  {".fastboot.roots", wire::TableKind::roots},
                                                  {".fastboot.binding", wire::TableKind::binding},
                                                  {".got", wire::TableKind::link_table},
                                                  {".fastboot.info", wire::TableKind::info},
                                                  {".fastboot.lazy", wire::TableKind::lazy},
                                                  {".fastboot.data", wire::TableKind::data},
                                                  {".fastboot.rebase", wire::TableKind::rebase},
                                                  {".fastboot.needed", wire::TableKind::needed},
                                                  {".fastboot.cross", wire::TableKind::cross},
                                                  {".fastboot.members", wire::TableKind::members},
                                                  {".fastboot.hash", wire::TableKind::chunk_hashes}};

// Checks of what opening does not check. Each gives what is wrong, at most `limit` entries; nothing: that part is
// sound. Of the metadata: the content id, symbols, the dynamic section, and the section headers. Reads metadata only.
std::vector<Error> validate_metadata(const Reader& reader, size_t limit = 20);
// Of the rest: the hashes of all chunks, and that each word which a stream names holds an address of the slot that the
// stream is for. Reads the whole file once, in bounded memory. For sound metadata.
std::vector<Error> validate_data(const Reader& reader, size_t limit = 20);
// Both.
std::vector<Error> validate(const Reader& reader, size_t limit = 20);

}  // namespace fastboot::format
