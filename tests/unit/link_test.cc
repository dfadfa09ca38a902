// Linking of snapshots made by hand: what is written, and what is refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "format/sidecar.h"
#include "format/wire/emit.h"
#include "format/writer.h"
#include "reloc/link.h"
#include "reloc/link_shrink.h"
#include "unit/sample.h"

using namespace fastboot;
using namespace fastboot::test;
using format::ImageAddress;
using format::Model;
using format::Reader;
using reloc::LinkInput;
using reloc::LinkOptions;
using wire::Code;

namespace {

constexpr uint64_t kFirstClosure = wire::kUsualDataOffset + 0x4000;

std::vector<uint64_t> words_of(const format::ByteSource& source) {
  std::vector<uint64_t> words(source.size() / 8);
  REQUIRE(source.read(0, {reinterpret_cast<uint8_t*>(words.data()), words.size() * 8}));
  return words;
}

// A sample whose words that point into other images do so at addresses where closures are.
Model honest(const SampleOptions& options, uint64_t slot) {
  Model model = sample(options);
  for (format::ByteSource* source : {&model.lazy, &model.data}) {
    std::vector<uint64_t> words = words_of(*source);
    for (uint64_t& word : words) {
      for (const format::ModelNeeded& needed : model.needed) {
        const uint64_t theirs = needed.record.slot_address;
        if (word == theirs || word == theirs + wire::kHugePageSize * 2) word = theirs + kFirstClosure + 1;
      }
    }
    std::vector<uint8_t> bytes(words.size() * 8);
    if (!bytes.empty()) memcpy(bytes.data(), words.data(), bytes.size());
    *source = format::ByteSource(std::move(bytes));
  }
  model.slot_address = ImageAddress(slot);
  return model;
}

// Files `dict` and `index`, of which the second needs the first.
struct Pair {
  TemporaryDirectory directory;
  std::string dict = directory.path("dict.snap");
  std::string index = directory.path("index.snap");
  std::string out = directory.path("all.snap");

  explicit Pair(bool lazy = true, uint64_t cells = 100) {
    SampleOptions first;
    first.name = "dict";
    first.lazy = lazy;
    first.cells = cells;
    const uint64_t slot = wire::kSlotBase + 2 * wire::kSlotUnit;  // as the sample has it of the first one it needs
    REQUIRE(format::write(honest(first, slot), dict));
    SampleOptions second;
    second.name = "index";
    second.lazy = lazy;
    second.needed = 1;
    second.cells = cells;
    Model model = honest(second, wire::kSlotBase + 7 * wire::kSlotUnit);
    const auto reader = Reader::open(dict);
    REQUIRE(reader);
    wire::Needed& needed = model.needed[0].record;
    memcpy(needed.content_id, reader->content_id().data(), wire::kContentIdSize);
    needed.size = reader->data_range().end.value() - slot;
    model.needed[0].name = "dict.snap";
    REQUIRE(format::write(model, index));
  }

  std::vector<LinkInput> inputs() const {
    std::vector<LinkInput> list;
    for (const std::string& path : {dict, index}) {
      auto input = reloc::open_input(path);
      REQUIRE(input);
      list.push_back(std::move(*input));
    }
    return list;
  }
};

LinkOptions called(std::string name) {
  LinkOptions options;
  options.name = std::move(name);
  return options;
}

// The problems of linking them.
std::vector<format::Error> problems_of(const std::vector<LinkInput>& inputs, const LinkOptions& options) {
  reloc::Linked linked;
  std::vector<format::Error> problems;
  CHECK_FALSE(reloc::link(inputs, options, &linked, &problems));
  return problems;
}

void check_refused(const std::vector<LinkInput>& inputs, const LinkOptions& options, Code code,
                   std::initializer_list<std::string> said) {
  const auto problems = problems_of(inputs, options);
  REQUIRE(!problems.empty());
  CHECK(problems.front().code == code);
  for (const std::string& each : said) {
    INFO(problems.front().describe(), " should say ", each);
    CHECK(problems.front().describe().find(each) != std::string::npos);
  }
}

Reader link_to(const std::string& path, const std::vector<LinkInput>& inputs, const LinkOptions& options,
               const reloc::ShrinkOptions& shrink = {}) {
  reloc::Linked linked;
  std::vector<format::Error> problems;
  const bool ok = reloc::link(inputs, options, &linked, &problems);
  if (!problems.empty()) FAIL(problems.front().describe());
  REQUIRE(ok);
  if (shrink.icf || shrink.gc) REQUIRE(reloc::shrink(&linked.model, shrink));
  const auto written = format::write(linked.model, path);
  if (!written) FAIL(written.error().describe());
  auto reader = Reader::open(path);
  REQUIRE(reader);
  const auto wrong = format::validate(*reader);
  if (!wrong.empty()) FAIL(wrong.front().describe());
  return std::move(*reader);
}

// The values of a list of boxed numbers, as a thaw would see them.
std::vector<uint64_t> numbers(const Reader& reader, const std::string& root) {
  const std::vector<uint64_t> data = words_of(reader.data());
  const auto word = [&](uint64_t address) { return data.at((address - reader.data_range().begin.value()) / 8); };
  std::vector<uint64_t> result;
  for (uint64_t i = 0; i < reader.view().root_count; ++i) {
    if (reader.string(reader.view().roots[i].name) != root) continue;
    for (uint64_t at = reader.view().roots[i].address; (at & 7) != 1; at = word((at & ~uint64_t{7}) + 16)) {
      result.push_back(word((word((at & ~uint64_t{7}) + 8) & ~uint64_t{7}) + 8));
    }
  }
  return result;
}

// The cell of index that points to the first two closures of dict.
void check_cell_points_to(const Reader& reader, const wire::Member& dict) {
  const std::vector<uint64_t> words = words_of(reader.data());
  const uint64_t first = dict.new_data_address + 0x4000;  // behind the block descriptors
  const uint64_t cell[] = {first + 1, first + 0x12};
  CHECK(std::search(words.begin(), words.end(), std::begin(cell), std::end(cell)) != words.end());
}

std::string hex(const uint8_t* id) { return format::to_hex(id, wire::kContentIdSize); }

}  // namespace

TEST_CASE("linking: words that pointed into another file are the output's own") {
  const Pair pair;
  const auto inputs = pair.inputs();
  const Reader reader = link_to(pair.out, inputs, called("all"));
  const wire::View& view = reader.view();
  CHECK(view.needed_count == 0);
  CHECK(view.target_count == inputs[0].model.targets.size());
  REQUIRE(view.member_count == 2);
  CHECK(memcmp(view.members[0].content_id, inputs[0].content_id.data(), wire::kContentIdSize) == 0);
  CHECK(view.members[1].flags == wire::kMemberWhole);
  CHECK(numbers(reader, "dict").size() == 100);
  CHECK(numbers(reader, "dict") == numbers(reader, "index"));
  check_cell_points_to(reader, view.members[0]);
  CHECK(view.header->lazy_closures == inputs[0].model.lazy_closures + inputs[1].model.lazy_closures);
}

TEST_CASE("linking: an image that is not among the inputs stays needed") {
  const Pair pair;
  std::vector<LinkInput> inputs = pair.inputs();
  inputs.erase(inputs.begin());
  const Reader reader = link_to(pair.out, inputs, called("all"));
  REQUIRE(reader.view().needed_count == 1);
  CHECK(reader.string(reader.view().needed[0].name) == "dict.snap");
  LinkOptions complete = called("all");
  complete.no_undefined = true;
  check_refused(inputs, complete, Code::undefined_image, {"dict.snap", "not among the inputs"});
  // What was linked is linked again, with what it needs.
  auto dict = reloc::open_input(pair.dict);
  auto half = reloc::open_input(pair.out);
  std::vector<LinkInput> again;
  again.push_back(std::move(*half));
  again.push_back(std::move(*dict));
  const Reader whole = link_to(pair.directory.path("whole.snap"), again, called("whole"));
  CHECK(whole.view().needed_count == 0);
  CHECK(numbers(whole, "index") == numbers(whole, "dict"));
}

TEST_CASE("linking: a member of a linked file is found by what needs it") {
  const Pair pair;
  std::vector<LinkInput> inputs = pair.inputs();
  LinkInput index = std::move(inputs.back());
  inputs.pop_back();
  link_to(pair.out, inputs, called("all"));
  std::vector<LinkInput> again;
  again.push_back(std::move(index));
  again.push_back(*reloc::open_input(pair.out));
  const Reader reader = link_to(pair.directory.path("whole.snap"), again, called("whole"));
  CHECK(reader.view().needed_count == 0);
  REQUIRE(reader.view().member_count == 2);
  CHECK(reader.string(reader.view().members[1].name) == "dict");
  check_cell_points_to(reader, reader.view().members[1]);
  // Where closures of it were merged, it is no longer what it was.
  link_to(pair.out, inputs, called("all"), {true, false, {}});
  again[1] = *reloc::open_input(pair.out);
  check_refused(again, called("whole"), Code::wrong_dependency, {"merged or dropped"});
}

TEST_CASE("linking: what an input was frozen against must be what is there") {
  const Pair pair;
  SUBCASE("another content id") {
    auto inputs = pair.inputs();
    const std::string wanted = hex(inputs[0].content_id.data());
    inputs[0].content_id[3] ^= 1;
    check_refused(inputs, called("all"), Code::wrong_dependency, {wanted, hex(inputs[0].content_id.data()), pair.dict});
  }
  SUBCASE("another address") {
    auto inputs = pair.inputs();
    inputs[1].model.needed[0].record.slot_address += wire::kSlotUnit;
    check_refused(inputs, called("all"), Code::wrong_dependency, {"0x123c0000000", "0x12380000000"});
  }
  SUBCASE("images that need each other") {
    auto inputs = pair.inputs();
    format::ModelNeeded back = inputs[1].model.needed[0];
    back.name = "index.snap";
    back.record.slot_address = inputs[1].model.slot_address.value();
    memcpy(back.record.content_id, inputs[1].content_id.data(), wire::kContentIdSize);
    inputs[0].model.needed.push_back(back);
    check_refused(inputs, called("all"), Code::circular_dependency, {pair.dict + " needs " + pair.index});
  }
  SUBCASE("addresses that both claim") {
    auto inputs = pair.inputs();
    inputs[1].model.needed[0].record.slot_address = inputs[1].model.slot_address.value();
    const auto problems = problems_of(inputs, called("all"));
    REQUIRE(!problems.empty());
    CHECK(problems.front().code == Code::slots_overlap);
  }
}

TEST_CASE("linking: the output's slot") {
  const Pair pair;
  std::vector<LinkInput> inputs = pair.inputs();
  inputs.erase(inputs.begin());
  LinkOptions options = called("all");
  options.address = ImageAddress(inputs[0].model.needed[0].record.slot_address);
  check_refused(inputs, options, Code::slots_overlap, {"0x12380000000 to 0x123c0000000", "dict.snap", "--va-base"});
  options.address = ImageAddress(wire::kSlotBase + 11 * wire::kSlotUnit);
  CHECK(link_to(pair.out, inputs, options).view().header->slot_address == options.address->value());
}

TEST_CASE("linking: roots and images are there once") {
  const Pair pair;
  auto inputs = pair.inputs();
  inputs[1].model.roots[0].name = "dict";
  check_refused(inputs, called("all"), Code::duplicate_root, {"'dict'", pair.dict, "--rename index:dict=NAME"});
  LinkOptions options = called("all");
  options.renames.push_back({"index", "dict", "other"});
  const Reader reader = link_to(pair.out, inputs, options);
  CHECK(numbers(reader, "other").size() == 100);
  options.renames.push_back({"index", "nothing", "more"});
  check_refused(inputs, options, Code::undefined_root, {"'nothing'"});

  inputs[1].model.roots[0].name = "index";
  inputs[1].model.image_name = "dict";
  check_refused(inputs, called("all"), Code::duplicate_image,
                {hex(inputs[0].content_id.data()), hex(inputs[1].content_id.data())});
}

TEST_CASE("linking: inputs of one runtime system") {
  const Pair pair;
  auto inputs = pair.inputs();
  inputs[1].model.rts_way = 0;
  check_refused(inputs, called("all"), Code::inputs_differ, {"threaded", "vanilla"});
  inputs[1].model.rts_way = inputs[0].model.rts_way;
  inputs[1].model.ghc_version = 90004;
  check_refused(inputs, called("all"), Code::inputs_differ, {"9.0.4", "9.0.2"});
}

TEST_CASE("linking: inputs of one program") {
  const Pair pair;
  auto inputs = pair.inputs();
  inputs[1].model.modules[0].build_id.assign(20, 0xcd);
  inputs[1].model.modules[0].path = "other";
  check_refused(inputs, called("all"), Code::no_common_build,
                {"abababab", "cdcdcdcd", "fastboot-migrate --add '" + pair.index + "' 'app'"});
  // A binding beside it will do.
  const format::ModelModule app = inputs[0].model.modules[0];
  REQUIRE(format::write_sidecar(inputs[1].content_id, {app}, inputs[1].model.entries,
                                format::sidecar_path(pair.index, inputs[1].content_id, app.build_id)));
  reloc::Linked linked;
  std::vector<format::Error> problems;
  CHECK(reloc::link(inputs, called("all"), &linked, &problems));
  CHECK(linked.build_id == app.build_id);
  CHECK(linked.model.targets.size() == inputs[0].model.targets.size());
  LinkOptions for_other = called("all");
  for_other.build_id = inputs[1].model.modules[0].build_id;
  for_other.program = "./other";
  check_refused(inputs, for_other, Code::no_common_build, {"fastboot-migrate --add '" + pair.dict + "' './other'"});
}

TEST_CASE("linking: private names are numbered anew, and ambiguous ones are private") {
  const Pair pair(false);
  auto inputs = pair.inputs();
  inputs[0].model.targets[4].symbol = "local";
  inputs[1].model.targets[4].symbol = "local";
  inputs[1].model.entries[4].offset += 8;  // another thing by that name
  inputs[1].model.targets[0].symbol = "fb.t.77";
  reloc::Linked linked;
  std::vector<format::Error> problems;
  REQUIRE(reloc::link(inputs, called("all"), &linked, &problems));
  REQUIRE(linked.model.targets.size() == inputs[0].model.targets.size() + 1);
  CHECK(linked.model.targets[4].symbol.empty());
  CHECK(linked.model.targets.back().symbol.empty());
  CHECK(linked.model.targets[0].symbol == "ghczmprim_GHCziTypes_ZC_con_info");
  CHECK(linked.model.targets[0].record.uses ==
        inputs[0].model.targets[0].record.uses + inputs[1].model.targets[0].record.uses);
}

TEST_CASE("linking: damage of an input is found, and an old output stays") {
  const Pair pair(true, 200000);
  std::vector<uint8_t> bytes = read_file(pair.index);
  const auto reader = Reader::open(pair.index);
  REQUIRE(reader);
  const uint64_t places[] = {reader->data().file_offset().value() + (uint64_t{5} << 20) + 123,
                             reader->lazy().file_offset().value() + 0x4008, reader->rebase().file_offset().value() + 17,
                             reader->cross().file_offset().value() + 1};
  link_to(pair.out, pair.inputs(), called("all"));
  const std::vector<uint8_t> before = read_file(pair.out);
  for (const uint64_t place : places) {
    std::vector<uint8_t> changed = bytes;
    changed[place] ^= 0x10;
    write_file(pair.index, changed);
    std::vector<LinkInput> inputs;
    inputs.push_back(*reloc::open_input(pair.dict));
    auto damaged = reloc::open_input(pair.index);
    if (!damaged) {
      CHECK(damaged.error().code == Code::hash_mismatch);
      continue;
    }
    inputs.push_back(std::move(*damaged));
    reloc::Linked linked;
    std::vector<format::Error> problems;
    REQUIRE(reloc::link(inputs, called("all"), &linked, &problems));
    const auto written = format::write(linked.model, pair.out);
    REQUIRE_FALSE(written);
    CHECK(written.error().code == Code::hash_mismatch);
    CHECK(written.error().file == pair.index);
    CHECK(read_file(pair.out) == before);
  }
}

TEST_CASE("linking: equal closures become one, but for what is pinned or lazy") {
  const Pair pair;
  auto inputs = pair.inputs();
  const uint64_t cells = 100;
  const Reader all = link_to(pair.out, inputs, called("all"));
  const Reader merged = link_to(pair.out, inputs, called("all"), {true, false, {}});
  const auto closures = [](const Reader& reader) { return reader.view().header->closures; };
  // The list, its numbers, its end, and the byte array.
  CHECK(closures(all) - closures(merged) == 2 * cells + 1 + 1);
  CHECK(merged.view().header->lazy_closures == all.view().header->lazy_closures);
  CHECK(merged.view().members[0].flags == 0);
  CHECK(numbers(merged, "dict") == numbers(all, "dict"));
  CHECK(numbers(merged, "index") == numbers(all, "index"));
  uint64_t roots[2];
  for (size_t i = 0; i < 2; ++i) roots[i] = merged.view().roots[i].address;
  CHECK(roots[0] == roots[1]);

  for (LinkInput& input : inputs) input.model.targets[3].record.arity = 64;  // the byte arrays are pinned
  const Reader pinned = link_to(pair.out, inputs, called("all"), {true, false, {}});
  CHECK(closures(all) - closures(pinned) == 2 * cells + 1);
}

TEST_CASE("linking: what no kept root reaches is dropped, with its targets") {
  const Pair pair(true, 300000);
  const auto inputs = pair.inputs();
  const Reader all = link_to(pair.out, inputs, called("all"));
  const Reader kept = link_to(pair.directory.path("kept.snap"), inputs, called("kept"), {false, true, {"index"}});
  CHECK(kept.view().root_count == 1);
  CHECK(kept.view().header->closures == 2 * 300000 + 1);  // its list; nothing leads to the rest of the sample
  CHECK(kept.view().header->lazy_closures == 0);
  CHECK(kept.view().lazy.size == 0);
  CHECK(kept.view().target_count == 3);
  CHECK(kept.data().size() < all.data().size() * 6 / 10);
  CHECK(numbers(kept, "index") == numbers(all, "index"));
  reloc::Linked linked;
  std::vector<format::Error> problems;
  REQUIRE(reloc::link(inputs, called("all"), &linked, &problems));
  const auto refused = reloc::shrink(&linked.model, {false, true, {"nothing"}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::undefined_root);
}
