#include "unit/graph_sample.h"

#include <cstring>
#include <random>
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

namespace {

constexpr uint64_t kBlockWords = ghc::kMegablockSize / 8;
constexpr uint64_t kFirstWord = ghc::kDescriptorArea / 8;

std::vector<uint8_t> bytes_of(const std::vector<uint64_t>& words) {
  std::vector<uint8_t> bytes(words.size() * 8);
  memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}

// Where each vertex's closure starts, in words.
std::vector<uint64_t> places(const Graph& graph) {
  std::vector<uint64_t> at;
  uint64_t next = kFirstWord;
  for (const auto& edges : graph.edges) {
    const uint64_t words = 2 + edges.size();
    if (next % kBlockWords == 0 || next % kBlockWords + words > kBlockWords)
      next = wire::round_up(next, kBlockWords) + kFirstWord;
    at.push_back(next);
    next += words;
  }
  at.push_back(next);
  return at;
}

void describe_blocks(uint64_t base, uint64_t used, std::vector<uint64_t>* words, std::vector<bool>* pointers) {
  for (uint64_t block = 0; block * 512 < used; ++block) {
    const uint64_t megablock = block * 512 / kBlockWords * kBlockWords;
    if ((block * 512 - megablock) / 512 < kFirstWord / 512) continue;
    const uint64_t at = megablock + (block * 512 - megablock) / 512 * 8;
    (*words)[at] = base + block * 4096;
    (*words)[at + 1] = base + (block + 1) * 4096;
    (*words)[at + 5] = 0x0007'0000'ffff'ffff;
    (*words)[at + 6] = 1;
    (*pointers)[at] = (*pointers)[at + 1] = true;
  }
}

format::Model frame() {
  format::Model model;
  model.slot_address = ImageAddress(wire::kSlotBase);
  model.ghc_version = 90002;
  model.heap = {8, 3, 12, 20, 64, 4, 8, 16, 0};
  model.image_name = "graph";
  model.modules.push_back({std::vector<uint8_t>(20, 0xab), "app"});
  model.info_address = ImageAddress(wire::kSlotBase + wire::kUsualInfoOffset);
  model.lazy_address = ImageAddress(wire::kSlotBase + ghc::kMegablockSize);
  model.data_address = ImageAddress(wire::kSlotBase + wire::kUsualDataOffset);
  format::ModelTarget target;
  target.record.kind = static_cast<uint16_t>(wire::TargetKind::rts);
  target.record.closure_type = ghc::kSmallMutArrPtrsFrozenClean;
  target.symbol = "stg_SMALL_MUT_ARR_PTRS_FROZEN_CLEAN_info";
  model.info_size = wire::info_entry_size(target.record, 1, 0, &target.record.info_offset);
  model.targets.push_back(std::move(target));
  model.entries.push_back({0x400000, 0, 0});
  return model;
}

}  // namespace

std::vector<ImageAddress> write_graph(const Graph& graph, const std::string& path) {
  format::Model model = frame();
  const uint64_t base = model.data_address.value();
  const std::vector<uint64_t> at = places(graph);
  std::vector<uint64_t> words(wire::round_up(at.back(), 512));
  std::vector<bool> pointers(words.size());
  std::vector<ImageAddress> addresses;
  for (size_t v = 0; v < graph.edges.size(); ++v) {
    words[at[v]] = model.info_address.value() + model.targets[0].record.info_offset;
    words[at[v] + 1] = graph.edges[v].size();
    pointers[at[v]] = true;
    for (size_t i = 0; i < graph.edges[v].size(); ++i) {
      words[at[v] + 2 + i] = base + at[graph.edges[v][i]] * 8;
      pointers[at[v] + 2 + i] = true;
    }
    addresses.emplace_back(base + at[v] * 8);
  }
  describe_blocks(base, at.back(), &words, &pointers);
  format::RebaseEncoder encoder;
  for (size_t i = 0; i < pointers.size(); ++i) {
    if (pointers[i]) encoder.add(ImageAddress(base + i * 8));
  }
  model.closures = model.targets[0].record.uses = graph.edges.size();
  for (size_t i = 0; i < graph.roots.size(); ++i) {
    const uint32_t root = graph.roots[i];
    model.roots.push_back(
        {"r" + std::to_string(i), "Array", addresses[root], 16 + graph.edges[root].size() * 8, {1, 2}, 0});
  }
  model.data = ByteSource(bytes_of(words));
  model.rebase = ByteSource(bytes_of(encoder.finish()));
  const auto written = format::write(model, path);
  if (!written) throw std::runtime_error(written.error().describe());
  return addresses;
}

Graph random_graph(uint32_t vertices, uint32_t degree, uint64_t seed) {
  std::mt19937_64 random(seed);
  Graph graph;
  for (uint32_t v = 0; v < vertices; ++v) {
    auto& edges = graph.edges.emplace_back(random() % (degree + 1));
    for (uint32_t& to : edges) to = static_cast<uint32_t>(random() % vertices);
  }
  graph.roots = {0};
  return graph;
}

}  // namespace fastboot::test
