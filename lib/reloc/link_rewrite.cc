#include "reloc/link_rewrite.h"

#include <algorithm>
#include <cstring>

#include "format/ghc_closures.h"
#include "format/wire/hash.h"

namespace fastboot::reloc {

using format::ByteSource;
using format::fail;
using format::ImageAddress;
using format::ImageRange;
using format::Model;
using format::RebaseCursor;
using format::RebaseEncoder;
using format::Result;
using wire::Code;

namespace {

constexpr uint64_t kMegablock = format::ghc::kMegablockSize;
static_assert(kMegablock % wire::kChunkSize == 0);

ImageAddress begin_of(const Model& model, ImagePart part) {
  return part == ImagePart::lazy ? model.lazy_address : model.data_address;
}
const ByteSource& source_of(const Model& model, ImagePart part) {
  return part == ImagePart::lazy ? model.lazy : model.data;
}
ImageRange range_of(const Model& model, ImagePart part) {
  const ImageAddress begin = begin_of(model, part);
  return {begin, begin + source_of(model, part).size()};
}

RebaseCursor cursor_of(const Model& model, const ByteSource& stream) {
  return {stream, range_of(model, ImagePart::lazy), range_of(model, ImagePart::data)};
}

// One image's part, read from the start to the end.
class PartReader {
 public:
  PartReader(const MovedImage& image, ImagePart part)
      : image_(image),
        model_(*image.model),
        part_(part),
        own_(part == ImagePart::lazy ? image.moves.lazy : image.moves.data),
        begin_(begin_of(model_, part)),
        source_(source_of(model_, part)),
        rebase_(cursor_of(model_, model_.rebase)) {
    for (const CrossMoves& cross : image.cross) cross_.push_back(cursor_of(model_, cross.stream));
  }

  uint64_t size() const { return source_.size(); }

  // The bytes from `at` on, at a multiple of a megablock.
  Result<void> read(uint64_t at, std::span<uint8_t> out) {
    if (at == 0 && part_ == ImagePart::data) {
      if (auto done = skip_lazy(); !done) return done;
    }
    auto done = source_.read(at, out);
    if (done) done = verify(at, out);
    if (done) done = rewrite(begin_ + at, out);
    if (!done && done.error().file.empty()) done.error().file = image_.path;
    return done;
  }

 private:
  const char* section() const { return part_ == ImagePart::lazy ? ".fastboot.lazy" : ".fastboot.data"; }

  // The streams name the words of lazy first.
  Result<void> skip_lazy() {
    const ImageRange lazy = range_of(model_, ImagePart::lazy);
    const auto nothing = [](ImageAddress) {};
    auto done = rebase_.each_in(lazy.begin, lazy.end, nothing);
    for (RebaseCursor& cursor : cross_) {
      if (done) done = cursor.each_in(lazy.begin, lazy.end, nothing);
    }
    return done;
  }

  // What is written gets hashes of its own, so that damage must be found now.
  Result<void> verify(uint64_t at, std::span<const uint8_t> bytes) {
    uint64_t chunk = at / wire::kChunkSize;
    if (part_ == ImagePart::data) chunk += wire::chunk_count(model_.lazy.size());
    hashes_.resize(wire::chunk_count(bytes.size()) * wire::kHashSize);
    if (auto read = model_.chunk_hashes.read(chunk * wire::kHashSize, hashes_); !read) return read;
    for (size_t i = 0; i < bytes.size(); i += wire::kChunkSize) {
      uint8_t hash[wire::kHashSize];
      wire::hash128(bytes.data() + i, std::min<uint64_t>(wire::kChunkSize, bytes.size() - i), hash);
      if (memcmp(hash, hashes_.data() + i / wire::kChunkSize * wire::kHashSize, sizeof hash) == 0) continue;
      return fail(
          Code::hash_mismatch,
          fmt::format("the chunk at file offset {} does not match its hash: the file was damaged or changed; freeze it "
                      "again",
                      to_string(source_.file_offset() + (at + i))),
          image_.path, section());
    }
    return {};
  }

  Result<void> rewrite(ImageAddress begin, std::span<uint8_t> bytes) {
    uint8_t* const at = bytes.data();
    ImageAddress bad;
    const uint64_t lazy_header = part_ == ImagePart::lazy ? image_.moves.lazy_header : 0;
    const auto own = [&](ImageAddress place) {
      uint8_t* const word = at + (place - begin);
      uint64_t value;
      memcpy(&value, word, sizeof value);
      const uint64_t moved = image_.moves.value(own_, value);
      if (moved == 0) bad = place;
      memcpy(word, &moved, sizeof moved);
      if (value == lazy_header && !renumber(bytes, place - begin + 8)) bad = place;
    };
    auto done = rebase_.each_in(begin, begin + bytes.size(), own);
    for (size_t i = 0; i < cross_.size() && done; ++i) {
      done = cross_[i].each_in(begin, begin + bytes.size(), [&](ImageAddress place) {
        uint8_t* const word = at + (place - begin);
        uint64_t value;
        memcpy(&value, word, sizeof value);
        const uint64_t moved = image_.cross[i].value(value);
        if (moved == 0) bad = place;
        memcpy(word, &moved, sizeof moved);
      });
    }
    if (done && bad != ImageAddress()) {
      return fail(Code::corrupt,
                  fmt::format("the word at {} holds something else than an address of an image or the number of a "
                              "target; freeze it again",
                              to_string(bad)),
                  image_.path, section());
    }
    return done;
  }

  // A lazy closure's header is never the last word of a megablock.
  bool renumber(std::span<uint8_t> bytes, uint64_t at) const {
    uint64_t target;
    if (at + sizeof target > bytes.size()) return false;
    memcpy(&target, bytes.data() + at, sizeof target);
    if (target >= image_.moves.targets.size()) return false;
    target = image_.moves.targets[target];
    memcpy(bytes.data() + at, &target, sizeof target);
    return true;
  }

  const MovedImage& image_;
  const Model& model_;
  ImagePart part_;
  const PartMove& own_;
  ImageAddress begin_;
  const ByteSource& source_;
  RebaseCursor rebase_;
  std::vector<RebaseCursor> cross_;
  std::vector<uint8_t> hashes_;
};

class PartMaker : public format::ByteMaker {
 public:
  PartMaker(MovedImages images, ImagePart part) : images_(std::move(images)), part_(part) {}

  Result<void> make(uint64_t position, std::span<uint8_t> out) override {
    if (position == 0) start();
    while (!out.empty()) {
      if (next_ == readers_.size()) {
        return fail(Code::truncated, fmt::format("nothing is at {:#x} of the linked image", position));
      }
      // The image, then zeros up to the next megablock.
      PartReader& reader = readers_[next_];
      const uint64_t at = position - begin_;
      const uint64_t whole = wire::round_up(reader.size(), kMegablock);
      if (at >= whole) {
        begin_ += whole;
        ++next_;
        continue;
      }
      const uint64_t size = std::min<uint64_t>(out.size(), (at < reader.size() ? reader.size() : whole) - at);
      if (at < reader.size()) {
        if (auto read = reader.read(at, out.first(size)); !read) return read;
      } else {
        memset(out.data(), 0, size);
      }
      position += size;
      out = out.subspan(size);
    }
    return {};
  }

 private:
  void start() {
    readers_.clear();
    for (const MovedImage& image : *images_) readers_.emplace_back(image, part_);
    next_ = 0;
    begin_ = 0;
  }

  MovedImages images_;
  ImagePart part_;
  std::vector<PartReader> readers_;
  size_t next_ = 0;
  uint64_t begin_ = 0;  // of readers_[next_] in the part
};

// Adds the words that several streams name in one image's part, in ascending order.
class StreamMerger {
 public:
  StreamMerger(const MovedImage& image, const std::vector<const ByteSource*>& streams) : image_(image) {
    for (const ByteSource* stream : streams) cursors_.push_back(cursor_of(*image.model, *stream));
  }

  Result<void> add(ImagePart part, RebaseEncoder* out) {
    const ImageRange range = range_of(*image_.model, part);
    const uint64_t by = part == ImagePart::lazy ? image_.moves.lazy.by : image_.moves.data.by;
    if (cursors_.size() == 1) {
      return cursors_[0].each_in(range.begin, range.end, [&](ImageAddress at) { out->add(at + by); });
    }
    std::vector<uint64_t> bits(kMegablock / 8 / 64);
    for (ImageAddress begin = range.begin; begin < range.end; begin = begin + kMegablock) {
      std::fill(bits.begin(), bits.end(), 0);
      const ImageAddress end = std::min(begin + kMegablock, range.end);
      for (RebaseCursor& cursor : cursors_) {
        auto done = cursor.each_in(begin, end, [&](ImageAddress at) {
          const uint64_t word = (at - begin) / 8;
          bits[word / 64] |= uint64_t{1} << word % 64;
        });
        if (!done) return done;
      }
      for (uint64_t i = 0; i < bits.size(); ++i) {
        for (uint64_t left = bits[i]; left != 0; left &= left - 1) {
          out->add(begin + (i * 64 + static_cast<uint64_t>(std::countr_zero(left))) * 8 + by);
        }
      }
    }
    return {};
  }

  const MovedImage& image() const { return image_; }

 private:
  const MovedImage& image_;
  std::vector<RebaseCursor> cursors_;
};

Result<ByteSource> merge(std::vector<StreamMerger>* mergers) {
  RebaseEncoder encoder;
  for (const ImagePart part : {ImagePart::lazy, ImagePart::data}) {
    for (StreamMerger& merger : *mergers) {
      if (auto done = merger.add(part, &encoder); !done) {
        if (done.error().file.empty()) done.error().file = merger.image().path;
        return tl::unexpected(done.error());
      }
    }
  }
  return words_source(encoder.finish());
}

}  // namespace

ByteSource words_source(const std::vector<uint64_t>& words) {
  std::vector<uint8_t> bytes(words.size() * 8);
  if (!bytes.empty()) memcpy(bytes.data(), words.data(), bytes.size());
  return ByteSource(std::move(bytes));
}

uint64_t moved_part_size(const std::vector<const Model*>& models, ImagePart part) {
  uint64_t size = 0;
  for (const Model* model : models) {
    const uint64_t own = source_of(*model, part).size();
    if (own != 0) size = wire::round_up(size, kMegablock) + own;
  }
  return size;
}

ByteSource moved_part(const MovedImages& images, ImagePart part) {
  std::vector<const Model*> models;
  for (const MovedImage& image : *images) models.push_back(image.model);
  return {std::make_shared<PartMaker>(images, part), moved_part_size(models, part)};
}

Result<ByteSource> moved_rebase(const MovedImages& images) {
  std::vector<StreamMerger> mergers;
  for (const MovedImage& image : *images) {
    std::vector<const ByteSource*> streams = {&image.model->rebase};
    for (const CrossMoves& cross : image.cross) streams.push_back(&cross.stream);
    mergers.emplace_back(image, streams);
  }
  return merge(&mergers);
}

Result<ByteSource> moved_streams(const std::vector<ImageStream>& streams) {
  std::vector<StreamMerger> mergers;
  mergers.reserve(streams.size());
  for (const ImageStream& each : streams) {
    mergers.emplace_back(*each.image, std::vector<const ByteSource*>{&each.stream});
  }
  return merge(&mergers);
}

}  // namespace fastboot::reloc
