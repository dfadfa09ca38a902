#include "reloc/link_targets.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "format/wire/parse.h"

namespace fastboot::reloc {

using format::ModelModule;
using format::ModelTarget;
using wire::BindingEntry;
using wire::Target;
using wire::TargetKind;

namespace {

constexpr char kPrivate[] = "fb.t.";
constexpr uint16_t kMayDiffer = wire::kTargetHasFingerprint | wire::kTargetStaticRoot;

template <class T>
void append(std::string* key, const T& value) {
  key->append(reinterpret_cast<const char*>(&value), sizeof value);
}

class Merger {
 public:
  explicit Merger(std::span<const BoundTargets> images) : images_(images) {}

  MergedTargets run() {
    for (size_t i = 0; i < images_.size(); ++i) {
      out_.from.emplace_back();
      number_modules(i);
      for (size_t target = 0; target < images_[i].targets.size(); ++target) add(i, target);
      lead_to_parents(i);
    }
    make_ambiguous_names_private();
    add_further_roots();
    out_.info_size = place_info_tables(&out_.targets, out_.bitmaps);
    return std::move(out_);
  }

 private:
  void number_modules(size_t image) {
    modules_.emplace_back();
    for (const ModelModule& module : images_[image].modules) {
      const auto number = static_cast<uint32_t>(out_.modules.size());
      const auto [known, fresh] = module_numbers_.emplace(module.build_id, number);
      if (fresh) out_.modules.push_back(module);
      modules_.back().push_back(known->second);
    }
  }

  BindingEntry entry_of(size_t image, size_t index) const {
    BindingEntry entry = images_[image].entries[index];
    if (entry.module != wire::kNoModule) entry.module = modules_[image][entry.module];
    return entry;
  }

  // All by which a target is told from others, but for its fingerprint, which one of two equal ones may lack, and the
  // function that is a static root's reason, which lead_to_parents() sees to.
  std::string key_of(size_t image, size_t index, const BindingEntry& entry) const {
    const ModelTarget& target = images_[image].targets[index];
    const Target& record = target.record;
    std::string key;
    append(&key, record.kind);
    append(&key, static_cast<uint16_t>(record.flags & ~kMayDiffer));
    append(&key, entry.module);
    append(&key, entry.offset);
    append(&key, record.closure_type);
    append(&key, record.con_tag);
    append(&key, record.layout);
    append(&key, record.fun_type);
    append(&key, record.arity);
    if (static_cast<TargetKind>(record.kind) == TargetKind::slow_entry) append(&key, out_.from[image][record.parent]);
    if ((record.flags & wire::kTargetLargeBitmap) != 0) {
      for (const uint64_t word : large_bitmap(image, record)) append(&key, word);
    } else {
      append(&key, record.bitmap);
    }
    return key + target.name.value_or("");
  }

  std::span<const uint64_t> large_bitmap(size_t image, const Target& record) const {
    const std::span<const uint64_t> bitmaps = images_[image].bitmaps;
    return bitmaps.subspan(record.bitmap, bitmap_words(bitmaps, record.bitmap));
  }

  static bool has_fingerprint(const Target& record) { return (record.flags & wire::kTargetHasFingerprint) != 0; }
  static bool same_fingerprint(const Target& a, const Target& b) {
    return !has_fingerprint(a) || !has_fingerprint(b) || memcmp(a.fingerprint, b.fingerprint, wire::kHashSize) == 0;
  }
  static bool has_name(const ModelTarget& target) {
    return !target.symbol.empty() && !target.symbol.starts_with(kPrivate);
  }

  void add(size_t image, size_t index) {
    const ModelTarget& target = images_[image].targets[index];
    const BindingEntry entry = entry_of(image, index);
    // What the build does not need cannot be told apart: it is nowhere.
    const bool placed = entry.module != wire::kNoModule;
    std::vector<uint32_t>* same = placed ? &by_key_[key_of(image, index, entry)] : nullptr;
    if (same != nullptr) {
      for (const uint32_t number : *same) {
        if (!same_fingerprint(out_.targets[number].record, target.record)) continue;
        out_.from[image].push_back(number);
        return merge(&out_.targets[number], target);
      }
      same->push_back(static_cast<uint32_t>(out_.targets.size()));
    }
    out_.from[image].push_back(static_cast<uint32_t>(out_.targets.size()));
    out_.targets.push_back(target);
    out_.entries.push_back(entry);
    ModelTarget& fresh = out_.targets.back();
    if (!has_name(fresh)) fresh.symbol.clear();
    if ((fresh.record.flags & wire::kTargetLargeBitmap) != 0) {
      const auto words = large_bitmap(image, target.record);
      fresh.record.bitmap = out_.bitmaps.size();
      out_.bitmaps.insert(out_.bitmaps.end(), words.begin(), words.end());
    }
  }

  static void merge(ModelTarget* into, const ModelTarget& target) {
    into->record.uses += target.record.uses;
    into->record.flags |= target.record.flags & wire::kTargetStaticRoot;
    into->record.info_offset = std::max(into->record.info_offset, target.record.info_offset);
    if (!has_fingerprint(into->record) && has_fingerprint(target.record)) {
      into->record.flags |= wire::kTargetHasFingerprint;
      memcpy(into->record.fingerprint, target.record.fingerprint, wire::kHashSize);
    }
    if (into->symbol.empty() && has_name(target)) into->symbol = target.symbol;
  }

  // Parents are numbers of targets, too. A function that two images have keeps the first one's.
  void lead_to_parents(size_t image) {
    for (size_t i = 0; i < images_[image].targets.size(); ++i) {
      const Target& record = images_[image].targets[i].record;
      const bool leads = static_cast<TargetKind>(record.kind) == TargetKind::slow_entry ||
                         (record.flags & wire::kTargetFunStatic) != 0;
      const uint32_t number = out_.from[image][i];
      if (!leads || number < settled_) continue;
      out_.targets[number].record.parent = out_.from[image][record.parent];
    }
    settled_ = static_cast<uint32_t>(out_.targets.size());
  }

  // A word that holds an address of the build names its target by symbol, so that a name must not stand for two
  // places: local names of two object files may be alike.
  void make_ambiguous_names_private() {
    std::map<std::string, size_t> first;
    std::set<std::string> ambiguous;
    for (size_t i = 0; i < out_.targets.size(); ++i) {
      if (out_.targets[i].symbol.empty()) continue;
      const auto [known, fresh] = first.emplace(out_.targets[i].symbol, i);
      const BindingEntry& one = out_.entries[known->second];
      const BindingEntry& other = out_.entries[i];
      if (!fresh && (one.module != other.module || one.offset != other.offset)) ambiguous.insert(known->first);
    }
    for (ModelTarget& target : out_.targets) {
      if (ambiguous.contains(target.symbol)) target.symbol.clear();
    }
  }

  void add_further_roots() {
    std::set<std::pair<uint32_t, uint64_t>> known;
    for (size_t i = 0; i < out_.targets.size(); ++i) {
      if ((out_.targets[i].record.flags & wire::kTargetStaticRoot) != 0)
        known.emplace(out_.entries[i].module, out_.entries[i].offset);
    }
    for (size_t image = 0; image < images_.size(); ++image) {
      for (size_t i = images_[image].targets.size(); i < images_[image].entries.size(); ++i) {
        const BindingEntry entry = entry_of(image, i);
        if (known.emplace(entry.module, entry.offset).second) out_.entries.push_back(entry);
      }
    }
  }

  std::span<const BoundTargets> images_;
  MergedTargets out_;
  std::map<std::vector<uint8_t>, uint32_t> module_numbers_;  // by build-id
  std::vector<std::vector<uint32_t>> modules_;               // for each image and each of its modules
  std::unordered_map<std::string, std::vector<uint32_t>> by_key_;
  uint32_t settled_ = 0;  // targets of earlier images
};

}  // namespace

uint64_t place_info_tables(std::vector<ModelTarget>* targets, std::span<const uint64_t> bitmaps) {
  uint64_t size = 0;
  for (ModelTarget& target : *targets) {
    Target& record = target.record;
    if (record.info_offset == 0) continue;
    const bool large = (record.flags & wire::kTargetLargeBitmap) != 0;
    uint64_t at = 0;
    const uint64_t bytes = wire::info_entry_size(record, target.name.value_or("").size() + 1,
                                                 large ? bitmap_words(bitmaps, record.bitmap) : 0, &at);
    record.info_offset = size + at;
    size += bytes;
  }
  return size;
}

MergedTargets merge_targets(std::span<const BoundTargets> images) { return Merger(images).run(); }

}  // namespace fastboot::reloc
