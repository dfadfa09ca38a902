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

// Which classes are to be listed. Internal ones are listed only where they are named: there are millions.
class RelocClasses {
 public:
  // "all": all but internal ones; or names separated by commas. Nothing is changed when a name is not known: then the
  // result is what to tell the user.
  std::string parse(const std::string& text);
  bool any() const { return bits_ != 0; }
  bool has(RelocClass kind) const { return (bits_ & bit(kind)) != 0; }

 private:
  static uint32_t bit(RelocClass kind) { return uint32_t{1} << static_cast<uint32_t>(kind); }
  uint32_t bits_ = 0;
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

// What an internal word is.
enum class WordKind { header, pointer, interior, block };
std::string_view word_kind_name(WordKind kind);

struct InternalWord {
  format::ImageAddress address;
  uint64_t value = 0;
  WordKind kind = WordKind::interior;
  uint32_t target = format::TargetIndex::kNone;  // of the closure that begins here, or that the word points to
};

// Gives the words that the rebase stream names, one after the other. It reads the image in pieces that it keeps for a
// while, since pointers lead to near places as a rule.
class InternalWords {
 public:
  static format::Result<InternalWords> make(const format::Reader& reader);
  // The next one; nothing at the end.
  format::Result<std::optional<InternalWord>> next();

 private:
  InternalWords(const format::Reader& reader, format::TargetIndex index);
  format::Result<uint64_t> word(format::ImageAddress address);
  format::Result<void> describe(InternalWord* word);
  bool names_block(const InternalWord& word) const;

  struct Piece {
    uint64_t number = ~uint64_t{0};
    std::vector<uint8_t> bytes;
  };

  format::TargetIndex index_;
  format::RebaseCursor cursor_;
  format::ImageRange info_, lazy_, data_;
  format::ByteSource lazy_bytes_, data_bytes_;
  std::vector<Piece> pieces_;
};

}  // namespace fastboot::inspect
