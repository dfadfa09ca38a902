#include "format/heap.h"

namespace fastboot::format {

using wire::Code;
using wire::TargetKind;

namespace {

constexpr uint64_t kBlockWords = ghc::kMegablockSize / 8;
constexpr uint64_t kFirstWord = ghc::kDescriptorArea / 8;
constexpr uint64_t kMostInfoBytes = uint64_t{256} << 20;  // a million targets need less
constexpr size_t kMostDamage = 20;

// Walks one segment megablock by megablock.
class Walk {
 public:
  Walk(const Reader& reader, const TargetIndex& index, Census* census, std::vector<Error>* damage)
      : reader_(reader), index_(index), census_(*census), damage_(*damage), block_(kBlockWords) {}

  Result<void> segment(const ByteSource& source, ImageAddress base, const char* section, bool lazy) {
    size_ = source.size() / 8;
    base_ = base;
    section_ = section;
    lazy_ = lazy;
    for (uint64_t at = 0; at < size_;) {
      const uint64_t words = std::min(kBlockWords, size_ - at);
      auto read = source.read(at * 8, {reinterpret_cast<uint8_t*>(block_.data()), words * 8});
      if (!read) return read;
      at += wire::round_up(megablock(at, words), kBlockWords);
    }
    return {};
  }

 private:
  // Goes through the megablock in block_, which starts `start` words into the segment. Gives how many words it took:
  // more than a megablock's when its last closure is a large one.
  uint64_t megablock(uint64_t start, uint64_t words) {
    census_.descriptor_bytes += std::min(kFirstWord, words) * 8;
    uint64_t at = kFirstWord;
    while (at < words) {
      const uint64_t header = block_[at];
      if (header == 0) break;
      if (header == ghc::kFillerWord) {
        census_.unused_bytes += 8;
        ++at;
        continue;
      }
      const uint64_t size = closure(start, at, words);
      if (size == 0) break;
      at += size;
    }
    if (at < words) census_.unused_bytes += (words - at) * 8;
    return std::max(at, words);
  }

  // Counts the closure at word `at` and gives its words; 0 when it makes no sense.
  uint64_t closure(uint64_t start, uint64_t at, uint64_t words) {
    uint32_t target = index_.find(block_[at]);
    if (target == TargetIndex::kNone)
      return corrupt(start + at, fmt::format("header {:#x} is no interned info table", block_[at]));
    if (lazy_ && index_.is_trampoline(target) && at + 1 < words && block_[at + 1] < index_.count()) {
      target = static_cast<uint32_t>(block_[at + 1]);
      ++census_.lazy_closures;
    }
    const ghc::Shape& shape = index_.shape(target);
    if (shape.words > words - at)
      return corrupt(start + at, "the closure's first words are past the end of its megablock");
    const uint64_t size = ghc::closure_words(shape, &block_[at]);
    if (size == 0 || size > size_ - start - at)
      return corrupt(start + at, fmt::format("a closure of target {} has {} words", target, size));
    Census::Count& count = census_.by_target[target];
    ++count.closures;
    count.bytes += size * 8;
    return size;
  }

  uint64_t corrupt(uint64_t word, std::string message) {
    if (damage_.size() < kMostDamage) {
      damage_.push_back(Error{Code::corrupt, fmt::format("closure at {}: {}", to_string(base_ + word * 8), message),
                              reader_.path(), section_, std::nullopt});
    }
    return 0;
  }

  const Reader& reader_;
  const TargetIndex& index_;
  Census& census_;
  std::vector<Error>& damage_;
  std::vector<uint64_t> block_;
  uint64_t size_ = 0;  // words of the segment
  ImageAddress base_;
  const char* section_ = "";
  bool lazy_ = false;
};

}  // namespace

ghc::Shape shape_of(const wire::Target& target) {
  if (target.kind == static_cast<uint16_t>(TargetKind::static_closure)) return ghc::shape_of(ghc::kThunkStatic, 0);
  if (target.kind == static_cast<uint16_t>(TargetKind::function)) return ghc::shape_of(ghc::kFun, target.layout);
  return ghc::shape_of(target.closure_type, target.layout);
}

Result<TargetIndex> TargetIndex::make(const Reader& reader) {
  const wire::View& view = reader.view();
  TargetIndex index;
  index.info_begin_ = reader.info_range().begin.value();
  const uint64_t size = reader.info_range().end - reader.info_range().begin;
  if (size > kMostInfoBytes) {
    return fail(Code::corrupt,
                fmt::format("interned info tables of {:#x} bytes; expected at most {:#x}", size, kMostInfoBytes),
                reader.path(), ".fastboot.info");
  }
  index.by_slot_.assign(size / 8 + 1, kNone);
  for (uint32_t i = 0; i < view.target_count; ++i) {
    const wire::Target& target = view.targets[i];
    index.shapes_.push_back(shape_of(target));
    index.trampoline_.push_back(target.kind == static_cast<uint16_t>(TargetKind::trampoline));
    if (target.info_offset != 0 && target.info_offset / 8 < index.by_slot_.size())
      index.by_slot_[target.info_offset / 8] = i;
  }
  return index;
}

Result<Census> take_census(const Reader& reader, std::vector<Error>* damage) {
  const auto index = TargetIndex::make(reader);
  if (!index) return tl::unexpected(index.error());
  Census census;
  census.by_target.resize(index->count());
  Walk walk(reader, *index, &census, damage);
  if (auto done = walk.segment(reader.lazy(), reader.lazy_range().begin, ".fastboot.lazy", true); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = walk.segment(reader.data(), reader.data_range().begin, ".fastboot.data", false); !done) {
    return tl::unexpected(done.error());
  }
  for (const Census::Count& count : census.by_target) {
    census.all.closures += count.closures;
    census.all.bytes += count.bytes;
  }
  return census;
}

}  // namespace fastboot::format
