#include "reloc/link.h"

#include <algorithm>
#include <cstring>

#include "format/ghc_closures.h"
#include "format/wire/hash.h"
#include "format/wire/slot.h"
#include "format/writer.h"
#include "reloc/link_bind.h"
#include "reloc/link_checks.h"
#include "reloc/link_rewrite.h"
#include "reloc/link_targets.h"

namespace fastboot::reloc {

using format::ByteSource;
using format::Error;
using format::fail;
using format::ImageAddress;
using format::Model;
using format::ModelMember;
using format::ModelNeeded;
using format::Reader;
using format::Result;
using wire::Code;
using wire::TargetKind;

namespace {

constexpr uint64_t kMegablock = format::ghc::kMegablockSize;

// The rebase and cross streams are read whole before anything is written, by what does not check hashes.
Result<void> verify_streams(const Reader& reader, const Model& model) {
  uint64_t chunk = wire::chunk_count(model.lazy.size()) + wire::chunk_count(model.data.size());
  std::vector<uint8_t> bytes(wire::kChunkSize);
  const std::pair<ByteSource, const char*> streams[] = {{reader.rebase(), ".fastboot.rebase"},
                                                        {reader.cross(), ".fastboot.cross"}};
  for (const auto& [stream, section] : streams) {
    for (uint64_t at = 0; at < stream.size(); at += wire::kChunkSize, ++chunk) {
      const std::span<uint8_t> piece(bytes.data(), std::min<uint64_t>(wire::kChunkSize, stream.size() - at));
      uint8_t want[wire::kHashSize], got[wire::kHashSize];
      if (auto read = stream.read(at, piece); !read) return read;
      if (auto read = model.chunk_hashes.read(chunk * wire::kHashSize, want); !read) return read;
      wire::hash128(piece.data(), piece.size(), got);
      if (memcmp(want, got, sizeof want) == 0) continue;
      return fail(Code::hash_mismatch,
                  fmt::format("the chunk at file offset {} does not match its hash: the file was damaged or changed; "
                              "freeze it again",
                              to_string(stream.file_offset() + at)),
                  reader.path(), section);
    }
  }
  return {};
}

class Linker {
 public:
  Linker(const std::vector<LinkInput>& inputs, const LinkOptions& options, Linked* out, std::vector<Error>* problems)
      : inputs_(inputs), options_(options), out_(*out), model_(out->model), problems_(*problems) {}

  bool run() {
    check_alike(inputs_, &problems_);
    check_distinct(inputs_, &problems_);
    for (const LinkInput& input : inputs_) check_trampolines(input.model.targets, input.path, &problems_);
    check_roots(inputs_, options_.renames, &problems_);
    providers_ = find_providers(inputs_, options_.no_undefined, &problems_);
    list_undefined();
    if (!problems_.empty()) return false;
    const auto build = find_common_build(inputs_, options_);
    if (!build) return stop(build.error());
    out_.build_id = build->build_id;
    merge(*build);
    check_trampolines(model_.targets, {}, &problems_);
    if (!problems_.empty()) return false;
    describe();
    if (auto placed = place(); !placed) return stop(placed.error());
    check_slots(inputs_, providers_, model_.slot_address, model_.slot_address + slot_size_, &problems_);
    if (!problems_.empty()) return false;
    move();
    list_members();
    if (auto moved = move_streams(); !moved) return stop(moved.error());
    return true;
  }

 private:
  bool stop(const Error& error) {
    problems_.push_back(error);
    return false;
  }

  void list_undefined() {
    for (size_t i = 0; i < inputs_.size(); ++i) {
      for (size_t j = 0; j < inputs_[i].model.needed.size(); ++j) {
        const std::string& name = inputs_[i].model.needed[j].name;
        const bool known = std::find(out_.undefined.begin(), out_.undefined.end(), name) != out_.undefined.end();
        if (!providers_[i][j] && !known) out_.undefined.push_back(name);
      }
    }
    const std::string own = options_.name + wire::kSnapshotEnding;
    if (std::find(out_.undefined.begin(), out_.undefined.end(), own) == out_.undefined.end()) return;
    problems_.push_back(Error{Code::circular_dependency,
                              fmt::format("the output's image is called {}, and needs {}, which is not among the "
                                          "inputs; call it otherwise by --soname",
                                          options_.name, own),
                              {},
                              {},
                              std::nullopt});
  }

  void merge(const CommonBuild& build) {
    std::vector<BoundTargets> bound;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const Model& model = inputs_[i].model;
      bound.push_back({model.targets, model.bitmaps, build.bindings[i].modules, build.bindings[i].entries});
      out_.targets_before += model.targets.size();
    }
    MergedTargets merged = merge_targets(bound);
    model_.targets = std::move(merged.targets);
    model_.bitmaps = std::move(merged.bitmaps);
    model_.modules = std::move(merged.modules);
    model_.entries = std::move(merged.entries);
    model_.info_size = merged.info_size;
    targets_from_ = std::move(merged.from);
  }

  // All of the model but addresses and bytes.
  void describe() {
    const Model& first = inputs_.front().model;
    model_.ghc_version = first.ghc_version;
    model_.rts_way = first.rts_way;
    model_.object_model = first.object_model;
    model_.heap = first.heap;
    model_.image_name = options_.name;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const LinkInput& input = inputs_[i];
      model_.closures += input.model.closures;
      model_.lazy_closures += input.model.lazy_closures;
      for (const format::ModelRoot& root : input.model.roots) {
        model_.roots.push_back(root);
        model_.roots.back().name = new_root_name(input, root.name, options_.renames);
        out_.root_input[model_.roots.back().name] = i;
      }
      for (const format::ModelRaw& raw : input.model.raws) {
        model_.raws.push_back(raw);
        model_.raws.back().target = targets_from_[i][raw.target];
      }
      for (size_t j = 0; j < input.model.needed.size(); ++j) {
        if (!providers_[i][j]) need(input.model.needed[j]);
      }
    }
    const std::vector<const Model*> models = list_models();
    model_.lazy = ByteSource(nullptr, moved_part_size(models, ImagePart::lazy));
    model_.data = ByteSource(nullptr, moved_part_size(models, ImagePart::data));
    uint64_t streams = 0;  // at most
    for (const Model* model : models) {
      list_member_names(*model);
      streams += model->rebase.size();
      for (const ModelNeeded& needed : model->needed) streams += needed.cross.size();
    }
    model_.rebase = ByteSource(nullptr, streams);
  }

  // The metadata's size decides where the parts lie, and holds the members' names.
  void list_member_names(const Model& model) {
    if (model.members.empty()) {
      model_.members.push_back({model.image_name, {}});
    } else {
      model_.members.insert(model_.members.end(), model.members.begin(), model.members.end());
    }
  }

  std::vector<const Model*> list_models() const {
    std::vector<const Model*> models;
    for (const LinkInput& input : inputs_) models.push_back(&input.model);
    return models;
  }

  void need(const ModelNeeded& needed) {
    for (const ModelNeeded& known : model_.needed) {
      if (known.name == needed.name) return;
    }
    model_.needed.push_back({needed.name, needed.record, {}});
  }

  // The slot that was asked for, or that of the name, or the next one where no needed image is.
  Result<void> place() {
    const uint64_t wanted = options_.address ? options_.address->value() : wire::slot_of(options_.name.c_str());
    for (uint64_t tries = 0; tries < wire::kNamedSlots; ++tries) {
      uint64_t slot = wanted;
      if (!options_.address) {
        const uint64_t number = (wanted - wire::kSlotBase) / wire::kSlotUnit + tries;
        slot = wire::kSlotBase + number % wire::kNamedSlots * wire::kSlotUnit;
      }
      model_.slot_address = ImageAddress(slot);
      const auto found = format::addresses(model_);
      if (!found) return tl::unexpected(found.error());
      addresses_ = *found;
      slot_size_ = wire::round_up(found->slot_end - model_.slot_address, wire::kSlotUnit);
      std::vector<Error> collisions;
      check_slots(inputs_, providers_, model_.slot_address, model_.slot_address + slot_size_, &collisions);
      if (collisions.empty() || options_.address) break;
    }
    model_.info_address = addresses_.info;
    model_.lazy_address = addresses_.lazy;
    model_.data_address = addresses_.data;
    return {};
  }

  // Where each input's parts and info tables come to lie.
  void move() {
    ImageAddress lazy = model_.lazy_address;
    ImageAddress data = model_.data_address;
    const auto move_part = [](ImageAddress from, uint64_t size, ImageAddress* to) {
      const uint64_t whole = wire::round_up(size, kMegablock);
      const PartMove move = {{from, from + whole}, *to - from};
      *to = *to + whole;
      return move;
    };
    auto images = std::make_shared<std::vector<MovedImage>>();
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const Model& model = inputs_[i].model;
      MovedImage image;
      image.path = inputs_[i].path;
      image.model = &model;
      image.moves.lazy = move_part(model.lazy_address, model.lazy.size(), &lazy);
      image.moves.data = move_part(model.data_address, model.data.size(), &data);
      move_info_tables(i, &image.moves);
      images->push_back(std::move(image));
    }
    for (size_t i = 0; i < inputs_.size(); ++i) (*images)[i].cross = moved_crosses(i, *images);
    images_ = images;
    move_roots_and_raws();
  }

  void move_info_tables(size_t input, ImageMoves* moves) {
    const Model& model = inputs_[input].model;
    moves->info_begin = model.info_address.value();
    moves->info.resize(wire::round_up(model.info_size, 8) / 8);
    moves->targets = targets_from_[input];
    for (size_t i = 0; i < model.targets.size(); ++i) {
      const wire::Target& record = model.targets[i].record;
      if (record.info_offset == 0) continue;
      moves->info[record.info_offset / 8] =
          model_.info_address.value() + model_.targets[targets_from_[input][i]].record.info_offset;
      const bool trampoline = record.kind == static_cast<uint16_t>(TargetKind::trampoline);
      if (trampoline && model.targets[i].symbol != "fastboot_forced_enter")
        moves->lazy_header = model.info_address.value() + record.info_offset;
    }
  }

  // What an input needs is among the inputs: its addresses as the input knows them, and what becomes of them.
  std::vector<CrossMoves> moved_crosses(size_t input, const std::vector<MovedImage>& images) const {
    std::vector<CrossMoves> crosses;
    const Model& model = inputs_[input].model;
    for (size_t j = 0; j < model.needed.size(); ++j) {
      if (!providers_[input][j]) continue;
      const Provider& provider = *providers_[input][j];
      const ImageMoves& moves = images[provider.input].moves;
      CrossMoves cross;
      cross.stream = model.needed[j].cross;
      if (provider.member) {
        const wire::Member& member = inputs_[provider.input].model.members[*provider.member].record;
        const auto add = [&](uint64_t from, uint64_t size, uint64_t now, uint64_t by) {
          if (size != 0) cross.parts.push_back({{ImageAddress(from), ImageAddress(from + size)}, now - from + by});
        };
        add(member.lazy_address, member.lazy_size, member.new_lazy_address, moves.lazy.by);
        add(member.data_address, member.data_size, member.new_data_address, moves.data.by);
      } else {
        for (const PartMove& part : {moves.lazy, moves.data}) {
          if (part.from.begin < part.from.end) cross.parts.push_back(part);
        }
      }
      crosses.push_back(std::move(cross));
    }
    return crosses;
  }

  void move_roots_and_raws() {
    for (format::ModelRoot& root : model_.roots) {
      root.address = (*images_)[out_.root_input[root.name]].moves.place(root.address);
    }
    size_t next = 0;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      for (size_t j = 0; j < inputs_[i].model.raws.size(); ++j, ++next) {
        model_.raws[next].address = (*images_)[i].moves.place(model_.raws[next].address);
      }
    }
    std::sort(model_.raws.begin(), model_.raws.end(),
              [](const auto& a, const auto& b) { return a.address < b.address; });
  }

  void list_members() {
    size_t next = 0;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const Model& model = inputs_[i].model;
      const ImageMoves& moves = (*images_)[i].moves;
      if (model.members.empty()) {
        wire::Member& record = model_.members[next++].record;
        record.flags = wire::kMemberWhole;
        memcpy(record.content_id, inputs_[i].content_id.data(), inputs_[i].content_id.size());
        record.slot_address = model.slot_address.value();
        record.lazy_size = model.lazy.size();
        record.data_size = model.data.size();
        record.lazy_address = record.lazy_size == 0 ? 0 : model.lazy_address.value();
        record.data_address = model.data_address.value();
        record.new_lazy_address = record.lazy_size == 0 ? 0 : record.lazy_address + moves.lazy.by;
        record.new_data_address = record.data_size == 0 ? 0 : record.data_address + moves.data.by;
        out_.members.push_back({i, model.image_name, record});
        continue;
      }
      for (const ModelMember& member : model.members) {
        wire::Member& record = model_.members[next++].record;
        if (record.lazy_size != 0) record.new_lazy_address += moves.lazy.by;
        if (record.data_size != 0) record.new_data_address += moves.data.by;
        out_.members.push_back({i, member.name, record});
      }
    }
  }

  Result<void> move_streams() {
    model_.lazy = moved_part(images_, ImagePart::lazy);
    model_.data = moved_part(images_, ImagePart::data);
    auto rebase = moved_rebase(images_);
    if (!rebase) return tl::unexpected(rebase.error());
    model_.rebase = std::move(*rebase);
    for (ModelNeeded& needed : model_.needed) {
      std::vector<ImageStream> streams;
      for (size_t i = 0; i < inputs_.size(); ++i) {
        for (const ModelNeeded& each : inputs_[i].model.needed) {
          if (each.name == needed.name) streams.push_back({&(*images_)[i], each.cross});
        }
      }
      auto cross = moved_streams(streams);
      if (!cross) return tl::unexpected(cross.error());
      needed.cross = std::move(*cross);
    }
    return {};
  }

  const std::vector<LinkInput>& inputs_;
  const LinkOptions& options_;
  Linked& out_;
  Model& model_;
  std::vector<Error>& problems_;
  std::vector<std::vector<std::optional<Provider>>> providers_;
  std::vector<std::vector<uint32_t>> targets_from_;
  format::Addresses addresses_;
  uint64_t slot_size_ = 0;
  MovedImages images_;
};

}  // namespace

Result<LinkInput> open_input(const std::string& path) {
  auto reader = Reader::open(path);
  if (!reader) return tl::unexpected(reader.error());
  auto model = reader->model();
  if (!model) return tl::unexpected(model.error());
  if (auto sound = verify_streams(*reader, *model); !sound) return tl::unexpected(sound.error());
  const format::ContentId id = reader->content_id();
  return LinkInput{path, id, std::move(*reader), std::move(*model)};
}

bool link(const std::vector<LinkInput>& inputs, const LinkOptions& options, Linked* out, std::vector<Error>* problems) {
  return Linker(inputs, options, out, problems).run();
}

}  // namespace fastboot::reloc
