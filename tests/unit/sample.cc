#include "unit/sample.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "format/ghc_closures.h"
#include "format/rebase.h"
#include "format/wire/emit.h"
#include "format/wire/parse.h"
#include "format/writer.h"

namespace fastboot::test {

namespace ghc = format::ghc;
using format::ByteSource;
using format::ImageAddress;
using format::Model;
using format::ModelTarget;
using wire::TargetKind;

namespace {

// One segment of megablocks: words, and which of them hold image addresses.
class Heap {
 public:
  explicit Heap(uint64_t address) : address_(address) {}

  // Room for a closure of `words`; begins a megablock where the present one is too small.
  uint64_t allocate(uint64_t words) {
    const uint64_t per_block = ghc::kMegablockSize / 8;
    const uint64_t used = words_.size() % per_block;
    if (used == 0 || used + words > per_block) begin_megablock();
    const uint64_t at = words_.size();
    words_.resize(at + words);
    heads_.back().end = std::min(words_.size(), heads_.back().begin + per_block);
    if (words > per_block - ghc::kDescriptorArea / 8) words_.resize(wire::round_up(words_.size(), per_block));
    return at;
  }
  void number(uint64_t at, uint64_t value) { words_[at] = value; }
  // An address of the needed image of that index.
  void cross(uint64_t at, uint64_t needed, uint64_t value) {
    words_[at] = value;
    cross_.push_back({needed, at});
  }
  void address(uint64_t at, uint64_t value) {
    words_[at] = value;
    pointers_.resize(words_.size());
    pointers_[at] = true;
  }
  uint64_t address_of(uint64_t at) const { return address_ + at * 8; }

  ByteSource bytes() {
    words_.resize(wire::round_up(words_.size(), wire::kPageSize / 8));
    write_descriptors();
    std::vector<uint8_t> out(words_.size() * 8);
    if (!out.empty()) memcpy(out.data(), words_.data(), out.size());
    return ByteSource(std::move(out));
  }
  // After bytes().
  void add_rebase(format::RebaseEncoder* encoder) const {
    for (uint64_t i = 0; i < pointers_.size(); ++i) {
      if (pointers_[i]) encoder->add(ImageAddress(address_of(i)));
    }
  }
  void add_cross(uint64_t needed, format::RebaseEncoder* encoder) const {
    for (const auto& [whose, at] : cross_) {
      if (whose == needed) encoder->add(ImageAddress(address_of(at)));
    }
  }

 private:
  // A megablock with descriptors, in words: where it starts, and where its last closure ends.
  struct Head {
    uint64_t begin, end;
  };

  void begin_megablock() {
    const uint64_t start = wire::round_up(words_.size(), ghc::kMegablockSize / 8);
    words_.resize(start + ghc::kDescriptorArea / 8);
    heads_.push_back({start, words_.size()});
  }
  // Of the blocks that closures lie in; the first four are the descriptors' own.
  void write_descriptors() {
    for (const Head& head : heads_) {
      for (uint64_t block = 4; head.begin + block * 512 < head.end; ++block) {
        const uint64_t descriptor = head.begin + block * 8;
        const uint64_t begin = address_of(head.begin) + block * 4096;
        address(descriptor, begin);
        address(descriptor + 1, begin + 4096);
        number(descriptor + 5, 0x0007'0000'ffff'ffff);  // gen_no, dest_no, node, flags
        number(descriptor + 6, 1);                      // blocks
      }
    }
    heads_.clear();
  }

  uint64_t address_;
  std::vector<uint64_t> words_;
  std::vector<Head> heads_;
  std::vector<bool> pointers_;
  std::vector<std::pair<uint64_t, uint64_t>> cross_;  // needed image, word
};

ByteSource stream_bytes(format::RebaseEncoder* encoder) {
  const std::vector<uint64_t> stream = encoder->finish();
  std::vector<uint8_t> bytes(stream.size() * 8);
  if (!bytes.empty()) memcpy(bytes.data(), stream.data(), bytes.size());
  return ByteSource(std::move(bytes));
}

class Builder {
 public:
  explicit Builder(const SampleOptions& options) : options_(options) {
    model_.slot_address = ImageAddress(wire::kSlotBase);
    model_.ghc_version = 90002;
    model_.rts_way = wire::kWayThreaded;
    model_.heap = {8, 3, 12, 20, 64, 4, 8, 16, 0};
    model_.image_name = options.name;
    model_.modules.push_back({std::vector<uint8_t>(20, 0xab), "app"});
  }

  Model build() {
    add_targets();
    const uint64_t slot = wire::kSlotBase;
    model_.info_address = ImageAddress(slot + wire::kUsualInfoOffset);
    model_.lazy_address = ImageAddress(slot + ghc::kMegablockSize);
    model_.data_address = ImageAddress(slot + wire::kUsualDataOffset);
    Heap data(model_.data_address.value());
    Heap lazy(model_.lazy_address.value());
    const uint64_t list = add_list(&data);
    if (options_.large_array_bytes != 0) add_array(&data, options_.large_array_bytes);
    add_array(&data, 13);
    if (options_.lazy) add_lazy(&lazy, list);
    for (uint64_t i = 0; i < options_.needed; ++i) add_cross_cells(&data, &lazy, i);
    // The number before the list's first cell.
    if (options_.raw) model_.raws.push_back({ImageAddress(list - 8), raw_, 24});
    model_.roots.push_back({options_.name, "[Int]", ImageAddress(list), 24, {0x1234, 0x5678}, 2});
    model_.data = data.bytes();
    if (options_.lazy) model_.lazy = lazy.bytes();
    format::RebaseEncoder encoder;
    if (options_.lazy) lazy.add_rebase(&encoder);
    data.add_rebase(&encoder);
    model_.rebase = stream_bytes(&encoder);
    add_needed(data, lazy);
    if (options_.member) add_member();
    return std::move(model_);
  }

 private:
  uint32_t target(TargetKind kind, uint32_t type, uint64_t layout, const char* symbol, const char* name,
                  bool interned) {
    ModelTarget target;
    target.record.kind = static_cast<uint16_t>(kind);
    target.record.closure_type = type;
    target.record.layout = layout;
    target.symbol = symbol;
    if (name != nullptr) target.name = name;
    if (interned) {
      uint64_t at = 0;
      const uint64_t size = wire::info_entry_size(target.record, target.name ? target.name->size() + 1 : 1, 0, &at);
      target.record.info_offset = model_.info_size + at;
      model_.info_size += size;
    }
    model_.targets.push_back(std::move(target));
    model_.entries.push_back({0x400000 + 64 * model_.entries.size(), 0, 0});
    return static_cast<uint32_t>(model_.targets.size() - 1);
  }

  void add_targets() {
    cons_ = target(TargetKind::constructor, ghc::kConstr20, 2, "ghczmprim_GHCziTypes_ZC_con_info",
                   "ghc-prim:GHC.Types.:", true);
    model_.targets[cons_].record.con_tag = 1;
    number_ = target(TargetKind::constructor, ghc::kConstr01, uint64_t{1} << 32, "ghczmprim_GHCziTypes_Izh_con_info",
                     "ghc-prim:GHC.Types.I#", true);
    nil_ = target(TargetKind::constructor, ghc::kConstrNocaf, 0, "ghczmprim_GHCziTypes_ZMZN_con_info",
                  "ghc-prim:GHC.Types.[]", true);
    bytes_ = target(TargetKind::rts, ghc::kArrWords, 0, "stg_ARR_WORDS_info", nullptr, true);
    target(TargetKind::static_root, 0, 0, "base_GHCziBase_zpzp_closure", nullptr, false);
    model_.targets.back().record.flags = wire::kTargetStaticRoot;
    if (options_.lazy) {
      trampoline_ = target(TargetKind::trampoline, ghc::kThunk, 1, "fastboot_lazy_entry", nullptr, true);
      thunk_ = target(TargetKind::thunk, ghc::kThunk, 1, "", nullptr, false);
    }
    if (options_.raw) raw_ = target(TargetKind::raw_address, 0, 0, "Main_table_bytes", nullptr, false);
    for (uint64_t i = 0; i < options_.more_targets; ++i) {
      const std::string symbol =
          "fastboot_a_rather_long_name_of_a_symbol_to_fill_the_string_table_" + std::to_string(i) + "_closure";
      target(TargetKind::static_root, 0, 0, symbol.c_str(), nullptr, false);
    }
  }

  uint64_t info(uint32_t index) const { return model_.info_address.value() + model_.targets[index].record.info_offset; }

  uint64_t closure(Heap* heap, uint32_t target, uint64_t words) {
    const uint64_t at = heap->allocate(words);
    heap->address(at, info(target));
    ++model_.targets[target].record.uses;
    ++model_.closures;
    return at;
  }

  uint64_t add_list(Heap* heap) {
    uint64_t list = heap->address_of(closure(heap, nil_, 2)) + 1;
    for (uint64_t i = 0; i < options_.cells; ++i) {
      const uint64_t number = closure(heap, number_, 2);
      heap->number(number + 1, i);
      const uint64_t cell = closure(heap, cons_, 3);
      heap->address(cell + 1, heap->address_of(number) + 1);
      heap->address(cell + 2, list);
      list = heap->address_of(cell) + 2;
    }
    if (options_.cells != 0) return list - 2;
    const uint64_t cell = closure(heap, cons_, 3);
    heap->address(cell + 1, list);
    heap->address(cell + 2, list);
    return heap->address_of(cell);
  }

  void add_array(Heap* heap, uint64_t bytes) {
    const uint64_t at = closure(heap, bytes_, 2 + (bytes + 7) / 8);
    heap->number(at + 1, bytes);
  }

  static uint64_t needed_slot(uint64_t index) { return wire::kSlotBase + (index + 2) * wire::kSlotUnit; }

  // Two cells, of which one points into the needed image twice, and the other at its very start and end.
  void add_cross_cells(Heap* data, Heap* lazy, uint64_t index) {
    const uint64_t slot = needed_slot(index);
    const uint64_t cell = closure(data, cons_, 3);
    data->cross(cell + 1, index, slot + wire::kUsualDataOffset + 0x4001);
    data->cross(cell + 2, index, slot + wire::kUsualDataOffset + 0x4012);
    const uint64_t other = closure(data, cons_, 3);
    data->cross(other + 1, index, slot);
    data->address(other + 2, data->address_of(cell) + 2);
    if (!options_.lazy) return;
    const uint64_t thunk = lazy_closure(lazy);
    lazy->cross(thunk + 2, index, slot + wire::kHugePageSize * 2);
  }

  void add_needed(const Heap& data, const Heap& lazy) {
    for (uint64_t i = 0; i < options_.needed; ++i) {
      format::ModelNeeded needed;
      needed.name = "other" + std::to_string(i) + ".snap";
      needed.record.slot_address = needed_slot(i);
      needed.record.size = wire::kHugePageSize * 2;
      for (uint8_t& byte : needed.record.content_id) byte = static_cast<uint8_t>(0xc0 + i);
      format::RebaseEncoder encoder;
      lazy.add_cross(i, &encoder);
      data.add_cross(i, &encoder);
      needed.cross = stream_bytes(&encoder);
      model_.needed.push_back(std::move(needed));
    }
  }

  void add_member() {
    format::ModelMember member;
    member.name = "part";
    wire::Member& record = member.record;
    record.flags = wire::kMemberWhole;
    record.slot_address = wire::kSlotBase + 5 * wire::kSlotUnit;
    record.data_address = record.slot_address + wire::kUsualDataOffset;
    record.data_size = model_.data.size();
    record.new_data_address = model_.data_address.value();
    record.lazy_size = model_.lazy.size();
    if (record.lazy_size != 0) {
      record.lazy_address = record.slot_address + ghc::kMegablockSize;
      record.new_lazy_address = model_.lazy_address.value();
    }
    model_.members.push_back(std::move(member));
  }

  uint64_t lazy_closure(Heap* heap) {
    const uint64_t at = closure(heap, trampoline_, 3);
    heap->number(at + 1, thunk_);
    --model_.targets[trampoline_].record.uses;
    ++model_.targets[thunk_].record.uses;
    ++model_.lazy_closures;
    return at;
  }
  void add_lazy(Heap* heap, uint64_t list) { heap->address(lazy_closure(heap) + 2, list + 2); }

  const SampleOptions& options_;
  Model model_;
  uint32_t cons_ = 0, number_ = 0, nil_ = 0, bytes_ = 0, trampoline_ = 0, thunk_ = 0, raw_ = 0;
};

}  // namespace

// Names may need more metadata than there is room for below the usual addresses; write() then moves the image's parts.
Model sample(const SampleOptions& options) { return Builder(options).build(); }

std::vector<uint8_t> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write_file(const std::string& path, const std::vector<uint8_t>& bytes) {
  unlink(path.c_str());
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

std::vector<uint8_t> sample_file(const SampleOptions& options) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("sample.snap");
  const auto written = format::write(sample(options), path);
  if (!written) throw std::runtime_error(written.error().describe());
  return read_file(path);
}

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "fastboot-test.XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a directory");
  directory_ = name;
}

TemporaryDirectory::~TemporaryDirectory() { std::filesystem::remove_all(directory_); }

size_t TemporaryDirectory::entries() const {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory_)) ++count;
  return count;
}

}  // namespace fastboot::test
