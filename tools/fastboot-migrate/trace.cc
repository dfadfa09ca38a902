// The rebase stream names every word that holds an address of the image; those inside a closure, its header aside, are
// its pointers.
#include "fastboot-migrate/trace.h"

#include <algorithm>
#include <cstring>
#include <deque>

#include "format/heap.h"

namespace fastboot::migrate {
namespace {

using format::ImageAddress;
using format::Reader;

constexpr uint64_t kMostBytes = uint64_t{512} << 20;
constexpr uint32_t kNone = 0xffffffff;

class Heap {
 public:
  static format::Result<Heap> read(const Reader& reader) {
    Heap heap;
    for (const auto& [range, source] :
         {std::pair(reader.lazy_range(), reader.lazy()), std::pair(reader.data_range(), reader.data())}) {
      Part part;
      part.begin = range.begin.value();
      part.words.resize(source.size() / 8);
      part.pointer.resize(source.size() / 8);
      part.parent.resize(source.size() / 8, kNone);
      const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(part.words.data()), part.words.size() * 8);
      if (auto got = source.read(0, bytes); !got) return tl::unexpected(got.error());
      part.first =
          heap.parts_.empty() ? 0 : heap.parts_.back().first + static_cast<uint32_t>(heap.parts_.back().words.size());
      heap.parts_.push_back(std::move(part));
    }
    format::RebaseCursor cursor = reader.rebase_cursor();
    while (true) {
      const auto next = cursor.next();
      if (!next) return tl::unexpected(next.error());
      if (!*next) return heap;
      if (const auto at = heap.find((*next)->value())) heap.part(*at).pointer[heap.index(*at)] = true;
    }
  }

  // Numbers of words, over both parts.
  std::optional<uint32_t> find(uint64_t address) const {
    for (const Part& part : parts_) {
      const uint64_t word = (address - part.begin) / 8;
      if (address >= part.begin && word < part.words.size()) return part.first + static_cast<uint32_t>(word);
    }
    return std::nullopt;
  }
  uint64_t word(uint32_t at) const { return part(at).words[index(at)]; }
  const uint64_t* from(uint32_t at, uint64_t words) const {
    return index(at) + words <= part(at).words.size() ? &part(at).words[index(at)] : nullptr;
  }
  bool is_pointer(uint32_t at) const { return part(at).pointer[index(at)]; }
  uint32_t& parent(uint32_t at) { return part(at).parent[index(at)]; }

 private:
  struct Part {
    uint64_t begin = 0;
    uint32_t first = 0;
    std::vector<uint64_t> words;
    std::vector<bool> pointer;
    std::vector<uint32_t> parent;  // of closures that were met; a root's is itself
  };
  const Part& part(uint32_t at) const { return at >= parts_[1].first ? parts_[1] : parts_[0]; }
  Part& part(uint32_t at) { return at >= parts_[1].first ? parts_[1] : parts_[0]; }
  size_t index(uint32_t at) const { return at - part(at).first; }

  std::vector<Part> parts_;
};

class Tracer {
 public:
  Tracer(const Reader& reader, Heap* heap, const format::TargetIndex& index, std::set<uint32_t> wanted)
      : reader_(reader), heap_(*heap), index_(index), wanted_(std::move(wanted)) {}

  std::map<uint32_t, Use> run() {
    for (uint64_t i = 0; i < reader_.view().root_count && !wanted_.empty(); ++i) {
      const wire::Root& root = reader_.view().roots[i];
      root_ = std::string(reader_.string(root.name).value_or(""));
      meet(root.address, kNone);
      while (!pending_.empty() && !wanted_.empty()) {
        const uint32_t closure = pending_.front();
        pending_.pop_front();
        visit(closure);
      }
      pending_.clear();
    }
    return std::move(uses_);
  }

 private:
  void meet(uint64_t address, uint32_t parent) {
    const auto at = heap_.find(address & ~uint64_t{7});
    if (!at || heap_.parent(*at) != kNone) return;
    heap_.parent(*at) = parent == kNone ? *at : parent;
    pending_.push_back(*at);
  }

  // A lazy closure's header is the trampoline's, and the next word names its own target.
  uint32_t target_of(uint32_t closure) const {
    const uint32_t target = index_.find(heap_.word(closure));
    if (target == format::TargetIndex::kNone || !index_.is_trampoline(target)) return target;
    const uint64_t* words = heap_.from(closure, 2);
    return words != nullptr && words[1] < index_.count() ? static_cast<uint32_t>(words[1]) : format::TargetIndex::kNone;
  }

  void visit(uint32_t closure) {
    const uint32_t target = target_of(closure);
    if (target == format::TargetIndex::kNone) return;
    if (wanted_.erase(target) != 0) uses_[target] = {root_, path_to(closure)};
    const format::ghc::Shape& shape = index_.shape(target);
    const uint64_t* words = heap_.from(closure, shape.words);
    const uint64_t size = words == nullptr ? 0 : format::ghc::closure_words(shape, words);
    if (size == 0 || heap_.from(closure, size) == nullptr) return;
    for (uint64_t i = 1; i < size; ++i) {
      const uint32_t field = closure + static_cast<uint32_t>(i);
      if (heap_.is_pointer(field)) meet(heap_.word(field), closure);
    }
  }

  std::vector<std::string> path_to(uint32_t closure) {
    std::vector<std::string> path;
    while (true) {
      path.emplace_back(reader_.target_name(target_of(closure)).value_or("?"));
      const uint32_t parent = heap_.parent(closure);
      if (parent == closure) break;
      closure = parent;
    }
    std::reverse(path.begin(), path.end());
    return path;
  }

  const Reader& reader_;
  Heap& heap_;
  const format::TargetIndex& index_;
  std::set<uint32_t> wanted_;
  std::map<uint32_t, Use> uses_;
  std::deque<uint32_t> pending_;
  std::string root_;
};

}  // namespace

std::map<uint32_t, Use> trace(const Reader& reader, const std::set<uint32_t>& targets) {
  if (targets.empty() || reader.view().lazy.size + reader.view().data.size > kMostBytes) return {};
  const auto index = format::TargetIndex::make(reader);
  auto heap = Heap::read(reader);
  if (!index || !heap) return {};
  return Tracer(reader, &*heap, *index, targets).run();
}

}  // namespace fastboot::migrate
