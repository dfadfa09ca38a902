#include "format/structure.h"

#include <algorithm>
#include <array>

#include "format/closure_index.h"
#include "format/closure_scan.h"

namespace fastboot::format {
namespace {

using wire::Code;
using wire::TargetKind;

constexpr uint64_t kTagMask = 7;
constexpr uint8_t kByteArray = 8;  // stands where else a tag does

// Lists problems up to a limit, and counts them all.
class Problems {
 public:
  Problems(const Reader& reader, size_t limit) : path_(reader.path()), limit_(limit) {}

  void add(const char* section, const std::string& message) {
    if (count_++ < limit_) {
      listed_.push_back(Error{Code::corrupt, message + "; freeze it again", path_, section, std::nullopt});
    }
  }
  void add(Error error) {
    if (error.file.empty()) error.file = path_;
    if (count_++ < limit_) listed_.push_back(std::move(error));
  }
  // No text is made for what nobody will see.
  bool listing() const { return count_ < limit_; }
  void uncounted() { ++count_; }
  bool full() const { return count_ >= kMost; }
  uint64_t count() const { return count_; }
  std::vector<Error> take() { return std::move(listed_); }

 private:
  static constexpr uint64_t kMost = 1 << 20;
  std::string path_;
  size_t limit_;
  uint64_t count_ = 0;
  std::vector<Error> listed_;
};

// Numbers from 0 to 15 for each closure, two to a byte.
class Classes {
 public:
  void push(uint8_t value) {
    if (count_ % 2 == 0)
      bytes_.push_back(value);
    else
      bytes_.back() |= static_cast<uint8_t>(value << 4);
    ++count_;
  }
  uint8_t operator[](uint32_t i) const { return i % 2 == 0 ? bytes_[i / 2] & 15 : bytes_[i / 2] >> 4; }

 private:
  std::vector<uint8_t> bytes_;
  uint64_t count_ = 0;
};

// What both passes know.
struct Image {
  const Reader& reader;
  const wire::View& view;
  const TargetIndex& targets;
  Problems& problems;
  ClosureIndex starts;
  Classes classes;
  std::vector<uint64_t> uses;  // by target
  uint64_t lazy_closures = 0;
  ImageAddress lazy_end, data_end;  // of the last closure
  uint32_t first_trampoline = TargetIndex::kNone;

  bool in_lazy(ImageAddress address) const { return reader.lazy_range().holds(address, 8); }
  const char* section(ImageAddress address) const { return in_lazy(address) ? ".fastboot.lazy" : ".fastboot.data"; }
  const wire::Target& record(const Closure& closure) const { return view.targets[closure.target]; }
};

bool is_kind(const wire::Target& record, TargetKind kind) { return record.kind == static_cast<uint16_t>(kind); }

// --- first pass: where closures start, and of what kind they are -----------------------------------

class FirstPass : public ClosureVisitor {
 public:
  explicit FirstPass(Image* image) : image_(*image) {}

  void closure(const Closure& closure, uint64_t first, std::span<const uint64_t>, WordBits) override {
    if (first != 0) return;
    image_.starts.add(closure.address);
    const wire::Target& record = image_.record(closure);
    const bool bytes = is_kind(record, TargetKind::rts) && record.closure_type == ghc::kArrWords;
    const uint32_t tag = closure.lazy ? 0 : pointer_tag(record);
    image_.classes.push(bytes && !closure.lazy ? kByteArray : static_cast<uint8_t>(tag));
    ++image_.uses[closure.target];
    image_.lazy_closures += closure.lazy;
    const ImageAddress end = closure.address + closure.words * 8;
    (image_.in_lazy(closure.address) ? image_.lazy_end : image_.data_end) = end;
  }
  bool damage(Error error) override {
    image_.problems.add(std::move(error));
    return !image_.problems.full();
  }

 private:
  Image& image_;
};

// --- words that point into other images -------------------------------------------------------------

// Goes through the streams of all needed images at once, in the order of their addresses.
class CrossWords {
 public:
  explicit CrossWords(const Reader& reader, Problems* problems) : view_(reader.view()), problems_(*problems) {
    for (uint32_t i = 0; i < view_.needed_count; ++i) {
      streams_.push_back({reader.cross_cursor(i), kEnd});
      advance(&streams_.back());
    }
    settle();
  }

  uint64_t next() const { return next_; }  // address of the next word; kEnd: none
  static constexpr uint64_t kEnd = ~uint64_t{0};
  // The image that the word next() points into. Several: the word is named twice.
  const wire::Needed& image() const { return view_.needed[first_]; }
  bool twice() const { return twice_; }

  void pop() {
    const uint64_t done = next_;
    for (Stream& stream : streams_) {
      if (stream.next == done) advance(&stream);
    }
    settle();
  }

 private:
  struct Stream {
    RebaseCursor cursor;
    uint64_t next;
  };
  void advance(Stream* stream) {
    auto next = stream->cursor.next();
    if (!next) problems_.add(std::move(next.error()));
    stream->next = next && *next ? (*next)->value() : kEnd;
  }
  void settle() {
    next_ = kEnd;
    for (size_t i = 0; i < streams_.size(); ++i) {
      if (streams_[i].next >= next_) continue;
      next_ = streams_[i].next;
      first_ = i;
    }
    twice_ = next_ != kEnd && std::count_if(streams_.begin(), streams_.end(),
                                            [&](const Stream& each) { return each.next == next_; }) > 1;
  }

  const wire::View& view_;
  Problems& problems_;
  std::vector<Stream> streams_;
  uint64_t next_ = kEnd;
  size_t first_ = 0;
  bool twice_ = false;
};

// --- second pass: every word ------------------------------------------------------------------------

class SecondPass : public ClosureVisitor {
 public:
  SecondPass(Image* image, StructureCounts* counts)
      : image_(*image),
        problems_(image->problems),
        counts_(*counts),
        closures_(image->reader, image->targets),
        cross_(image->reader, &image->problems) {
    const wire::View& view = image->view;
    for (uint64_t i = view.target_count; i < view.rela_count; ++i) raws_.push_back(view.relas[i].r_offset);
    std::sort(raws_.begin(), raws_.end());
  }

  void closure(const Closure& closure, uint64_t first, std::span<const uint64_t> words, WordBits rebased) override {
    if (first == 0) begin(closure, words);
    for (uint64_t i = 0; i < words.size(); ++i) {
      word(closure.address + (first + i) * 8, fields_.kind(first + i), words[i], rebased[i]);
    }
    if (first == 0 && closure.lazy && first_header_ != words[0]) {
      report(closure.address, "a lazy closure's header is not the trampoline's");
    }
    if (bytes_end_ != 0) check_bytes_end(closure, first, words);
  }

  void descriptors(ImageAddress block, std::span<const uint64_t> words, WordBits rebased) override {
    no_references(block, words.size());
    // Blocks behind the megablock's last closure may have descriptors, if there is a closure in a later one.
    const ImageAddress end = closures_end(block);
    const ImageAddress all_end = image_.in_lazy(block) ? image_.lazy_end : image_.data_end;
    for (uint64_t i = 0; i + 8 <= words.size(); i += 8) {
      const ImageAddress start = block + i / 8 * wire::kPageSize;
      const bool has = i / 8 >= ghc::kDescriptorArea / wire::kPageSize && start < all_end;
      const bool zero = std::all_of(&words[i], &words[i] + 8, [](uint64_t word) { return word == 0; });
      descriptor(start, block + i * 8, words.subspan(i, 8), rebased.from(i), has && (start < end || !zero));
    }
  }

  void unused(ImageAddress address, std::span<const uint64_t> words, WordBits rebased) override {
    no_references(address, words.size());
    for (uint64_t i = 0; i < words.size(); ++i) {
      const bool filler = words.size() == 1 && words[0] == ghc::kFillerWord;
      if ((words[i] == 0 || filler) && !rebased[i]) continue;
      report(address + i * 8, rebased[i] ? "the rebase stream names a word that no closure holds"
                                         : "it lies between closures and is not zero");
    }
  }

  bool damage(Error) override { return !problems_.full(); }  // the first pass has told it

  void finish() {
    for (; cross_.next() != CrossWords::kEnd; cross_.pop())
      report(ImageAddress(cross_.next()), "a cross stream names a word that no closure holds");
    for (; next_raw_ < raws_.size(); ++next_raw_) report_raw(raws_[next_raw_], "is on no word of the image");
  }

 private:
  void report(ImageAddress at, std::string_view what) {
    if (!problems_.listing()) return problems_.uncounted();
    problems_.add(image_.section(at), fmt::format("the word at {}: {}", to_string(at), what));
  }
  void report_raw(uint64_t at, std::string_view what) {
    problems_.add(".rela.dyn", fmt::format("the R_X86_64_64 relocation at {:#x} {}", at, what));
  }

  // Where the last closure of the megablock ends.
  ImageAddress closures_end(ImageAddress block) {
    ImageAddress last = block + (ghc::kMegablockSize - 8);
    const ImageRange range = image_.in_lazy(block) ? image_.reader.lazy_range() : image_.reader.data_range();
    if (!range.holds(last, 8)) last = ImageAddress(range.end.value() - 8);
    const uint32_t number = image_.starts.before(last);
    if (number == ClosureIndex::kNone || image_.starts.start(number) < block) return block;
    const auto closure = closures_.closure(image_.starts.start(number));
    return closure ? closure->address + closure->words * 8 : block;
  }

  // What is to be said about the closure as a whole, and its fields.
  void begin(const Closure& closure, std::span<const uint64_t> words) {
    const wire::Target& record = image_.record(closure);
    const wire::Target* function = nullptr;
    if (!closure.lazy || record.closure_type == ghc::kAp) function = function_of(closure, record, words);
    fields_ = fields_of(image_.view, record, words.first(std::min<size_t>(words.size(), kMostPrefix)), closure.words,
                        function);
    bytes_end_ = 0;
    if (closure.lazy != is_kind(record, TargetKind::thunk)) {
      report(closure.address, closure.lazy ? "a lazy closure whose target is no thunk"
                                           : "a thunk's own info table, which is never interned");
    }
    const bool written =
        closure.lazy || record.closure_type == ghc::kMutVarClean || record.closure_type == ghc::kMutVarDirty;
    if (written && !image_.in_lazy(closure.address) && !is_kind(record, TargetKind::static_closure)) {
      report(closure.address, "a closure that is written at run time, in read-only data");
    }
    if (closure.lazy) return;
    if (record.closure_type == ghc::kArrWords) byte_array(closure, record, words);
    if (record.closure_type == ghc::kMutArrPtrsFrozenClean || record.closure_type == ghc::kMutArrPtrsFrozenDirty)
      pointer_array(closure, words);
  }

  void byte_array(const Closure& closure, const wire::Target& record, std::span<const uint64_t> words) {
    bytes_end_ = 16 + words[1];
    if (record.arity != 0 && (closure.address.value() + 16) % record.arity != 0) {
      report(closure.address, fmt::format("a byte array whose payload asks for multiples of {}", record.arity));
    }
  }

  void pointer_array(const Closure& closure, std::span<const uint64_t> words) {
    constexpr uint64_t kCard = 128;  // elements
    const uint64_t cards = ((words[1] + kCard - 1) / kCard + 7) / 8;
    if (words[2] != words[1] + cards) {
      report(closure.address + 16,
             fmt::format("an array of {} elements takes {} words; expected {}", words[1], words[2], words[1] + cards));
    }
  }

  // Bytes behind the last one of a byte array are zero.
  void check_bytes_end(const Closure& closure, uint64_t first, std::span<const uint64_t> words) {
    const uint64_t last = closure.words - 1;
    if (bytes_end_ % 8 == 0 || last < first || last - first >= words.size()) return;
    if (words[last - first] >> bytes_end_ % 8 * 8 != 0)
      report(closure.address + last * 8, "bytes behind a byte array's last one are not zero");
  }

  // The record of a partial application's function, whose bitmap describes the arguments.
  const wire::Target* function_of(const Closure& closure, const wire::Target& record, std::span<const uint64_t> words) {
    const bool pap = record.closure_type == ghc::kPap;
    if (!pap && record.closure_type != ghc::kAp) return nullptr;
    const uint64_t at = pap ? kPapFunction : kApFunction;
    if (cross_.next() == (closure.address + at * 8).value()) return nullptr;  // in another image
    const auto found = closures_.closure(ImageAddress(words[at] & ~kTagMask));
    const wire::Target* function = found && !found->lazy ? &image_.record(*found) : nullptr;
    if (function == nullptr || !is_kind(*function, TargetKind::function)) {
      report(closure.address + at * 8, "the function of a partial application is none");
      return nullptr;
    }
    const uint64_t count = words[at - 1] >> 32;
    const uint64_t arity = words[at - 1] & 0xffffffff;
    const uint64_t known = ArgumentBitmap::of(image_.view, *function).size();
    if (count > known || (pap && arity + count != function->arity)) {
      report(closure.address + (at - 1) * 8,
             fmt::format("{} arguments, and {} to come, of a function that takes {} in {} words", count, arity,
                         function->arity, known));
    }
    return function;
  }

  void word(ImageAddress at, WordKind kind, uint64_t value, bool rebased) {
    const bool raw = next_raw_ < raws_.size() && raws_[next_raw_] <= at.value();
    if (raw) take_raws(at, kind, rebased);
    if (cross_.next() <= at.value() && cross(at, kind, value, rebased)) return;
    switch (kind) {
      case WordKind::header:
        if (!rebased) report(at, "a closure's header that the rebase stream does not name");
        break;
      case WordKind::pointer:
        pointer(at, value, rebased);
        break;
      case WordKind::value:
        if (rebased) interior(at, value);
        break;
      case WordKind::either:
        if (rebased && !leads_to_closure(value)) interior(at, value);
        break;
      case WordKind::zero:
        if (value != 0) report(at, fmt::format("padding that is {:#x}; expected 0", value));
        [[fallthrough]];
      case WordKind::number:
      case WordKind::bytes:
        if (rebased) report(at, "the rebase stream names a word that holds no address");
        break;
    }
  }

  void pointer(ImageAddress at, uint64_t value, bool rebased) {
    if (!rebased) return report(at, fmt::format("a pointer ({:#x}) that the rebase stream does not name", value));
    ++counts_.pointers;
    const uint32_t number = image_.starts.at(ImageAddress(value & ~kTagMask));
    if (number == ClosureIndex::kNone) return report(at, fmt::format("{:#x} is not where a closure starts", value));
    const uint8_t tag = image_.classes[number] & kTagMask;
    if ((value & kTagMask) != tag)
      report(at, fmt::format("{:#x} has the tag {}; expected {}", value, value & kTagMask, tag));
  }

  bool leads_to_closure(uint64_t value) const {
    const uint32_t number = image_.starts.at(ImageAddress(value & ~kTagMask));
    return number != ClosureIndex::kNone && (value & kTagMask) == (image_.classes[number] & kTagMask);
  }

  // Words up to `at` that point into other images. True: this is one, and nothing else is to be said about it.
  bool cross(ImageAddress at, WordKind kind, uint64_t value, bool rebased) {
    for (; cross_.next() < at.value(); cross_.pop())
      report(ImageAddress(cross_.next()), "a cross stream names a word that no closure holds");
    if (cross_.next() != at.value()) return false;
    ++counts_.cross;
    const wire::Needed& needed = cross_.image();
    const bool twice = cross_.twice();
    cross_.pop();
    if (twice || rebased) report(at, "several streams name it");
    if (kind != WordKind::pointer && kind != WordKind::value && kind != WordKind::either) {
      report(at, "a cross stream names a word that holds no address");
    } else if (value < needed.slot_address || value - needed.slot_address > needed.size) {
      report(at, fmt::format("{:#x} does not lie in the image that its cross stream is for ({:#x} to {:#x})", value,
                             needed.slot_address, needed.slot_address + needed.size));
    }
    return true;
  }

  // An address that a value holds must lie in a byte array, or at its end.
  void interior(ImageAddress at, uint64_t value) {
    ++counts_.interior;
    const uint32_t number = image_.starts.before(ImageAddress(value == 0 ? 0 : value - 1));
    if (number != ClosureIndex::kNone && image_.classes[number] == kByteArray) {
      const ImageAddress start = image_.starts.start(number);
      const auto bytes = closures_.words().word(start + 8);
      if (bytes && value - start.value() >= 16 && value - start.value() - 16 <= *bytes) return;
    }
    report(at, fmt::format("{:#x} lies in no byte array", value));
  }

  // Relocations up to the word `at`.
  void take_raws(ImageAddress at, WordKind kind, bool rebased) {
    for (; next_raw_ < raws_.size() && raws_[next_raw_] <= at.value(); ++next_raw_) {
      ++counts_.raw;
      if (raws_[next_raw_] != at.value()) {
        report_raw(raws_[next_raw_], "is on no word of the image");
      } else if (kind != WordKind::value) {
        report_raw(raws_[next_raw_], "is on a word that holds no value");
      } else if (rebased) {
        report_raw(raws_[next_raw_], "is on a word that the rebase stream names, too");
      }
    }
  }
  // Between closures there are neither relocations nor words that point into other images.
  void no_references(ImageAddress at, uint64_t words) {
    for (; cross_.next() < at.value() + words * 8; cross_.pop())
      report(ImageAddress(cross_.next()), "a cross stream names a word that no closure holds");
    for (; next_raw_ < raws_.size() && raws_[next_raw_] < at.value() + words * 8; ++next_raw_)
      report_raw(raws_[next_raw_], "is on no word of a closure");
  }

  // `block`: where the descriptor's block starts.
  void descriptor(ImageAddress block, ImageAddress at, std::span<const uint64_t> words, WordBits rebased, bool used) {
    // link, u, gen; gen_no and dest_no, node, flags; blocks and padding.
    constexpr uint64_t kOld = 0x0007'0000'ffff'ffff;
    constexpr uint64_t kYoung = 0x0007'0000'0000'0000;  // empty arrays', which are writable
    const bool young = words[5] == kYoung && image_.in_lazy(block);
    const std::array<uint64_t, 8> want = used ? std::array<uint64_t, 8>{block.value(),
                                                                        block.value() + wire::kPageSize,
                                                                        0,
                                                                        0,
                                                                        0,
                                                                        young ? kYoung : kOld,
                                                                        1,
                                                                        0}
                                              : std::array<uint64_t, 8>{};
    for (uint64_t i = 0; i < 8; ++i) {
      if (words[i] != want[i])
        report(at + i * 8, fmt::format("a block descriptor's word is {:#x}; expected {:#x}", words[i], want[i]));
      if (rebased[i] != (used && i < 2))
        report(at + i * 8, rebased[i] ? "the rebase stream names a word of a block descriptor that holds no address"
                                      : "a block descriptor's address that the rebase stream does not name");
    }
  }

  Image& image_;
  Problems& problems_;
  StructureCounts& counts_;
  ClosureReader closures_;
  CrossWords cross_;
  std::vector<uint64_t> raws_;
  size_t next_raw_ = 0;
  ClosureFields fields_;
  uint64_t bytes_end_ = 0;  // of a byte array: bytes from its start to the end of its payload; 0: another closure
  uint64_t first_header_ = 0;

 public:
  void set_lazy_header(uint64_t header) { first_header_ = header; }
};

// --- what the metadata says -------------------------------------------------------------------------

class StructureCheck {
 public:
  StructureCheck(const Reader& reader, size_t limit) : reader_(reader), problems_(reader, limit) {}

  std::vector<Error> run(StructureCounts* counts) {
    if (auto done = passes(counts); !done) problems_.add(std::move(done.error()));
    counts->problems = problems_.count();
    return problems_.take();
  }

 private:
  Result<void> passes(StructureCounts* counts) {
    const auto targets = TargetIndex::make(reader_);
    if (!targets) return tl::unexpected(targets.error());
    auto starts = ClosureIndex::make(reader_);
    if (!starts) return tl::unexpected(starts.error());
    const wire::View& view = reader_.view();
    Image image{reader_, view, *targets, problems_, std::move(*starts), {}, {}, 0, {}, {}, TargetIndex::kNone};
    image.uses.resize(view.target_count);
    records(view);
    FirstPass first(&image);
    if (auto done = scan_closures(reader_, *targets, &first); !done) return done;
    image.starts.finish();
    SecondPass second(&image, counts);
    second.set_lazy_header(lazy_header(view));
    if (auto done = scan_closures(reader_, *targets, &second); !done) return done;
    second.finish();
    counts->closures = image.starts.count();
    roots(&image);
    totals(image);
    return {};
  }

  void records(const wire::View& view) {
    for (uint64_t i = 0; i < view.target_count; ++i) {
      const std::string fault = record_fault(view.targets[i]);
      if (!fault.empty()) problems_.add(".fastboot.targets", fmt::format("target {}: {}", i, fault));
    }
  }

  // Lazy closures' header: the first trampoline's. (The other is for closures that have been forced.)
  uint64_t lazy_header(const wire::View& view) const {
    for (uint64_t i = 0; i < view.target_count; ++i) {
      if (is_kind(view.targets[i], TargetKind::trampoline))
        return reader_.info_range().begin.value() + view.targets[i].info_offset;
    }
    return 0;
  }

  void roots(Image* image) {
    ClosureReader closures(reader_, image->targets);
    for (uint64_t i = 0; i < image->view.root_count; ++i) {
      const wire::Root& root = image->view.roots[i];
      const uint32_t number = image->starts.at(ImageAddress(root.address));
      const auto closure = closures.closure(ImageAddress(root.address));
      if (number == ClosureIndex::kNone || !closure) {
        problems_.add(".fastboot.roots", fmt::format("root {}: {:#x} is not where a closure starts", i, root.address));
        continue;
      }
      const uint32_t tag = image->classes[number] & kTagMask;
      if (root.tag != tag)
        problems_.add(".fastboot.roots", fmt::format("root {} has the tag {}; expected {}", i, root.tag, tag));
      if (root.size != closure->words * 8)
        problems_.add(".fastboot.roots",
                      fmt::format("root {} has {} bytes, and its closure {}", i, root.size, closure->words * 8));
    }
  }

  void totals(const Image& image) {
    const wire::Header& header = *image.view.header;
    if (header.closures != image.starts.count() || header.lazy_closures != image.lazy_closures) {
      problems_.add(".note.fastboot",
                    fmt::format("{} closures ({} lazy) found, and the header says {} ({} lazy)", image.starts.count(),
                                image.lazy_closures, header.closures, header.lazy_closures));
    }
    for (uint64_t i = 0; i < image.view.target_count; ++i) {
      const wire::Target& target = image.view.targets[i];
      const bool counted = is_kind(target, TargetKind::constructor) || is_kind(target, TargetKind::function) ||
                           is_kind(target, TargetKind::thunk) || is_kind(target, TargetKind::rts);
      if (counted && target.uses != image.uses[i])
        problems_.add(".fastboot.targets",
                      fmt::format("target {} has {} closures, and its record says {}", i, image.uses[i], target.uses));
    }
  }

  const Reader& reader_;
  Problems problems_;
};

}  // namespace

std::vector<Error> check_structure(const Reader& reader, size_t limit, StructureCounts* counts) {
  StructureCounts own;
  return StructureCheck(reader, limit).run(counts == nullptr ? &own : counts);
}

}  // namespace fastboot::format
