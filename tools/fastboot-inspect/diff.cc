#include "fastboot-inspect/diff.h"

#include <algorithm>
#include <cstring>

#include "common/table.h"
#include "fastboot-inspect/closure_names.h"
#include "fastboot-inspect/names.h"
#include "fastboot-inspect/value_printer.h"
#include "fastboot-inspect/why.h"

namespace fastboot::inspect {

using format::ClosureIndex;
using format::ImageAddress;
using format::Reader;

namespace {

// What a target is, without regard to its place in the table or in a program. Private code is known by its fingerprint,
// or else by where it is in a build.
std::string identity(const Reader& reader, uint64_t i) {
  const wire::View& view = reader.view();
  const wire::Target& target = view.targets[i];
  std::string name = checked(reader.target_name(i));
  if (name.starts_with("fb.t.")) {
    name = "?";
    if ((target.flags & wire::kTargetHasFingerprint) != 0) {
      name = format::to_hex(target.fingerprint, sizeof target.fingerprint);
    } else if (view.binding != nullptr && i < view.binding->entry_count &&
               view.entries[i].module < view.binding->module_count) {
      const wire::BindingModule& module = view.modules[view.entries[i].module];
      name = fmt::format("{}+{:x}", format::to_hex(module.build_id, std::min(module.build_id_size, wire::kMaxBuildId)),
                         view.entries[i].offset);
    }
  }
  return fmt::format("{} {} {:x} {} {} {} {}", target.kind, target.closure_type, target.layout, target.con_tag,
                     target.fun_type, target.arity, name);
}

// Which words of the image hold addresses of it: a bit for each.
class Addresses {
 public:
  format::Result<void> read(const Reader& reader) {
    lazy_ = reader.lazy_range();
    data_ = reader.data_range();
    lazy_words_ = reader.lazy().size() / 8;
    bits_.resize(lazy_words_ + reader.data().size() / 8);
    format::RebaseCursor cursor = reader.rebase_cursor();
    while (true) {
      const auto next = cursor.next();
      if (!next) return tl::unexpected(next.error());
      if (!*next) return {};
      if (const uint64_t at = word(**next); at < bits_.size()) bits_[at] = true;
    }
  }
  bool operator[](ImageAddress address) const {
    const uint64_t at = word(address);
    return at < bits_.size() && bits_[at];
  }

 private:
  uint64_t word(ImageAddress address) const {
    if (lazy_.holds(address, 8)) return (address - lazy_.begin) / 8;
    return data_.holds(address, 8) ? lazy_words_ + (address - data_.begin) / 8 : ~uint64_t{0};
  }
  format::ImageRange lazy_, data_;
  uint64_t lazy_words_ = 0;
  std::vector<bool> bits_;
};

// Marks where closures start.
class Starts : public format::ClosureVisitor {
 public:
  explicit Starts(ClosureIndex* index) : index_(*index) {}
  void closure(const format::Closure& closure, uint64_t first, std::span<const uint64_t>, format::WordBits) override {
    if (first == 0) index_.add(closure.address);
  }
  bool damage(format::Error error) override {
    failure = std::move(error);
    return false;
  }
  std::optional<format::Error> failure;

 private:
  ClosureIndex& index_;
};

// One of the two images.
struct Side {
  const Reader& reader;
  format::TargetIndex targets;
  ClosureIndex index;
  Addresses addresses;
  format::ClosureReader closures;
  std::vector<uint32_t> kinds;  // of each target, numbers that equal ones share between both sides

  Side(const Reader& of, format::TargetIndex by) : reader(of), targets(std::move(by)), closures(reader, targets) {}

  static format::Result<std::unique_ptr<Side>> open(const Reader& reader, std::map<std::string, uint32_t>* kinds) {
    auto targets = format::TargetIndex::make(reader);
    if (!targets) return tl::unexpected(targets.error());
    auto side = std::make_unique<Side>(reader, std::move(*targets));
    auto index = ClosureIndex::make(reader);
    if (!index) return tl::unexpected(index.error());
    side->index = std::move(*index);
    Starts starts(&side->index);
    if (auto done = scan_closures(reader, side->targets, &starts); !done) return tl::unexpected(done.error());
    if (starts.failure) return tl::unexpected(*starts.failure);
    side->index.finish();
    if (auto done = side->addresses.read(reader); !done) return tl::unexpected(done.error());
    for (uint64_t i = 0; i < reader.view().target_count; ++i) {
      side->kinds.push_back(
          kinds->try_emplace(identity(reader, i), static_cast<uint32_t>(kinds->size())).first->second);
    }
    return side;
  }
};

}  // namespace

class Comparison {
 public:
  Comparison(Side* older, Side* newer, Diff* diff) : old_(*older), new_(*newer), diff_(*diff) {}

  format::Result<void> run() {
    const uint64_t all = uint64_t{old_.index.count()} + new_.index.count();
    if (auto got = parent_.allocate(all); !got) return got;
    if (auto got = queue_.allocate(all + new_.reader.view().root_count); !got) return got;
    for (uint32_t i = 0; i < all; ++i) parent_[i] = i;
    roots();
    for (uint64_t i = 0; i < queued_; ++i) compare(i);
    diff_.same_ = queued_ - std::min(queued_, differing_);
    for (Diff::Root& root : diff_.roots_) {
      if (root.fate == Diff::Fate::same && root.places != 0) root.fate = Diff::Fate::changed;
    }
    targets();
    return {};
  }

 private:
  // Closures that the same way leads to.
  struct Pair {
    uint32_t older, newer;
    uint32_t from;   // the pair before it in the queue; kNone: a root's
    uint32_t field;  // word of the closure before
    uint32_t root;   // index in diff_.roots_
  };
  static constexpr uint32_t kNone = ClosureIndex::kNone;

  uint32_t find(uint32_t at) {
    while (parent_[at] != at) {
      parent_[at] = parent_[parent_[at]];
      at = parent_[at];
    }
    return at;
  }

  void add(uint32_t older, uint32_t newer, uint32_t from, uint32_t field, uint32_t root) {
    const uint32_t a = find(older), b = find(old_.index.count() + newer);
    if (a == b) return;
    // By address: chains stay short since find() halves them.
    parent_[std::max(a, b)] = std::min(a, b);
    queue_[queued_++] = {older, newer, from, field, root};
  }

  using RootPairs = std::map<std::string, std::pair<const wire::Root*, const wire::Root*>>;

  // Snapshots with one root each are compared whatever the roots are called: they are named after their files.
  RootPairs roots_by_name() const {
    const wire::View& a = old_.reader.view();
    const wire::View& b = new_.reader.view();
    RootPairs by_name;
    for (uint64_t i = 0; i < b.root_count; ++i)
      by_name[checked(new_.reader.string(b.roots[i].name))].second = &b.roots[i];
    const bool single = a.root_count == 1 && b.root_count == 1;
    for (uint64_t i = 0; i < a.root_count; ++i)
      by_name[single ? by_name.begin()->first : checked(old_.reader.string(a.roots[i].name))].first = &a.roots[i];
    return by_name;
  }

  void roots() {
    for (const auto& [name, both] : roots_by_name()) {
      const auto& [older, newer] = both;
      Diff::Root root;
      root.name = name;
      if (older != nullptr) root.old_type = checked(old_.reader.string(older->type_name));
      if (newer != nullptr) root.new_type = checked(new_.reader.string(newer->type_name));
      const auto index = static_cast<uint32_t>(diff_.roots_.size());
      if (older == nullptr || newer == nullptr) {
        root.fate = older == nullptr ? Diff::Fate::added : Diff::Fate::removed;
      } else if (memcmp(older->type_fingerprint, newer->type_fingerprint, sizeof older->type_fingerprint) != 0) {
        root.fate = Diff::Fate::retyped;
      }
      diff_.roots_.push_back(std::move(root));
      if (older == nullptr || newer == nullptr) continue;
      const uint32_t a = old_.index.at(ImageAddress(older->address));
      const uint32_t b = new_.index.at(ImageAddress(newer->address));
      if (a != kNone && b != kNone) add(a, b, kNone, 0, index);
    }
  }

  void compare(uint64_t i) {
    const Pair pair = queue_[i];
    const auto a = old_.closures.find(old_.index.start(pair.older));
    const auto b = new_.closures.find(new_.index.start(pair.newer));
    if (!a || !b) return differ(i);
    if (old_.kinds[a->closure.target] != new_.kinds[b->closure.target] || a->closure.words != b->closure.words ||
        a->closure.lazy != b->closure.lazy) {
      return differ(i);
    }
    bool same = true;
    for (uint64_t word = a->closure.lazy ? 2 : 1; word < a->closure.words; ++word)
      same &= compare_word(i, *a, *b, word);
    if (!same) differ(i);
  }

  bool compare_word(uint64_t i, const format::FoundClosure& a, const format::FoundClosure& b, uint64_t word) {
    const ImageAddress at_a = a.closure.address + word * 8, at_b = b.closure.address + word * 8;
    const uint64_t x = old_.closures.words().word(at_a).value_or(0);
    const uint64_t y = new_.closures.words().word(at_b).value_or(0);
    if (old_.addresses[at_a] != new_.addresses[at_b]) return false;
    if (!old_.addresses[at_a]) return x == y;
    // A pointer, or a place in a byte array.
    const bool pointer = a.fields.is_pointer(word);
    const ImageAddress p(pointer ? x & ~uint64_t{7} : x), q(pointer ? y & ~uint64_t{7} : y);
    const uint32_t to_a = pointer ? old_.index.at(p) : old_.index.before(ImageAddress(x - 1));
    const uint32_t to_b = pointer ? new_.index.at(q) : new_.index.before(ImageAddress(y - 1));
    if (to_a == kNone || to_b == kNone) return false;
    if (!pointer && p - old_.index.start(to_a) != q - new_.index.start(to_b)) return false;
    add(to_a, to_b, static_cast<uint32_t>(i), static_cast<uint32_t>(word), queue_[i].root);
    return true;
  }

  void differ(uint64_t i) {
    ++differing_;
    ++diff_.place_count_;
    Diff::Root& root = diff_.roots_[queue_[i].root];
    ++root.places;
    if (diff_.places_.size() >= Diff::kMostPlaces) return;
    Diff::Place place;
    place.root = root.name;
    place.path = path_to(i);
    place.old_address = old_.index.start(queue_[i].older);
    place.new_address = new_.index.start(queue_[i].newer);
    place.old_value = ValuePrinter(old_.reader, old_.targets, 2, 6).print(place.old_address, {});
    place.new_value = ValuePrinter(new_.reader, new_.targets, 2, 6).print(place.new_address, {});
    diff_.places_.push_back(std::move(place));
  }

  // The last few steps to a pair.
  std::string path_to(uint64_t at) {
    constexpr size_t kMostSteps = 6;
    std::vector<std::string> steps;
    for (; queue_[at].from != kNone && steps.size() < kMostSteps; at = queue_[at].from) {
      const Pair& from = queue_[queue_[at].from];
      const auto before = new_.closures.closure(new_.index.start(from.newer));
      if (!before) break;
      steps.push_back(closure_name(new_.reader, before->target).name + " " +
                      field_name(new_.reader.view().targets[before->target], before->lazy, queue_[at].field));
    }
    std::string path = queue_[at].from != kNone ? "... > " : "";
    for (size_t k = steps.size(); k-- > 0;) path += steps[k] + (k == 0 ? "" : " > ");
    return path;
  }

  void targets() {
    std::map<std::string, Diff::Target> all;
    const auto take = [&](const Side& side, bool newer) {
      for (uint64_t i = 0; i < side.reader.view().target_count; ++i) {
        Diff::Target& target = all[identity(side.reader, i)];
        target.name = closure_name(side.reader, i).full;
        (newer ? target.new_closures : target.old_closures) += side.reader.view().targets[i].uses;
        (newer ? target.in_new : target.in_old) = true;
      }
    };
    take(old_, false);
    take(new_, true);
    for (auto& [key, target] : all) {
      if (target.in_old != target.in_new || target.old_closures != target.new_closures)
        diff_.targets_.push_back(std::move(target));
    }
    std::stable_sort(diff_.targets_.begin(), diff_.targets_.end(), [](const Diff::Target& a, const Diff::Target& b) {
      const auto change = [](const Diff::Target& t) {
        return std::max(t.old_closures, t.new_closures) - std::min(t.old_closures, t.new_closures);
      };
      return change(a) > change(b);
    });
  }

  Side& old_;
  Side& new_;
  Diff& diff_;
  format::ScratchArray<uint32_t> parent_;  // of union and find: closures of the older, then of the newer
  format::ScratchArray<Pair> queue_;
  uint64_t queued_ = 0;
  uint64_t differing_ = 0;
};

format::Result<Diff> Diff::make(const Reader& older, const Reader& newer) {
  std::map<std::string, uint32_t> kinds;
  const auto a = Side::open(older, &kinds);
  if (!a) return tl::unexpected(a.error());
  const auto b = Side::open(newer, &kinds);
  if (!b) return tl::unexpected(b.error());
  Diff diff;
  diff.older_ = older.path();
  diff.newer_ = newer.path();
  diff.old_closures_ = (*a)->index.count();
  diff.new_closures_ = (*b)->index.count();
  if (auto done = Comparison(a->get(), b->get(), &diff).run(); !done) return tl::unexpected(done.error());
  return diff;
}

bool Diff::differs() const {
  return !targets_.empty() || place_count_ != 0 ||
         std::any_of(roots_.begin(), roots_.end(), [](const Root& root) { return root.fate != Fate::same; });
}

namespace {
const char* const kFates[] = {"same", "changed", "retyped", "added", "removed"};
}

void Diff::text(tools::Output* out) const {
  using tools::grouped;
  out->print("{} ({} closures) and {} ({} closures) {}\n", tools::printable(older_), grouped(old_closures_),
             tools::printable(newer_), grouped(new_closures_), differs() ? "differ:" : "hold the same");
  if (!differs()) return;
  out->write("\nRoots:\n");
  for (const Root& root : roots_) {
    out->print("  {:<8} {}", kFates[static_cast<int>(root.fate)], tools::printable(root.name));
    if (root.fate == Fate::retyped)
      out->print(": was {}, is {}", tools::printable(root.old_type), tools::printable(root.new_type));
    if (root.places != 0) out->print(", in {} place{}", grouped(root.places), root.places == 1 ? "" : "s");
    out->write("\n");
  }
  if (!targets_.empty()) {
    out->write("\nConstructors and code:\n");
    tools::Table table({{"Old", tools::Align::right}, {"New", tools::Align::right}, {"Name"}});
    for (const Target& target : targets_) {
      table.add({target.in_old ? grouped(target.old_closures) : "-", target.in_new ? grouped(target.new_closures) : "-",
                 target.name});
    }
    table.print(out);
  }
  if (places_.empty()) return;
  out->print("\nPlaces{}:\n", place_count_ > places_.size()
                                  ? fmt::format(" (the first {} of {})", places_.size(), grouped(place_count_))
                                  : std::string());
  for (const Place& place : places_) {
    out->print("  {}{}{}\n    - {}\n    + {}\n", tools::printable(place.root), place.path.empty() ? "" : " > ",
               place.path, place.old_value, place.new_value);
  }
}

void Diff::json(tools::Json* json) const {
  json->key("diff");
  json->begin_object();
  json->text("old", older_);
  json->text("new", newer_);
  json->boolean("same", !differs());
  json->number("old_closures", old_closures_);
  json->number("new_closures", new_closures_);
  json->number("same_closures", same_);
  json->key("roots");
  json->begin_array();
  for (const Root& root : roots_) {
    json->begin_object();
    json->text("name", root.name);
    json->text("fate", kFates[static_cast<int>(root.fate)]);
    json->key("old_type");
    root.old_type.empty() ? json->null() : json->text(root.old_type);
    json->key("new_type");
    root.new_type.empty() ? json->null() : json->text(root.new_type);
    json->number("places", root.places);
    json->end_object();
  }
  json->end_array();
  json->key("targets");
  json->begin_array();
  for (const Target& target : targets_) {
    json->begin_object();
    json->text("name", target.name);
    json->key("old_closures");
    target.in_old ? json->number(target.old_closures) : json->null();
    json->key("new_closures");
    target.in_new ? json->number(target.new_closures) : json->null();
    json->end_object();
  }
  json->end_array();
  json->number("place_count", place_count_);
  json->key("places");
  json->begin_array();
  for (const Place& place : places_) {
    json->begin_object();
    json->text("root", place.root);
    json->text("path", place.path);
    json->address("old_address", place.old_address.value());
    json->address("new_address", place.new_address.value());
    json->text("old_value", place.old_value);
    json->text("new_value", place.new_value);
    json->end_object();
  }
  json->end_array();
  json->end_object();
}

}  // namespace fastboot::inspect
