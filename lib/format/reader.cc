#include "format/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "format/canonical.h"
#include "format/salvage.h"
#include "format/wire/hash.h"

namespace fastboot::format {
namespace {

using wire::Code;
using wire::TableKind;

// Metadata of a damaged file is read up to here; whole snapshots' metadata is rarely a megabyte.
constexpr uint64_t kSalvageSize = uint64_t{64} << 20;

std::optional<std::string_view> string_in(const char* strings, uint64_t size, uint64_t offset) {
  if (strings == nullptr || offset >= size) return std::nullopt;
  const void* end = memchr(strings + offset, 0, size - offset);
  if (end == nullptr) return std::nullopt;
  return std::string_view(strings + offset, static_cast<size_t>(static_cast<const char*>(end) - (strings + offset)));
}

// Is the owner's name of our note in the first bytes? Then the file was a snapshot, whatever its ELF header says.
bool holds_note(const std::vector<uint8_t>& bytes) {
  return memmem(bytes.data(), bytes.size(), wire::kNoteOwner, sizeof wire::kNoteOwner) != nullptr;
}

bool worth_salvaging(Code code, const std::vector<uint8_t>& bytes) {
  if (code == Code::not_a_snapshot) return holds_note(bytes);
  return code == Code::corrupt || code == Code::truncated || code == Code::hash_mismatch;
}

}  // namespace

std::string to_hex(const uint8_t* bytes, size_t size) {
  std::string text;
  text.reserve(size * 2);
  for (size_t i = 0; i < size; ++i) fmt::format_to(std::back_inserter(text), "{:02x}", bytes[i]);
  return text;
}

Result<Reader> Reader::open(const std::string& path, Mode mode) {
  auto file = File::open(path);
  if (!file) return tl::unexpected(file.error());
  Reader reader(std::move(*file));
  if (auto loaded = reader.load(mode); !loaded) return tl::unexpected(loaded.error());
  return reader;
}

Result<void> Reader::load(Mode mode) {
  wire::Error error;
  const auto damaged = [&]() -> Result<void> {
    if (mode == Mode::lenient && worth_salvaging(error.code, hot_)) return load_damaged(error);
    return fail(error, path());
  };
  hot_.resize(std::min(file_->size(), wire::kProbeSize));
  if (auto read = file_->read(FileOffset(0), hot_); !read) return read;
  wire::Probe probe;
  if (!wire::probe(hot_.data(), hot_.size(), file_->size(), &probe, &error)) return damaged();
  hot_.resize(probe.hot_size);
  if (auto read = file_->read(FileOffset(0), hot_); !read) return read;
  if (wire::parse(hot_.data(), hot_.size(), file_->size(), true, &view_, &error)) return {};
  return damaged();
}

Result<void> Reader::load_damaged(const wire::Error& reason) {
  damage_.push_back(Error{reason.code, reason.message, path(), {}, std::nullopt});
  wire::Error error;
  if (reason.code == Code::hash_mismatch) {
    // Often a single bit, and every structure still holds.
    if (wire::parse(hot_.data(), hot_.size(), file_->size(), false, &view_, &error)) return {};
    damage_.push_back(Error{error.code, error.message, path(), {}, std::nullopt});
  }
  hot_.resize(std::max(hot_.size(), std::min(file_->size(), kSalvageSize)));
  if (auto read = file_->read(FileOffset(0), hot_); !read) return read;
  auto view = salvage(hot_, file_->size(), path(), &damage_);
  if (!view) return fail(reason, path());
  view_ = *view;
  return {};
}

ContentId Reader::content_id() const {
  ContentId id;
  memcpy(id.data(), view_.header->content_id, id.size());
  return id;
}

ContentId Reader::computed_content_id() const {
  ContentId id;
  wire::content_id(view_, id.data());
  return id;
}

std::optional<std::string_view> Reader::string(uint64_t offset) const {
  return string_in(view_.strings, view_.strings_size, offset);
}

std::optional<std::string_view> Reader::symbol_name(uint64_t index) const {
  if (index >= view_.symbol_count) return std::nullopt;
  return string(view_.symbols[index].st_name);
}

std::optional<std::string_view> Reader::target_name(uint64_t index) const {
  if (index >= view_.target_count) return std::nullopt;
  const wire::Target& target = view_.targets[index];
  return target.name != 0 ? string(target.name) : symbol_name(target.symbol);
}

std::optional<std::string_view> Reader::binding_string(uint64_t offset) const {
  if (view_.binding == nullptr) return std::nullopt;
  return string_in(view_.binding_strings, view_.binding->strings_size, offset);
}

namespace {
ImageRange range_of(const wire::Segment& segment) {
  return {ImageAddress(segment.address), ImageAddress(segment.address + segment.size)};
}
}  // namespace

ImageRange Reader::lazy_range() const { return range_of(view_.lazy); }
ImageRange Reader::data_range() const { return range_of(view_.data); }
ImageRange Reader::info_range() const {
  const wire::Table& info = view_.table(TableKind::info);
  return {ImageAddress(info.address), ImageAddress(info.address + info.size)};
}

ByteSource Reader::segment(const wire::Segment& segment) const {
  return {file_, FileOffset(segment.offset), segment.file_size};
}

// A table of the cold segment; of a damaged one, as much as the segment holds.
ByteSource Reader::cold_table(TableKind kind) const {
  const wire::Table& table = view_.table(kind);
  const wire::Segment& cold = view_.cold;
  if (table.size == 0 || table.address < cold.address || table.address - cold.address > cold.file_size) return {};
  const uint64_t skip = table.address - cold.address;
  return {file_, FileOffset(cold.offset + skip), std::min(table.size, cold.file_size - skip)};
}

ByteSource Reader::rebase() const { return cold_table(TableKind::rebase); }
ByteSource Reader::cross(uint64_t index) const {
  const ByteSource all = cross();
  if (index >= view_.needed_count) return {};
  const wire::Needed& needed = view_.needed[index];
  const uint64_t words = all.size() / 8;
  if (needed.cross_first > words) return {};
  const uint64_t count = std::min(needed.cross_count, words - needed.cross_first);
  return {file_, all.file_offset() + needed.cross_first * 8, count * 8};
}
ByteSource Reader::chunk_hashes() const { return cold_table(TableKind::chunk_hashes); }

Result<std::vector<Section>> Reader::sections() const {
  const Elf64_Ehdr& ehdr = *view_.ehdr;
  if (ehdr.e_shoff == 0 && ehdr.e_shnum == 0) return std::vector<Section>();
  if (ehdr.e_shoff == 0 || ehdr.e_shnum == 0 || ehdr.e_shstrndx >= ehdr.e_shnum) {
    return fail(Code::corrupt,
                fmt::format("{} section headers at {:#x}, with names in section {}; expected all of them, or none",
                            ehdr.e_shnum, ehdr.e_shoff, ehdr.e_shstrndx),
                path());
  }
  if (ehdr.e_shentsize != sizeof(Elf64_Shdr)) {
    return fail(Code::corrupt, fmt::format("section headers of {} bytes; expected 64", ehdr.e_shentsize), path());
  }
  std::vector<Elf64_Shdr> headers(ehdr.e_shnum);
  const std::span<uint8_t> raw(reinterpret_cast<uint8_t*>(headers.data()), headers.size() * sizeof(Elf64_Shdr));
  if (ehdr.e_shoff > file_size() || raw.size() > file_size() - ehdr.e_shoff) {
    return fail(
        Code::truncated,
        fmt::format("section headers at {:#x} with {:#x} bytes are past the end of the file ({:#x}); freeze it again",
                    ehdr.e_shoff, raw.size(), file_size()),
        path());
  }
  if (auto read = file_->read(FileOffset(ehdr.e_shoff), raw); !read) return tl::unexpected(read.error());
  std::vector<char> names;
  if (ehdr.e_shstrndx < headers.size()) {
    const Elf64_Shdr& table = headers[ehdr.e_shstrndx];
    if (table.sh_offset <= file_size() && table.sh_size <= std::min<uint64_t>(file_size() - table.sh_offset, 65536)) {
      names.resize(table.sh_size);
      const std::span<uint8_t> into(reinterpret_cast<uint8_t*>(names.data()), names.size());
      if (auto read = file_->read(FileOffset(table.sh_offset), into); !read) return tl::unexpected(read.error());
    }
  }
  std::vector<Section> sections;
  for (const Elf64_Shdr& header : headers) {
    const auto name = string_in(names.data(), names.size(), header.sh_name);
    sections.push_back({name ? std::string(*name) : "<corrupt>", header});
  }
  return sections;
}

// --- taking a snapshot apart ---------------------------------------------------------------------

namespace {

std::vector<ModelTarget> model_targets(const Reader& reader) {
  const wire::View& view = reader.view();
  std::vector<ModelTarget> targets(view.target_count);
  for (uint64_t i = 0; i < view.target_count; ++i) {
    const wire::Target& record = view.targets[i];
    targets[i].record = record;
    targets[i].symbol = reader.symbol_name(record.symbol).value_or("");
    if (record.name != 0) targets[i].name = reader.string(record.name).value_or("");
  }
  return targets;
}

std::vector<ModelRoot> model_roots(const Reader& reader) {
  std::vector<ModelRoot> roots;
  for (uint64_t i = 0; i < reader.view().root_count; ++i) {
    const wire::Root& root = reader.view().roots[i];
    roots.push_back({std::string(reader.string(root.name).value_or("")),
                     std::string(reader.string(root.type_name).value_or("")),
                     ImageAddress(root.address),
                     root.size,
                     {root.type_fingerprint[0], root.type_fingerprint[1]},
                     root.tag});
  }
  return roots;
}

// A relocation names a symbol, and several targets may share one; the one of kind raw_address is meant.
std::unordered_map<uint32_t, uint32_t> targets_by_symbol(const wire::View& view) {
  std::unordered_map<uint32_t, uint32_t> targets;
  for (uint32_t i = 0; i < view.target_count; ++i) {
    const bool raw = view.targets[i].kind == static_cast<uint16_t>(wire::TargetKind::raw_address);
    if (raw) {
      targets.insert_or_assign(view.targets[i].symbol, i);
    } else {
      targets.try_emplace(view.targets[i].symbol, i);
    }
  }
  return targets;
}

Result<std::vector<ModelRaw>> model_raws(const Reader& reader) {
  const wire::View& view = reader.view();
  std::vector<ModelRaw> raws;
  if (view.rela_count == view.target_count) return raws;
  const auto targets = targets_by_symbol(view);
  for (uint64_t i = view.target_count; i < view.rela_count; ++i) {
    const Elf64_Rela& rela = view.relas[i];
    const auto target = targets.find(static_cast<uint32_t>(ELF64_R_SYM(rela.r_info)));
    if (target == targets.end()) {
      return fail(Code::corrupt,
                  fmt::format("relocation {} names symbol {}, which is no target's", i, ELF64_R_SYM(rela.r_info)),
                  reader.path(), ".rela.dyn");
    }
    raws.push_back({ImageAddress(rela.r_offset), target->second, rela.r_addend});
  }
  return raws;
}

std::vector<ModelModule> model_modules(const Reader& reader) {
  const wire::View& view = reader.view();
  std::vector<ModelModule> modules;
  for (uint32_t i = 0; i < view.binding->module_count; ++i) {
    const wire::BindingModule& module = view.modules[i];
    modules.push_back({{module.build_id, module.build_id + module.build_id_size},
                       std::string(reader.binding_string(module.path).value_or(""))});
  }
  return modules;
}

std::vector<ModelNeeded> model_needed(const Reader& reader) {
  std::vector<ModelNeeded> needed;
  for (uint64_t i = 0; i < reader.view().needed_count; ++i) {
    const wire::Needed& record = reader.view().needed[i];
    needed.push_back({std::string(reader.string(record.name).value_or("")), record, reader.cross(i)});
  }
  return needed;
}

std::vector<ModelMember> model_members(const Reader& reader) {
  std::vector<ModelMember> members;
  for (uint64_t i = 0; i < reader.view().member_count; ++i) {
    const wire::Member& record = reader.view().members[i];
    members.push_back({std::string(reader.string(record.name).value_or("")), record});
  }
  return members;
}

}  // namespace

Result<std::vector<uint8_t>> checked_chunk_hashes(const Reader& reader) {
  const ByteSource source = reader.chunk_hashes();
  std::vector<uint8_t> hashes(source.size());
  if (auto read = source.read(0, hashes); !read) return tl::unexpected(read.error());
  uint8_t hash[wire::kHashSize];
  wire::hash128(hashes.data(), hashes.size(), hash);
  if (memcmp(hash, reader.view().header->data_hash, sizeof hash) != 0) {
    return fail(
        Code::hash_mismatch,
        fmt::format("the table of chunk hashes hashes to {}, and the header says {}: the file was damaged or changed; "
                    "freeze it again",
                    to_hex(hash, sizeof hash), to_hex(reader.view().header->data_hash, sizeof hash)),
        reader.path(), ".fastboot.hash", source.file_offset());
  }
  return hashes;
}

Result<Model> Reader::model() const {
  if (!sound()) return tl::unexpected(damage_.front());
  if (computed_content_id() != content_id()) {
    return fail(
        Code::hash_mismatch,
        fmt::format("content id {}, and the tables hash to {}: the file was damaged or changed; freeze it again",
                    to_hex(content_id().data(), wire::kContentIdSize),
                    to_hex(computed_content_id().data(), wire::kContentIdSize)),
        path(), ".note.fastboot");
  }
  auto model = assembled();
  if (!model) return model;
  if (auto written = check_canonical(*this, *model); !written) return tl::unexpected(written.error());
  auto hashes = checked_chunk_hashes(*this);
  if (!hashes) return tl::unexpected(hashes.error());
  model->chunk_hashes = ByteSource(std::move(*hashes));
  return model;
}

Result<void> Reader::check_written() const {
  const auto model = assembled();
  if (!model) return tl::unexpected(model.error());
  return check_canonical(*this, *model);
}

Result<Model> Reader::assembled() const {
  const wire::Header& header = *view_.header;
  Model model;
  model.slot_address = ImageAddress(header.slot_address);
  model.slot_size = header.slot_size;
  model.ghc_version = header.ghc_version;
  model.rts_way = header.rts_way;
  model.object_model = static_cast<wire::ObjectModel>(header.object_model);
  model.format_minor = header.format_minor;
  model.heap = header.heap;
  model.closures = header.closures;
  model.lazy_closures = header.lazy_closures;
  model.image_name = string(header.image_name).value_or("");
  model.targets = model_targets(*this);
  if (view_.bitmap_count != 0) model.bitmaps.assign(view_.bitmaps, view_.bitmaps + view_.bitmap_count);
  model.roots = model_roots(*this);
  auto raws = model_raws(*this);
  if (!raws) return tl::unexpected(raws.error());
  model.raws = std::move(*raws);
  model.modules = model_modules(*this);
  model.entries.assign(view_.entries, view_.entries + view_.binding->entry_count);
  model.info_address = ImageAddress(view_.table(TableKind::info).address);
  model.info_size = view_.table(TableKind::info).size;
  model.lazy_address = ImageAddress(view_.lazy.address);
  model.data_address = ImageAddress(view_.data.address);
  model.lazy = lazy();
  model.data = data();
  model.rebase = rebase();
  model.needed = model_needed(*this);
  model.members = model_members(*this);
  if (view_.signature != nullptr) {
    model.signature = *view_.signature;
    model.signed_content = content_id();
  }
  return model;
}

}  // namespace fastboot::format
