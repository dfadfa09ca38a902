// The writer goes through the image once: lazy, data, rebase and cross streams are read in pieces of 2 MiB, hashed, and
// written in pieces of 2 MiB at multiples of 2 MiB, so that the page cache keeps (and later maps) them in such pieces.
// The metadata in front needs the hashes and is written last.
#include "format/writer.h"

#include <algorithm>
#include <cstring>

#include "format/canonical.h"
#include "format/rebase.h"
#include "format/signature.h"
#include "format/temporary_file.h"
#include "format/wire/emit.h"
#include "format/wire/hash.h"
#include "format/wire/parse.h"

namespace fastboot::format {
namespace {

using wire::Code;

constexpr uint64_t kMegablock = uint64_t{1} << 20;
constexpr uint64_t kPiece = wire::kHugePageSize;
static_assert(kPiece % wire::kChunkSize == 0);

// --- the model as emit() wants it ----------------------------------------------------------------

bool is_root_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("_.$-", c) != nullptr;
  }) && name.find('\0') == std::string::npos;
}

Result<void> check(const Model& model) {
  const auto refuse = [](std::string message) { return fail(Code::bad_argument, std::move(message)); };
  if (auto known = check_version(model, {}); !known) return known;
  if (model.entries.size() < model.targets.size()) {
    return refuse(fmt::format("{} binding entries for {} targets", model.entries.size(), model.targets.size()));
  }
  for (const ModelRaw& raw : model.raws) {
    if (raw.target >= model.targets.size())
      return refuse(fmt::format("raw reference to target {} of {}", raw.target, model.targets.size()));
  }
  for (const ModelModule& module : model.modules) {
    if (module.build_id.size() > wire::kMaxBuildId) {
      return refuse(
          fmt::format("a build-id of {} bytes; the format holds {}", module.build_id.size(), wire::kMaxBuildId));
    }
  }
  for (const ModelNeeded& needed : model.needed) {
    if (needed.cross.size() % 8 != 0)
      return refuse(fmt::format("a stream of {} bytes for {}; expected whole words", needed.cross.size(), needed.name));
  }
  for (const ModelRoot& root : model.roots) {
    if (!is_root_name(root.name)) {
      return refuse(fmt::format("root name '{}'; expected letters, digits and _ . $ - only", root.name));
    }
  }
  return {};
}

// Keeps the arrays that SnapshotInput points to. The model must outlive it.
struct Input {
  explicit Input(const Model& model);
  Input(const Input&) = delete;

  wire::SnapshotInput snapshot;
  std::vector<wire::TargetInput> targets;
  std::vector<wire::RootInput> roots;
  std::vector<wire::RawReference> raws;
  std::vector<wire::ModuleInput> modules;
  std::vector<wire::NeededInput> needed;
  std::vector<wire::MemberInput> members;
};

Input::Input(const Model& model) {
  for (const ModelTarget& target : model.targets) {
    targets.push_back({target.record, target.symbol.empty() ? nullptr : target.symbol.c_str(),
                       target.name ? target.name->c_str() : nullptr});
  }
  for (const ModelRoot& root : model.roots) {
    roots.push_back({root.name.c_str(),
                     root.type_name.c_str(),
                     root.address.value(),
                     root.size,
                     {root.type_fingerprint[0], root.type_fingerprint[1]},
                     root.tag});
  }
  for (const ModelRaw& raw : model.raws) raws.push_back({raw.address.value(), raw.target, raw.addend});
  for (const ModelModule& module : model.modules) {
    modules.push_back({module.build_id.data(), static_cast<uint32_t>(module.build_id.size()), module.path.c_str()});
  }
  for (const ModelNeeded& each : model.needed) {
    needed.push_back({each.record, each.name.c_str()});
    needed.back().record.cross_count = each.cross.size() / 8;
  }
  for (const ModelMember& member : model.members) members.push_back({member.record, member.name.c_str()});
  snapshot.slot_address = model.slot_address.value();
  snapshot.slot_size = model.slot_size;
  snapshot.ghc_version = model.ghc_version;
  snapshot.rts_way = model.rts_way;
  snapshot.object_model = model.object_model;
  snapshot.heap = model.heap;
  snapshot.closures = model.closures;
  snapshot.lazy_closures = model.lazy_closures;
  snapshot.image_name = model.image_name.c_str();
  snapshot.targets = targets.data();
  snapshot.target_count = targets.size();
  snapshot.bitmaps = model.bitmaps.data();
  snapshot.bitmap_count = model.bitmaps.size();
  snapshot.roots = roots.data();
  snapshot.root_count = roots.size();
  snapshot.raws = raws.data();
  snapshot.raw_count = raws.size();
  snapshot.modules = modules.data();
  snapshot.module_count = modules.size();
  snapshot.entries = model.entries.data();
  snapshot.entry_count = model.entries.size();
  snapshot.needed = needed.data();
  snapshot.needed_count = needed.size();
  snapshot.members = members.data();
  snapshot.member_count = members.size();
  snapshot.info_size = model.info_size;
  snapshot.lazy_size = model.lazy.size();
  snapshot.data_size = model.data.size();
  snapshot.rebase_size = model.rebase.size();
  snapshot.signature = model.signature ? &*model.signature : nullptr;
}

Result<wire::Layout> plan(const Model& model) {
  const Input input(model);
  wire::Layout layout;
  wire::Error error;
  if (!wire::plan(input.snapshot, &layout, &error)) return fail(error, {});
  return layout;
}

// --- moving the image's parts --------------------------------------------------------------------

struct Move {
  ImageRange from;  // whole megablocks: block descriptors speak of blocks that a cut-off last megablock does not have
  uint64_t by = 0;  // modulo 2^64

  bool holds(uint64_t value) const { return value >= from.begin.value() && value < from.end.value(); }
};

struct Moves {
  Move info, lazy, data;
  bool any() const { return info.by != 0 || lazy.by != 0 || data.by != 0; }

  Moves(const Model& model, const wire::Layout& layout) {
    const auto set = [](Move* move, ImageAddress from, uint64_t size, uint64_t to, uint64_t unit) {
      if (size != 0) *move = {{from, from + wire::round_up(size, unit)}, to - from.value()};
    };
    set(&info, model.info_address, model.info_size, layout.info_address, 8);
    set(&lazy, model.lazy_address, model.lazy.size(), layout.lazy_address, kMegablock);
    set(&data, model.data_address, model.data.size(), layout.data_address, kMegablock);
  }

  ImageAddress place(ImageAddress address) const { return address + (lazy.holds(address.value()) ? lazy.by : data.by); }

  // The new value of a word at `address` (old). The end of a megablock is the start of the next; a word that holds it
  // (a block descriptor's `free`) belongs with the megablock that it stands in.
  std::optional<uint64_t> value(ImageAddress address, uint64_t value) const {
    const Move& own = lazy.holds(address.value()) ? lazy : data;
    if (own.holds(value) || value == own.from.end.value()) return value + own.by;
    for (const Move* move : {&info, &data, &lazy}) {
      if (move->holds(value)) return value + move->by;
    }
    return std::nullopt;
  }
};

RebaseCursor cursor_of(const Model& model, const ByteSource& stream) {
  return {stream,
          {model.lazy_address, model.lazy_address + model.lazy.size()},
          {model.data_address, model.data_address + model.data.size()}};
}

// The same words where they will lie.
Result<ByteSource> moved_stream(const Model& model, const ByteSource& stream, const Moves& moves) {
  RebaseCursor cursor = cursor_of(model, stream);
  RebaseEncoder encoder;
  while (true) {
    const auto next = cursor.next();
    if (!next) return tl::unexpected(next.error());
    if (!*next) break;
    encoder.add(moves.place(**next));
  }
  const std::vector<uint64_t> words = encoder.finish();
  std::vector<uint8_t> bytes(words.size() * 8);
  if (!bytes.empty()) memcpy(bytes.data(), words.data(), bytes.size());
  return ByteSource(std::move(bytes));
}

// Changes words of the image while it streams past in ascending order.
class Mover {
 public:
  Mover(const Model& model, const Moves& moves) : cursor_(cursor_of(model, model.rebase)), moves_(moves) {}

  // `bytes` are the image's words from `address` (old) on.
  Result<void> apply(ImageAddress address, std::span<uint8_t> bytes) {
    while (true) {
      ImageAddress place;
      const auto more = cursor_.next_before(address + bytes.size(), &place);
      if (!more) return tl::unexpected(more.error());
      if (!*more) return {};
      uint8_t* const at = bytes.data() + (place - address);
      uint64_t word = 0;
      memcpy(&word, at, sizeof word);
      const auto moved = moves_.value(place, word);
      if (!moved) {
        return fail(Code::corrupt, fmt::format("the word at {} holds {:#x}, which is no address of the image",
                                               to_string(place), word));
      }
      memcpy(at, &*moved, sizeof word);
    }
  }

 private:
  RebaseCursor cursor_;
  const Moves& moves_;
};

// --- the body ------------------------------------------------------------------------------------

// Gathers bytes, given in ascending order, into writes that start and end at multiples of 2 MiB.
class PieceWriter {
 public:
  PieceWriter(TemporaryFile* file, FileOffset start) : file_(*file), start_(start) { buffer_.reserve(kPiece); }

  Result<void> put(std::span<const uint8_t> bytes) {
    while (!bytes.empty()) {
      const uint64_t room = kPiece - (start_.value() + buffer_.size()) % kPiece;
      const size_t take = std::min<size_t>(room, bytes.size());
      if (buffer_.empty() && take == kPiece) {  // a whole one need not be gathered
        if (auto written = file_.write(start_, bytes.first(take)); !written) return written;
        start_ = start_ + take;
        bytes = bytes.subspan(take);
        continue;
      }
      buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(take));
      bytes = bytes.subspan(take);
      if (take == room) {
        if (auto flushed = flush(); !flushed) return flushed;
      }
    }
    return {};
  }
  // Zeros up to `offset`.
  Result<void> pad(uint64_t offset) {
    static constexpr uint8_t kZeros[wire::kPageSize] = {};
    for (uint64_t at = start_.value() + buffer_.size(); at < offset;) {
      const uint64_t take = std::min<uint64_t>(sizeof kZeros, offset - at);
      if (auto done = put({kZeros, take}); !done) return done;
      at += take;
    }
    return {};
  }
  Result<void> flush() {
    auto done = file_.write(start_, buffer_);
    start_ = start_ + buffer_.size();
    buffer_.clear();
    return done;
  }

 private:
  TemporaryFile& file_;
  FileOffset start_;  // where buffer_ goes
  std::vector<uint8_t> buffer_;
};

// Sources one behind the other, read like one.
class Chain {
 public:
  explicit Chain(const std::vector<ModelNeeded>& needed) {
    for (const ModelNeeded& each : needed) {
      sources_.push_back(&each.cross);
      size_ += each.cross.size();
    }
  }
  uint64_t size() const { return size_; }
  Result<void> read(uint64_t position, std::span<uint8_t> out) const {
    for (const ByteSource* source : sources_) {
      if (position < source->size() && !out.empty()) {
        const auto part = out.first(std::min<uint64_t>(out.size(), source->size() - position));
        if (auto read = source->read(position, part); !read) return read;
        out = out.subspan(part.size());
        position += part.size();
      }
      position -= source->size();
    }
    return {};
  }

 private:
  std::vector<const ByteSource*> sources_;
  uint64_t size_ = 0;
};

class BodyWriter {
 public:
  BodyWriter(const Model& model, const wire::Layout& layout, TemporaryFile* file, Mover* mover)
      : model_(model), layout_(layout), mover_(mover), out_(file, FileOffset(layout.link_offset)), piece_(kPiece) {}

  // Everything from the link table to the cross streams, which are those of `model`; fills hashes().
  Result<void> write_image(const Model& model) {
    hashes_.reserve(layout_.hashes_size);
    const bool moved = mover_ != nullptr;
    auto done = out_.pad(model_.lazy.size() != 0 ? layout_.lazy_offset : layout_.data_offset);
    if (done) done = copy(model_.lazy, ".fastboot.lazy", model_.lazy_address, true, true);
    if (done) done = out_.pad(layout_.data_offset);
    if (done) done = copy(model_.data, ".fastboot.data", model_.data_address, true, true);
    if (done) done = out_.pad(layout_.cold_offset);
    if (done) done = copy(model.rebase, ".fastboot.rebase", ImageAddress(), false, !moved);
    if (done) done = copy(Chain(model.needed), ".fastboot.cross", ImageAddress(), false, !moved);
    return done;
  }
  const std::vector<uint8_t>& hashes() const { return hashes_; }

  Result<void> write_end(const wire::Buffer& tail) {
    auto done = out_.put(hashes_);
    if (done) done = out_.pad(layout_.tail_offset);
    if (done) done = out_.put({tail.data(), tail.size()});
    if (done) done = out_.flush();
    return done;
  }

 private:
  template <class Source>
  Result<void> copy(const Source& source, const char* section, ImageAddress address, bool image, bool known) {
    for (uint64_t at = 0; at < source.size();) {
      const std::span<uint8_t> bytes(piece_.data(), std::min(kPiece, source.size() - at));
      if (auto read = source.read(at, bytes); !read) return read;
      const size_t hashed = hashes_.size();
      hash(bytes);
      if (known) {
        if (auto same = verify(bytes.size(), hashed, section); !same) return same;
      }
      if (image && mover_ != nullptr) {
        if (auto moved = mover_->apply(address + at, bytes); !moved) return moved;
        hashes_.resize(hashed);
        hash(bytes);
      }
      if (auto put = out_.put(bytes); !put) return put;
      at += bytes.size();
    }
    return {};
  }

  // Compares the hashes from `hashed` on, of `size` bytes, with the model's own, which come in the same order.
  Result<void> verify(size_t size, size_t hashed, const char* section) {
    for (size_t at = 0; at < size && verified_ < model_.chunk_hashes.size(); at += wire::kChunkSize) {
      uint8_t want[wire::kHashSize];
      if (auto read = model_.chunk_hashes.read(verified_, want); !read) return read;
      if (memcmp(want, hashes_.data() + hashed + at / wire::kChunkSize * wire::kHashSize, sizeof want) != 0) {
        return fail(
            Code::hash_mismatch,
            "the image's bytes do not match their recorded hash: the file was damaged or changed; freeze it again", {},
            section);
      }
      verified_ += wire::kHashSize;
    }
    return {};
  }

  void hash(std::span<const uint8_t> bytes) {
    for (size_t at = 0; at < bytes.size(); at += wire::kChunkSize) {
      uint8_t hash[wire::kHashSize];
      wire::hash128(bytes.data() + at, std::min<uint64_t>(wire::kChunkSize, bytes.size() - at), hash);
      hashes_.insert(hashes_.end(), hash, hash + wire::kHashSize);
    }
  }

  const Model& model_;
  const wire::Layout& layout_;
  Mover* mover_;
  PieceWriter out_;
  std::vector<uint8_t> piece_;
  std::vector<uint8_t> hashes_;
  uint64_t verified_ = 0;  // bytes of model_.chunk_hashes used
};

// What is the same wherever the image's parts come to lie.
struct Task {
  const std::string& path;
  const SecretKey* key;
};

// Reads back what was written: the data, mostly, which the page cache still has.
Result<wire::Signature> sign_written(const wire::Buffer& hot, uint64_t file_size, const TemporaryFile& file,
                                     const SecretKey& key) {
  wire::View view;
  wire::Error error;
  if (!wire::parse(hot.data(), hot.size(), file_size, true, &view, &error)) return fail(error, {});
  return sign(
      view, [&](uint64_t offset, std::span<uint8_t> out) { return file.read(FileOffset(offset), out); }, key);
}

bool same_content(const wire::Buffer& hot, uint64_t file_size, const Model& model) {
  wire::View view;
  wire::Error error;
  return wire::parse(hot.data(), hot.size(), file_size, true, &view, &error) &&
         memcmp(view.header->content_id, model.signed_content.data(), model.signed_content.size()) == 0;
}

// `model` has addresses and rebase stream as they will be in the file; `old` has the image's bytes and where they were.
// False: nothing was written, for the model's signature does not hold any more.
Result<bool> write_planned(const Model& old, const Model& model, const wire::Layout& layout, Mover* mover,
                           const Task& task) {
  auto file = TemporaryFile::create(task.path);
  if (!file) return tl::unexpected(file.error());
  BodyWriter body(old, layout, &*file, mover);
  if (auto done = body.write_image(model); !done) return tl::unexpected(done.error());
  Input input(model);
  wire::Buffer hot, tail, signed_hot, same_tail;
  wire::Error error;
  if (!wire::emit(input.snapshot, layout, body.hashes().data(), &hot, &tail, &error)) return fail(error, {});
  if (task.key == nullptr && model.signature && !same_content(hot, layout.file_size, model)) return false;
  if (auto done = body.write_end(tail); !done) return tl::unexpected(done.error());
  if (task.key != nullptr) {
    const auto signature = sign_written(hot, layout.file_size, *file, *task.key);
    if (!signature) return tl::unexpected(signature.error());
    input.snapshot.signature = &*signature;
    if (!wire::emit(input.snapshot, layout, body.hashes().data(), &signed_hot, &same_tail, &error))
      return fail(error, {});
  }
  const wire::Buffer& last = task.key != nullptr ? signed_hot : hot;
  if (auto done = file->write(FileOffset(0), {last.data(), last.size()}); !done) return tl::unexpected(done.error());
  if (auto done = file->commit(); !done) return tl::unexpected(done.error());
  return true;
}

Result<bool> write_moved(const Model& model, const Moves& moves, const Task& task) {
  Model moved = model;
  for (ModelRoot& root : moved.roots) root.address = moves.place(root.address);
  for (ModelRaw& raw : moved.raws) raw.address = moves.place(raw.address);
  auto rebase = moved_stream(model, model.rebase, moves);
  if (!rebase) return tl::unexpected(rebase.error());
  moved.rebase = std::move(*rebase);
  for (ModelNeeded& needed : moved.needed) {
    auto cross = moved_stream(model, needed.cross, moves);
    if (!cross) return tl::unexpected(cross.error());
    needed.cross = std::move(*cross);
  }
  for (ModelMember& member : moved.members) {
    member.record.new_lazy_address += member.record.lazy_size == 0 ? 0 : moves.lazy.by;
    member.record.new_data_address += member.record.data_size == 0 ? 0 : moves.data.by;
  }
  const auto layout = plan(moved);
  if (!layout) return tl::unexpected(layout.error());
  Mover mover(model, moves);
  return write_planned(model, moved, *layout, &mover, task);
}

}  // namespace

Result<std::vector<uint8_t>> metadata_of(const Model& model) {
  if (auto sound = check(model); !sound) return tl::unexpected(sound.error());
  const auto layout = plan(model);
  if (!layout) return tl::unexpected(layout.error());
  const Input input(model);
  const std::vector<uint8_t> hashes(layout->hashes_size);
  wire::Buffer hot, tail;
  wire::Error error;
  if (!wire::emit(input.snapshot, *layout, hashes.data(), &hot, &tail, &error)) return fail(error, {});
  return std::vector<uint8_t>(hot.data(), hot.data() + hot.size());
}

Result<Addresses> addresses(const Model& model) {
  const auto layout = plan(model);
  if (!layout) return tl::unexpected(layout.error());
  return Addresses{ImageAddress(layout->info_address), ImageAddress(layout->lazy_address),
                   ImageAddress(layout->data_address), model.slot_address + layout->slot_size};
}

namespace {

// Where an image and one that it points into would lie over each other, one of them is moved at each thaw.
Result<void> check_slots(const Model& model, const wire::Layout& layout) {
  const uint64_t begin = model.slot_address.value();
  const uint64_t end = begin + layout.slot_size;
  for (const ModelNeeded& needed : model.needed) {
    const uint64_t theirs = needed.record.slot_address;
    if (theirs >= end || begin >= theirs + needed.record.size) continue;
    return fail(Code::bad_argument,
                fmt::format("its slot {:#x} to {:#x} overlaps that of {}, which it points into: {:#x} to {:#x}; choose "
                            "another address",
                            begin, end, needed.name, theirs, theirs + needed.record.size));
  }
  return {};
}

}  // namespace

Result<void> check_version(const Model& model, const std::string& path) {
  if (model.format_minor <= wire::kFormatMinor) return {};
  return fail(
      Code::newer_format,
      fmt::format("is of format {0}.{1}, and this build writes {0}.{2}, which would leave out what is new in it; "
                  "use a Fastboot that writes {0}.{1}, or freeze it again",
                  wire::kFormatMajor, model.format_minor, wire::kFormatMinor),
      path);
}

Result<void> write(const Model& given, const std::string& path, const SecretKey* key) {
  const auto with_path = [&](Error error) {
    if (error.file.empty()) error.file = path;
    return tl::unexpected(std::move(error));
  };
  if (auto sound = check(given); !sound) return with_path(sound.error());
  Model model = given;
  if (key != nullptr) model.signature.emplace();  // its place; what it is follows from the rest
  while (true) {
    const auto layout = plan(model);
    if (!layout) return with_path(layout.error());
    if (auto apart = check_slots(model, *layout); !apart) return with_path(apart.error());
    const Moves moves(model, *layout);
    const Task task = {path, key};
    const auto written =
        moves.any() ? write_moved(model, moves, task) : write_planned(model, model, *layout, nullptr, task);
    if (!written) return with_path(written.error());
    if (*written) return {};
    model.signature.reset();
  }
}

}  // namespace fastboot::format
