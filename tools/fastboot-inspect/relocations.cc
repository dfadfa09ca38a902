#include "fastboot-inspect/relocations.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "common/command_line.h"
#include "format/ghc_closures.h"

namespace fastboot::inspect {

using format::ImageAddress;
using format::Reader;
using wire::TargetKind;

namespace {

constexpr uint64_t kPieceSize = 65536;
constexpr size_t kPieces = 256;
constexpr uint64_t kTagMask = 7;

// Each link-table word has one relocation, in order; what follows them are raw words of the image.
std::optional<RelocClass> class_of(const Reader& reader, uint64_t index) {
  const wire::View& view = reader.view();
  if (index >= view.target_count) {
    const bool raw = ELF64_R_TYPE(view.relas[index].r_info) == R_X86_64_64;
    return raw ? std::optional(RelocClass::raw) : std::nullopt;
  }
  switch (static_cast<TargetKind>(view.targets[index].kind)) {
    case TargetKind::constructor:
    case TargetKind::rts:
    case TargetKind::function:
    case TargetKind::thunk:
    case TargetKind::slow_entry:
    case TargetKind::trampoline:
      return RelocClass::code;
    case TargetKind::static_closure:
    case TargetKind::static_root:
      return RelocClass::static_root;
    case TargetKind::image:
      return RelocClass::cross;
    case TargetKind::raw_address:
      return RelocClass::raw;
  }
  return std::nullopt;
}

// The raw_address targets by their symbols: a raw word names its target in this way.
std::unordered_map<uint64_t, uint32_t> raw_targets(const wire::View& view) {
  std::unordered_map<uint64_t, uint32_t> targets;
  for (uint32_t i = 0; i < view.target_count; ++i) {
    if (view.targets[i].kind == static_cast<uint16_t>(TargetKind::raw_address))
      targets.emplace(view.targets[i].symbol, i);
  }
  return targets;
}

}  // namespace

std::string_view class_name(RelocClass kind) {
  static constexpr std::string_view kNames[] = {"internal", "code", "static", "raw", "cross"};
  static_assert(std::size(kNames) == std::size(kRelocClasses));
  return kNames[static_cast<size_t>(kind)];
}

std::string RelocClasses::parse(const std::string& text) {
  uint32_t bits = 0;
  uint32_t all = 0;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string name = text.substr(begin, end - begin);
    begin = end + 1;
    if (name == "all") {
      all = (1U << std::size(kRelocClasses)) - 1;
      continue;
    }
    const auto* kind = std::find_if(std::begin(kRelocClasses), std::end(kRelocClasses),
                                    [&](RelocClass each) { return class_name(each) == name; });
    if (kind != std::end(kRelocClasses)) {
      bits |= bit(*kind);
      continue;
    }
    const auto near = tools::nearest(name, {"internal", "code", "static", "raw", "cross", "all"});
    return fmt::format("--relocs knows no class '{}'{}; there are internal, code, static, raw, cross, all", name,
                       near ? fmt::format(", did you mean '{}'?", *near) : "");
  }
  bits_ |= bits | all;
  named_ |= bits;
  return {};
}

std::vector<RelocEntry> reloc_entries(const Reader& reader) {
  const wire::View& view = reader.view();
  const auto raws = raw_targets(view);
  std::vector<RelocEntry> entries(view.rela_count);
  for (uint64_t i = 0; i < view.rela_count; ++i) {
    RelocEntry& entry = entries[i];
    entry.rela = &view.relas[i];
    entry.kind = class_of(reader, i);
    if (i < view.target_count) {
      entry.target = static_cast<uint32_t>(i);
    } else if (const auto raw = raws.find(ELF64_R_SYM(entry.rela->r_info)); raw != raws.end()) {
      entry.target = raw->second;
    }
    if (entry.target) entry.uses = view.targets[*entry.target].uses;
  }
  return entries;
}

std::string_view word_kind_name(WordKind kind) {
  static constexpr std::string_view kNames[] = {"header", "pointer", "interior", "block", "cross"};
  return kNames[static_cast<size_t>(kind)];
}

// --- internal words
// ----------------------------------------------------------------------------------------------------

format::Result<ImageWords> ImageWords::make(const Reader& reader, std::optional<uint64_t> needed) {
  auto index = format::TargetIndex::make(reader);
  if (!index) return tl::unexpected(index.error());
  return ImageWords(reader, std::move(*index), needed);
}

ImageWords::ImageWords(const Reader& reader, format::TargetIndex index, std::optional<uint64_t> needed)
    : index_(std::move(index)),
      cross_(needed.has_value()),
      cursor_(needed ? reader.cross_cursor(*needed) : reader.rebase_cursor()),
      info_(reader.info_range()),
      lazy_(reader.lazy_range()),
      data_(reader.data_range()),
      lazy_bytes_(reader.lazy()),
      data_bytes_(reader.data()),
      pieces_(kPieces) {}

// The word of the image at an address inside lazy or data. What lies behind the end of the file's part reads as zero.
format::Result<uint64_t> ImageWords::word(ImageAddress address) {
  const bool lazy = lazy_.holds(address, 8);
  const format::ByteSource& source = lazy ? lazy_bytes_ : data_bytes_;
  const uint64_t at = address - (lazy ? lazy_.begin : data_.begin);
  if (at + 8 > source.size()) return uint64_t{0};
  const uint64_t number = at / kPieceSize * 2 + (lazy ? 1 : 0);
  Piece& piece = pieces_[number % kPieces];
  if (piece.number != number) {
    const uint64_t begin = at / kPieceSize * kPieceSize;
    piece.bytes.resize(std::min(kPieceSize, source.size() - begin));
    piece.number = ~uint64_t{0};
    if (auto read = source.read(begin, piece.bytes); !read) return tl::unexpected(read.error());
    piece.number = number;
  }
  uint64_t value = 0;
  memcpy(&value, piece.bytes.data() + at % kPieceSize, sizeof value);
  return value;
}

// Block descriptors hold the addresses of their block's start and end.
bool ImageWords::names_block(const ImageWord& word) const {
  const uint64_t megablock = word.address.value() / format::ghc::kMegablockSize * format::ghc::kMegablockSize;
  const uint64_t within = word.address.value() - megablock;
  if (within >= format::ghc::kDescriptorArea || within % 64 > 8) return false;
  const uint64_t block = megablock + within / 64 * 4096;
  return word.value == block + within % 64 / 8 * 4096;
}

format::Result<void> ImageWords::describe(ImageWord* word) {
  if (cross_) {
    word->kind = WordKind::cross;
    return {};
  }
  if (names_block(*word)) {
    word->kind = WordKind::block;
    return {};
  }
  if (info_.holds(ImageAddress(word->value), 1)) {
    word->kind = WordKind::header;
    word->target = index_.find(word->value);
    return {};
  }
  const ImageAddress to(word->value & ~kTagMask);
  if (!lazy_.holds(to, 8) && !data_.holds(to, 8)) return {};
  const auto header = this->word(to);
  if (!header) return tl::unexpected(header.error());
  word->target = index_.find(*header);
  word->kind = word->target == format::TargetIndex::kNone ? WordKind::interior : WordKind::pointer;
  if (word->kind == WordKind::pointer && index_.is_trampoline(word->target) && lazy_.holds(to, 16)) {
    const auto thunk = this->word(to + 8);
    if (!thunk) return tl::unexpected(thunk.error());
    if (*thunk < index_.count()) word->target = static_cast<uint32_t>(*thunk);
  }
  return {};
}

format::Result<std::optional<ImageWord>> ImageWords::next() {
  const auto address = cursor_.next();
  if (!address) return tl::unexpected(address.error());
  if (!*address) return std::optional<ImageWord>();
  ImageWord found;
  found.address = **address;
  const auto value = word(found.address);
  if (!value) return tl::unexpected(value.error());
  found.value = *value;
  if (auto described = describe(&found); !described) return tl::unexpected(described.error());
  return std::optional(found);
}

}  // namespace fastboot::inspect
