// What the words of a snapshot that depend on where things lie are for, as --relocs tells them apart.
//
// An image has five sorts of them: internal ones hold an address inside the image (the rebase stream names them);
// link-table words hold an address of the program's code or of a static closure that is kept alive; raw ones are words
// of closures that hold an address of the very build that froze; cross-image ones hold an address in another image.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/heap.h"
#include "format/reader.h"

namespace fastboot::inspect {

enum class RelocClass { internal, code, static_root, raw, cross };
inline constexpr RelocClass kRelocClasses[] = {RelocClass::internal, RelocClass::code, RelocClass::static_root,
                                               RelocClass::raw, RelocClass::cross};

// "internal", "code", "static", "raw", "cross"
std::string_view class_name(RelocClass kind);

// Which classes are to be listed. Words of the image (internal and cross-image ones) are listed only where their class
// is named: there are millions.
class RelocClasses {
 public:
  // "all", or names separated by commas. Nothing is changed when a name is not known: then the result is what to tell
  // the user.
  std::string parse(const std::string& text);
  bool any() const { return bits_ != 0; }
  bool has(RelocClass kind) const { return (bits_ & bit(kind)) != 0; }
  bool names(RelocClass kind) const { return (named_ & bit(kind)) != 0; }

 private:
  static uint32_t bit(RelocClass kind) { return uint32_t{1} << static_cast<uint32_t>(kind); }
  uint32_t bits_ = 0;
  uint32_t named_ = 0;
};

// An entry of .rela.dyn.
struct RelocEntry {
  const Elf64_Rela* rela = nullptr;
  std::optional<RelocClass> kind;  // nothing: a damaged file does not tell
  std::optional<uint32_t> target;  // the target whose address the word gets
  uint64_t uses = 0;               // closures that refer to the target
};
std::vector<RelocEntry> reloc_entries(const format::Reader& reader);

// Numbers by class.
struct RelocCounts {
  uint64_t of[std::size(kRelocClasses)] = {};
  uint64_t& operator[](RelocClass kind) { return of[static_cast<size_t>(kind)]; }
  uint64_t operator[](RelocClass kind) const { return of[static_cast<size_t>(kind)]; }
};

// What a word of the image is that holds an address. `cross`: an address in a needed image.
enum class WordKind { header, pointer, interior, block, cross };
std::string_view word_kind_name(WordKind kind);

struct ImageWord {
  format::ImageAddress address;
  uint64_t value = 0;
  WordKind kind = WordKind::interior;
  uint32_t target = format::TargetIndex::kNone;  // of the closure that begins here, or that the word points to
};

// Gives the words that a stream names, one after the other. It reads the image in pieces that it keeps for a while,
// since pointers lead to near places as a rule.
class ImageWords {
 public:
  // Of the rebase stream, or of the stream of a needed image.
  static format::Result<ImageWords> make(const format::Reader& reader, std::optional<uint64_t> needed);
  // The next one; nothing at the end.
  format::Result<std::optional<ImageWord>> next();

 private:
  ImageWords(const format::Reader& reader, format::TargetIndex index, std::optional<uint64_t> needed);
  format::Result<uint64_t> word(format::ImageAddress address);
  format::Result<void> describe(ImageWord* word);
  bool names_block(const ImageWord& word) const;

  struct Piece {
    uint64_t number = ~uint64_t{0};
    std::vector<uint8_t> bytes;
  };

  format::TargetIndex index_;
  bool cross_;
  format::RebaseCursor cursor_;
  format::ImageRange info_, lazy_, data_;
  format::ByteSource lazy_bytes_, data_bytes_;
  std::vector<Piece> pieces_;
};

// The words of the image that streams name: how many, so far as the streams can be read, and the words themselves where
// they are to be listed.
struct RelocStreams {
  uint64_t internal = 0;
  std::vector<uint64_t> cross;  // for each needed image
  std::optional<ImageWords> internal_words;
  std::vector<ImageWords> cross_words;  // empty, or one for each needed image
};

}  // namespace fastboot::inspect
