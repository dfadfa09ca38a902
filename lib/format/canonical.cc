#include "format/canonical.h"

#include <algorithm>
#include <cstring>

#include "format/wire/parse.h"

namespace fastboot::format {
namespace {

using wire::Code;

// The one layout that the closures of object model 1 have, see FORMAT.md.
constexpr wire::HeapLayout kHeap = {8, 3, 12, 20, 64, 4, 8, 16, 0};
constexpr uint32_t kWays =
    wire::kWayThreaded | wire::kWayDebug | wire::kWayEventlog | wire::kWayProfiled | wire::kWayDynamic;
constexpr uint16_t kTargetFlags = wire::kTargetStaticRoot | wire::kTargetCode | wire::kTargetLargeBitmap |
                                  wire::kTargetFunStatic | wire::kTargetHasFingerprint;

class Comparison {
 public:
  Comparison(const Reader& reader, const Model& model) : reader_(reader), view_(reader.view()), model_(model) {}

  Result<void> run() {
    if (auto known = check_known(); !known) return known;
    auto made = metadata_of(model_);
    if (!made) return refuse({}, made.error().message);
    wire::View view;
    wire::Error error;
    if (!wire::parse(made->data(), made->size(), reader_.file_size(), false, &view, &error))
      return refuse({}, error.message);
    take_over(view, made->data());
    const uint64_t size = std::min<uint64_t>(made->size(), view_.hot.file_size);
    const auto [want, got] = std::mismatch(made->data(), made->data() + size, view_.bytes);
    const auto at = static_cast<uint64_t>(got - view_.bytes);
    if (at < size) {
      return refuse(section(at), fmt::format("the byte at file offset {:#x} is {:#04x}; a writer of format 1.0 makes "
                                             "it {:#04x}: the file was damaged or changed",
                                             at, *got, *want));
    }
    if (made->size() == view_.hot.file_size) return {};
    return refuse({},
                  fmt::format("{:#x} bytes of metadata; a writer of format 1.0 makes {:#x}: the file was damaged or "
                              "changed",
                              view_.hot.file_size, made->size()));
  }

 private:
  tl::unexpected<Error> refuse(const std::string& section, const std::string& message) const {
    return fail(Code::corrupt, message + "; freeze it again", reader_.path(), section);
  }

  // What a model carries along as it is.
  Result<void> check_known() const {
    const wire::Header& header = *view_.header;
    if (memcmp(&header.heap, &kHeap, sizeof kHeap) != 0)
      return refuse(".note.fastboot", "its heap has another layout than closures of object model 1 have");
    if ((header.rts_way & ~kWays) != 0)
      return refuse(".note.fastboot",
                    fmt::format("runtime system way {:#x}; expected bits of {:#x}", header.rts_way, kWays));
    for (uint64_t i = 0; i < view_.target_count; ++i) {
      const uint16_t flags = view_.targets[i].flags;
      if ((flags & ~kTargetFlags) != 0)
        return refuse(".fastboot.targets",
                      fmt::format("target {} has flags {:#x}; expected bits of {:#x}", i, flags, kTargetFlags));
    }
    const auto unused = [&](const char* section, const char* what, uint64_t i, uint64_t value) -> Result<void> {
      if (value == 0) return {};
      return refuse(section, fmt::format("{} {} has {:#x} where nothing is recorded; expected 0", what, i, value));
    };
    for (uint64_t i = 0; i < view_.binding->entry_count; ++i) {
      if (auto zero = unused(".fastboot.binding", "entry", i, view_.entries[i].reserved); !zero) return zero;
    }
    for (uint64_t i = 0; i < view_.needed_count; ++i) {
      if (auto zero = unused(".fastboot.needed", "image", i, view_.needed[i].reserved); !zero) return zero;
    }
    for (uint64_t i = 0; i < view_.member_count; ++i) {
      const wire::Member& member = view_.members[i];
      if (auto zero = unused(".fastboot.members", "member", i, member.reserved | (member.flags & ~wire::kMemberWhole));
          !zero)
        return zero;
    }
    return {};
  }

  // Puts into the metadata that was made what is not compared.
  void take_over(const wire::View& view, uint8_t* made) const {
    Elf64_Ehdr ehdr;
    memcpy(&ehdr, made, sizeof ehdr);
    const Elf64_Ehdr& own = *view_.ehdr;
    memcpy(ehdr.e_ident + EI_PAD, own.e_ident + EI_PAD, EI_NIDENT - EI_PAD);
    ehdr.e_shoff = own.e_shoff;
    ehdr.e_shentsize = own.e_shentsize;
    ehdr.e_shnum = own.e_shnum;
    ehdr.e_shstrndx = own.e_shstrndx;
    memcpy(made, &ehdr, sizeof ehdr);

    const auto at = static_cast<size_t>(reinterpret_cast<const uint8_t*>(view.header) - view.bytes);
    auto* header = reinterpret_cast<wire::Header*>(made + at);
    memcpy(header->metadata_hash, view_.header->metadata_hash, sizeof header->metadata_hash);
    memcpy(header->data_hash, view_.header->data_hash, sizeof header->data_hash);
    // The content id is of the data's hash, too. The build-id, which is the same, ends where our note begins.
    uint8_t* build_id = made + at - wire::kNoteBeforeHeader - wire::kContentIdSize;
    memcpy(header->content_id, view_.header->content_id, wire::kContentIdSize);
    memcpy(build_id, view_.header->content_id, wire::kContentIdSize);
  }

  std::string section(uint64_t at) const {
    if (at < view_.ehdr->e_phoff + view_.ehdr->e_phnum * sizeof(Elf64_Phdr)) return "ELF header or program headers";
    const uint64_t address = view_.hot.address + at;
    for (const TableSection& each : kTableSections) {
      const wire::Table& table = view_.table(each.kind);
      if (address >= table.address && address - table.address < table.size) return each.name;
    }
    return at < view_.table(wire::TableKind::gnu_hash).address - view_.hot.address ? ".note.fastboot" : "";
  }

  const Reader& reader_;
  const wire::View& view_;
  const Model& model_;
};

}  // namespace

Result<void> check_canonical(const Reader& reader, const Model& model) {
  if (reader.view().header->format_minor != wire::kFormatMinor) return {};
  return Comparison(reader, model).run();
}

}  // namespace fastboot::format
