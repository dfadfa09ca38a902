// Megablocks, block descriptors and the places of closures in them are as the runtime makes them: docs/FORMAT.md,
// section 11, and runtime/ghc-9.0/staging.h.
#include "reloc/link_compact.h"

#include <algorithm>
#include <cstring>

#include "format/writer.h"
#include "reloc/link_mark.h"
#include "reloc/link_rewrite.h"
#include "reloc/link_targets.h"

namespace fastboot::reloc {

namespace ghc = format::ghc;
using format::ByteSource;
using format::ImageAddress;
using format::Model;
using format::RebaseEncoder;
using format::Result;
using wire::TargetKind;

namespace {

constexpr uint64_t kMegablockWords = ghc::kMegablockSize / 8;
constexpr uint64_t kFirstWord = ghc::kDescriptorArea / 8;
constexpr uint64_t kBlockWords = wire::kPageSize / 8;
constexpr uint64_t kFirstBlock = 4;
constexpr uint64_t kBlocks = 256;
constexpr uint64_t kDescriptorWords = 8;
constexpr uint32_t kNone = 0xffffffff;

// The places of closures in a part, given out one after the other. Words from the part's start.
class Area {
 public:
  uint64_t allocate(uint64_t words) {
    if (words > limit_ - cursor_) {
      const uint64_t head = wire::round_up(cursor_, kMegablockWords);
      heads_.push_back(head);
      cursor_ = head + kFirstWord;
      limit_ = words > kMegablockWords - kFirstWord ? cursor_ + words : head + kMegablockWords;
    }
    cursor_ += words;
    return cursor_ - words;
  }
  // Word `payload` of them at a multiple of `unit` words. What is skipped is filled.
  uint64_t allocate_aligned(uint64_t words, uint64_t payload, uint64_t unit) {
    const auto skip_at = [&](uint64_t at) { return (unit - (at + payload) % unit) % unit; };
    uint64_t skip = skip_at(cursor_);
    if (words + skip > limit_ - cursor_) skip = skip_at(kFirstWord);  // in a fresh megablock
    const uint64_t at = allocate(words + skip);
    for (uint64_t i = 0; i < skip; ++i) fillers_.push_back(at + i);
    return at + skip;
  }
  // For arrays without elements: blocks of their own, of generation 0.
  uint64_t allocate_young(uint64_t words) {
    if (words > young_end_ - young_cursor_) {
      close_young();
      young_cursor_ = allocate_aligned(kBlockWords, 0, kBlockWords);
      young_end_ = young_cursor_ + kBlockWords;
      young_.push_back(young_cursor_);
    }
    young_cursor_ += words;
    return young_cursor_ - words;
  }
  void add_filler() { fillers_.push_back(allocate(1)); }
  // What is left of a block of these is filled.
  void close_young() {
    for (; young_cursor_ < young_end_; ++young_cursor_) fillers_.push_back(young_cursor_);
  }

  uint64_t used() const { return cursor_; }
  uint64_t bytes() const { return wire::round_up(cursor_ * 8, wire::kPageSize); }
  const std::vector<uint64_t>& heads() const { return heads_; }
  const std::vector<uint64_t>& young() const { return young_; }
  const std::vector<uint64_t>& fillers() const { return fillers_; }

 private:
  uint64_t cursor_ = 0, limit_ = 0;
  uint64_t young_cursor_ = 0, young_end_ = 0;
  std::vector<uint64_t> heads_, young_, fillers_;
};

// A part while it is made.
struct Part {
  Area area;
  ImageAddress begin;
  std::vector<uint8_t> bytes;
  WordSet marked;

  void make() {
    bytes.resize(area.bytes());
    marked = WordSet(area.used() + kBlockWords);
  }
  void set(uint64_t word, uint64_t value) { memcpy(bytes.data() + word * 8, &value, sizeof value); }
  void set_address(uint64_t word, uint64_t value) {
    set(word, value);
    marked.add(word);
  }
};

class Compactor {
 public:
  Compactor(const LinkHeap& heap, const WordSet& live, Folding* folding, bool drop_targets, Model* model)
      : heap_(heap), live_(live), folding_(*folding), drop_targets_(drop_targets), model_(*model) {}

  Result<void> run() {
    place_closures();
    choose_targets();
    if (auto placed = place_parts(); !placed) return placed;
    if (auto written = write_closures(); !written) return written;
    for (Part* part : {&lazy_, &data_}) write_around(part);
    move_roots();
    move_raws();
    if (auto moved = move_needed(); !moved) return moved;
    finish();
    return {};
  }

 private:
  bool stays(uint64_t closure) const { return live_.has(closure) && !folding_.gone.has(closure); }
  Part& part_of(WordNumber closure) { return heap_.is_lazy(closure) ? lazy_ : data_; }

  template <class Visit>
  void each_staying(Visit visit) const {
    for (uint64_t at = live_.next(0, heap_.size()); at < heap_.size(); at = live_.next(at + 1, heap_.size())) {
      if (!folding_.gone.has(at)) visit(static_cast<WordNumber>(at));
    }
  }

  // By half the closure's number: no two closures share one.
  uint32_t& place(WordNumber closure) { return places_[closure / 2]; }

  void place_closures() {
    places_.assign(heap_.size() / 2 + 1, 0);
    used_.assign(model_.targets.size(), 0);
    data_.area.add_filler();  // an image has data, be it this word
    each_staying([&](WordNumber closure) {
      const uint32_t target = heap_.target(closure);
      ++used_[target];
      ++closures_;
      if (heap_.is_lazy_closure(closure)) ++lazy_closures_;
      const wire::Target& record = heap_.record(target);
      const uint64_t words = heap_.words(closure);
      Area& area = part_of(closure).area;
      const bool pinned = record.closure_type == ghc::kArrWords &&
                          record.kind == static_cast<uint16_t>(TargetKind::rts) && record.arity >= 8;
      const uint64_t at = heap_.is_young(closure) ? area.allocate_young(words)
                          : pinned                ? area.allocate_aligned(words, 2, record.arity / 8)
                                                  : area.allocate(words);
      place(closure) = static_cast<uint32_t>(at);
    });
    lazy_.area.close_young();
  }

  bool needs_trampolines() const { return lazy_closures_ != 0; }

  // Which targets stay, and their new numbers.
  void choose_targets() {
    new_target_.resize(model_.targets.size());
    std::vector<bool> keep(model_.targets.size(), !drop_targets_);
    if (drop_targets_) find_needed_targets(&keep);
    std::vector<format::ModelTarget> targets;
    std::vector<wire::BindingEntry> entries;
    for (size_t i = 0; i < model_.targets.size(); ++i) {
      new_target_[i] = keep[i] ? static_cast<uint32_t>(targets.size()) : kNone;
      if (!keep[i]) continue;
      targets.push_back(model_.targets[i]);
      targets.back().record.uses = used_[i];
      if (targets.back().symbol.starts_with("fb.t.")) targets.back().symbol.clear();
      entries.push_back(model_.entries[i]);
    }
    for (format::ModelTarget& target : targets) {
      if (has_parent(target.record)) target.record.parent = new_target_[target.record.parent];
    }
    if (code_stays_) {
      entries.insert(entries.end(), model_.entries.begin() + static_cast<std::ptrdiff_t>(model_.targets.size()),
                     model_.entries.end());
    }
    old_info_.resize(model_.targets.size());
    for (size_t i = 0; i < model_.targets.size(); ++i) old_info_[i] = model_.targets[i].record.info_offset;
    model_.targets = std::move(targets);
    model_.entries = std::move(entries);
    model_.info_size = place_info_tables(&model_.targets, model_.bitmaps);
  }

  static bool has_parent(const wire::Target& record) {
    return static_cast<TargetKind>(record.kind) == TargetKind::slow_entry ||
           (record.flags & wire::kTargetFunStatic) != 0;
  }

  // Code that stays may need any static root: the file does not say which of them a thunk's code reaches.
  void find_needed_targets(std::vector<bool>* keep) {
    code_stays_ = false;
    for (size_t i = 0; i < model_.targets.size(); ++i) {
      const auto kind = static_cast<TargetKind>(model_.targets[i].record.kind);
      (*keep)[i] = used_[i] != 0 || (kind == TargetKind::trampoline && needs_trampolines());
      const bool code = kind == TargetKind::function || kind == TargetKind::thunk || kind == TargetKind::static_closure;
      code_stays_ |= used_[i] != 0 && code;
    }
    for (const format::ModelRaw& raw : model_.raws) {
      if (is_kept_word(raw.address)) (*keep)[raw.target] = true;
    }
    for (size_t i = 0; i < model_.targets.size(); ++i) {
      const wire::Target& record = model_.targets[i].record;
      const auto kind = static_cast<TargetKind>(record.kind);
      if (kind == TargetKind::slow_entry) (*keep)[i] = (*keep)[record.parent];
      if (kind == TargetKind::static_root) (*keep)[i] = code_stays_;
    }
  }

  bool is_kept_word(ImageAddress address) const {
    WordNumber word;
    if (!heap_.number(address.value(), &word)) return false;
    const WordNumber closure = heap_.closure_of(word);
    return closure != 0 && stays(closure);
  }

  Result<void> place_parts() {
    lazy_.make();
    data_.make();
    old_info_begin_ = model_.info_address.value();
    model_.lazy = ByteSource(nullptr, lazy_.bytes.size());
    model_.data = ByteSource(nullptr, data_.bytes.size());
    for (format::ModelMember& member : model_.members) scatter(&member.record);
    const auto found = format::addresses(model_);
    if (!found) return tl::unexpected(found.error());
    new_info_begin_ = found->info.value();
    lazy_.begin = found->lazy;
    data_.begin = found->data;
    return {};
  }

  // A member's closures are no longer together, nor all there.
  static void scatter(wire::Member* record) {
    record->flags &= ~static_cast<uint32_t>(wire::kMemberWhole);
    record->lazy_address = record->lazy_size = record->data_size = 0;
    record->new_lazy_address = record->new_data_address = 0;
  }

  uint64_t new_address(WordNumber closure) {
    const WordNumber kept = folding_.stands_for(closure);
    return (part_of(kept).begin + uint64_t{place(kept)} * 8).value();
  }

  Result<void> write_closures() {
    for (uint64_t at = live_.next(0, heap_.size()); at < heap_.size(); at = live_.next(at + 1, heap_.size())) {
      if (folding_.gone.has(at)) continue;
      if (auto written = write_closure(static_cast<WordNumber>(at)); !written) return written;
    }
    return {};
  }

  Result<void> write_closure(WordNumber closure) {
    Part& part = part_of(closure);
    const uint64_t to = place(closure);
    memcpy(part.bytes.data() + to * 8, heap_.at(closure), heap_.words(closure) * 8);
    const uint32_t header = header_target(closure);
    part.set_address(to, new_info_begin_ + model_.targets[new_target_[header]].record.info_offset);
    if (heap_.is_lazy_closure(closure)) part.set(to + 1, new_target_[heap_.target(closure)]);
    return each_reference(heap_, closure, [&](uint64_t at, const LinkHeap::Reference& reference) {
      part.set_address(to + (at - closure), new_address(reference.closure) + reference.offset);
    });
  }

  // Whose info table the header is: of a lazy closure the trampoline's.
  uint32_t header_target(WordNumber closure) {
    if (!heap_.is_lazy_closure(closure)) return heap_.target(closure);
    if (trampoline_ == kNone) {
      const uint64_t offset = heap_.lazy_header() - old_info_begin_;
      trampoline_ = static_cast<uint32_t>(std::find(old_info_.begin(), old_info_.end(), offset) - old_info_.begin());
    }
    return trampoline_;
  }

  // What is no closure: fillers, and descriptors like the one that the image has.
  void write_around(Part* part) {
    const Area& area = part->area;
    for (const uint64_t filler : area.fillers()) part->set(filler, ghc::kFillerWord);
    for (const uint64_t head : area.heads()) {
      for (uint64_t block = kFirstBlock; block < kBlocks && head + block * kBlockWords < area.used(); ++block) {
        write_descriptor(part, head, block);
      }
    }
  }

  void write_descriptor(Part* part, uint64_t head, uint64_t block) {
    const uint64_t at = head + block * kDescriptorWords;
    const uint64_t first = head + block * kBlockWords;
    uint64_t words[kDescriptorWords];
    memcpy(words, heap_.descriptor(), sizeof words);
    constexpr uint64_t kGenerations = 0xffffffff;  // both numbers of it
    words[5] |= kGenerations;
    const std::vector<uint64_t>& young = part->area.young();
    if (std::binary_search(young.begin(), young.end(), first)) words[5] &= ~kGenerations;
    memcpy(part->bytes.data() + at * 8, words, sizeof words);
    part->set_address(at, (part->begin + first * 8).value());
    part->set_address(at + 1, (part->begin + (first + kBlockWords) * 8).value());
  }

  void move_roots() {
    for (format::ModelRoot& root : model_.roots) {
      WordNumber closure;
      if (heap_.number(root.address.value(), &closure)) root.address = ImageAddress(new_address(closure));
    }
  }

  // The new address of a word that stays; 0: it does not.
  uint64_t moved_word(ImageAddress address) {
    WordNumber word;
    if (!heap_.number(address.value(), &word)) return 0;
    const WordNumber closure = heap_.closure_of(word);
    if (closure == 0 || !stays(closure)) return 0;
    return new_address(closure) + uint64_t{word - closure} * 8;
  }

  void move_raws() {
    std::vector<format::ModelRaw> raws;
    for (format::ModelRaw raw : model_.raws) {
      raw.address = ImageAddress(moved_word(raw.address));
      if (raw.address == ImageAddress()) continue;
      raw.target = new_target_[raw.target];
      raws.push_back(raw);
    }
    std::sort(raws.begin(), raws.end(), [](const auto& a, const auto& b) { return a.address < b.address; });
    model_.raws = std::move(raws);
  }

  Result<void> move_needed() {
    std::vector<format::ModelNeeded> needed;
    for (format::ModelNeeded& each : model_.needed) {
      const uint64_t lazy_end = model_.lazy_address.value() + heap_.lazy_size() * 8;
      const uint64_t data_end = model_.data_address.value() + (heap_.size() - heap_.lazy_size()) * 8;
      format::RebaseCursor cursor(each.cross, {model_.lazy_address, ImageAddress(lazy_end)},
                                  {model_.data_address, ImageAddress(data_end)}, ".fastboot.cross");
      std::vector<uint64_t> words;
      while (true) {
        const auto next = cursor.next();
        if (!next) return tl::unexpected(next.error());
        if (!*next) break;
        if (const uint64_t moved = moved_word(**next)) words.push_back(moved);
      }
      if (words.empty()) continue;
      std::sort(words.begin(), words.end());
      RebaseEncoder encoder;
      for (const uint64_t word : words) encoder.add(ImageAddress(word));
      each.cross = words_source(encoder.finish());
      needed.push_back(std::move(each));
    }
    model_.needed = std::move(needed);
    return {};
  }

  void finish() {
    RebaseEncoder encoder;
    for (Part* part : {&lazy_, &data_}) {
      const uint64_t end = part->area.used();
      for (uint64_t at = part->marked.next(0, end); at < end; at = part->marked.next(at + 1, end)) {
        encoder.add(part->begin + at * 8);
      }
    }
    model_.rebase = words_source(encoder.finish());
    model_.lazy = ByteSource(std::move(lazy_.bytes));
    model_.data = ByteSource(std::move(data_.bytes));
    model_.chunk_hashes = {};
    model_.info_address = ImageAddress(new_info_begin_);
    model_.lazy_address = lazy_.begin;
    model_.data_address = data_.begin;
    model_.closures = closures_;
    model_.lazy_closures = lazy_closures_;
  }

  const LinkHeap& heap_;
  const WordSet& live_;
  Folding& folding_;
  bool drop_targets_;
  Model& model_;
  std::vector<uint32_t> places_;  // in words from its part's start
  std::vector<uint64_t> used_;    // closures of each target
  std::vector<uint32_t> new_target_;
  std::vector<uint64_t> old_info_;  // for each target, where its info table was
  bool code_stays_ = true;
  uint64_t closures_ = 0, lazy_closures_ = 0;
  uint64_t old_info_begin_ = 0, new_info_begin_ = 0;
  uint32_t trampoline_ = kNone;
  Part lazy_, data_;
};

}  // namespace

Result<void> compact(const LinkHeap& heap, const WordSet& live, Folding* folding, bool drop_targets, Model* model) {
  return Compactor(heap, live, folding, drop_targets, model).run();
}

}  // namespace fastboot::reloc
