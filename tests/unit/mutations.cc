#include "unit/mutations.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

#include "format/closure_index.h"
#include "format/structure.h"
#include "unit/sample.h"

namespace fastboot::test {

using format::Closure;
using format::ImageAddress;
using format::Reader;
using format::WordBits;
using format::WordKind;

namespace {

struct Place {
  uint64_t offset;  // in the file
  ImageAddress address;
  std::vector<int> bits;  // to flip
  bool decidable;
};

// A copy of the file that is changed and put right again.
class Copy {
 public:
  explicit Copy(const std::vector<uint8_t>& bytes) : descriptor_(memfd_create("mutated", MFD_CLOEXEC)) {
    if (descriptor_ < 0 || write(descriptor_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
      throw std::runtime_error("no copy in memory");
  }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  ~Copy() { close(descriptor_); }
  uint64_t problems() const {
    const auto reader = Reader::open("/proc/self/fd/" + std::to_string(descriptor_));
    if (!reader) return 1;
    format::StructureCounts counts;
    format::check_structure(*reader, 1, &counts);
    return counts.problems;
  }
  void flip(uint64_t offset, int bit) const {
    uint64_t word = 0;
    if (pread(descriptor_, &word, 8, static_cast<off_t>(offset)) != 8) throw std::runtime_error("no such word");
    word ^= uint64_t{1} << bit;
    if (pwrite(descriptor_, &word, 8, static_cast<off_t>(offset)) != 8) throw std::runtime_error("cannot write");
  }

 private:
  int descriptor_;
};

// Sorts all words of the image by what they are.
class Places : public format::ClosureVisitor {
 public:
  Places(const Reader& reader, const format::TargetIndex& targets) : reader_(reader), closures_(reader, targets) {}

  void closure(const Closure& closure, uint64_t first, std::span<const uint64_t> words, WordBits rebased) override {
    if (first == 0) fields_ = closures_.find(closure.address)->fields;
    const bool byte_array = reader_.view().targets[closure.target].closure_type == format::ghc::kArrWords;
    for (uint64_t i = 0; i < words.size(); ++i) {
      const ImageAddress at = closure.address + (first + i) * 8;
      switch (fields_.kind(first + i)) {
        case WordKind::header:
          add("header", at, {0, 3, 6, 40});
          break;
        case WordKind::pointer:
          add("pointer", at, {0, 1, 2, 3, 21, 40, 63});
          break;
        case WordKind::either:
        case WordKind::value:
          // Another place in the same array is as good as this one.
          rebased[i] ? add("interior address", at, {40, 63}) : add("value", at, {0, 9, 33}, false);
          break;
        case WordKind::zero:
          add("padding", at, {0, 35});
          break;
        case WordKind::number:
          // Of a byte array, by a byte.
          byte_array ? add("number", at, {30, 62}) : add("number", at, {0, 5, 32, 50});
          break;
        case WordKind::bytes: {
          // The last word's bytes behind the array's end are padding.
          const uint64_t last = closure.words - 1;
          const uint64_t bytes = *closures_.words().word(closure.address + 8);
          if (first + i == last && bytes % 8 != 0) add("padding", at, {63});
          add("bytes", at, {0}, false);
          break;
        }
      }
    }
  }
  void descriptors(ImageAddress block, std::span<const uint64_t> words, WordBits) override {
    for (uint64_t i = 0; i < words.size(); ++i) add("block descriptor", block + i * 8, {4, 17, 49});
  }
  void unused(ImageAddress address, std::span<const uint64_t> words, WordBits) override {
    for (uint64_t i = 0; i < words.size(); ++i) add("between closures", address + i * 8, {1, 37});
  }
  bool damage(format::Error error) override { throw std::runtime_error("not sound: " + error.message); }

  std::map<std::string, std::vector<Place>> places;

 private:
  void add(const char* sort, ImageAddress at, std::vector<int> bits, bool decidable = true) {
    const bool lazy = reader_.lazy_range().holds(at, 8);
    const auto& segment = lazy ? reader_.view().lazy : reader_.view().data;
    places[sort].push_back({segment.offset + (at.value() - segment.address), at, std::move(bits), decidable});
  }

  const Reader& reader_;
  format::ClosureReader closures_;
  format::ClosureFields fields_;
};

void add_stream(const Reader& reader, std::vector<Place>* places) {
  const format::ByteSource stream = reader.rebase();
  for (uint64_t at = 0; at < stream.size(); at += 8) {
    uint64_t word = 0;
    (void)stream.read(at, {reinterpret_cast<uint8_t*>(&word), 8});
    Place place{stream.file_offset().value() + at, ImageAddress(at), {}, true};
    if ((word & 1) == 0) place.bits = {3, 5, 40};
    for (int bit = 0; bit < 64 && (word & 1) != 0; ++bit) place.bits.push_back(bit);
    places->push_back(std::move(place));
  }
}

}  // namespace

std::map<std::string, Mutations> mutate(const std::string& path, uint64_t every) {
  const auto reader = Reader::open(path);
  if (!reader) throw std::runtime_error(reader.error().describe());
  const auto targets = format::TargetIndex::make(*reader);
  if (!targets) throw std::runtime_error(targets.error().describe());
  Places sorted(*reader, *targets);
  if (!format::scan_closures(*reader, *targets, &sorted)) throw std::runtime_error("cannot read " + path);
  add_stream(*reader, &sorted.places["rebase stream"]);
  const Copy copy(read_file(path));
  if (copy.problems() != 0) throw std::runtime_error(path + " is not sound");
  std::map<std::string, Mutations> result;
  for (const auto& [sort, places] : sorted.places) {
    Mutations& counts = result[sort];
    for (size_t i = 0; i < places.size(); i += every) {
      const Place& place = places[i];
      // All bits take turns where not all places do.
      for (size_t b = every == 1 ? 0 : i / every % place.bits.size(); b < place.bits.size();
           b += every == 1 ? 1 : place.bits.size()) {
        copy.flip(place.offset, place.bits[b]);
        const bool found = copy.problems() != 0;
        copy.flip(place.offset, place.bits[b]);
        ++counts.made;
        counts.found += found;
        counts.undecidable += !place.decidable;
        if (!found && place.decidable && counts.missed.size() < 20)
          counts.missed.push_back(fmt::format("{} at {}, bit {}", sort, to_string(place.address), place.bits[b]));
      }
    }
  }
  return result;
}

}  // namespace fastboot::test
