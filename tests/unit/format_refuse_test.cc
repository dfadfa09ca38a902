// Hostile and damaged files: each is refused with the right code, whatever else happens to be in it.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <functional>

#include "format/heap.h"
#include "format/reader.h"
#include "format/wire/parse.h"
#include "format/writer.h"
#include "unit/sample.h"

using namespace fastboot;
using format::Mode;
using format::Reader;
using test::TemporaryDirectory;
using wire::Code;
using wire::TableKind;

namespace {

// The bytes of a file whose fields can be changed. seal() makes the metadata hash right again, so that what is refused
// is refused for the change and not for the hash.
class Edit {
 public:
  explicit Edit(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {
    wire::View view;
    wire::Error error;
    wire::Probe found;
    REQUIRE(wire::probe(bytes_.data(), bytes_.size(), bytes_.size(), &found, &error));
    REQUIRE(wire::parse(bytes_.data(), found.hot_size, bytes_.size(), true, &view, &error));
    header_at_ = static_cast<uint64_t>(reinterpret_cast<const uint8_t*>(view.header) - bytes_.data());
    hot_size_ = found.hot_size;
    original_ = *view.header;
  }

  Elf64_Ehdr& ehdr() { return at<Elf64_Ehdr>(0); }
  Elf64_Phdr& phdr(uint64_t index) { return at<Elf64_Phdr>(sizeof(Elf64_Ehdr) + index * sizeof(Elf64_Phdr)); }
  // The n-th program header of a type.
  Elf64_Phdr& phdr_of(uint32_t type, int n = 0) {
    for (uint16_t i = 0; i < ehdr().e_phnum; ++i) {
      if (phdr(i).p_type == type && n-- == 0) return phdr(i);
    }
    FAIL("no such program header");
    return phdr(0);
  }
  wire::Header& header() { return at<wire::Header>(header_at_); }
  wire::Table& table(TableKind kind) { return header().tables[static_cast<uint32_t>(kind) - 1]; }
  template <class T>
  T& record(TableKind kind, uint64_t index) {
    const wire::Table& table = original_.tables[static_cast<uint32_t>(kind) - 1];
    return at<T>(table.address - original_.slot_address + index * sizeof(T));
  }
  uint8_t* string(uint64_t offset) { return &record<uint8_t>(TableKind::dynstr, offset); }
  Elf64_Nhdr& note(uint64_t n) {  // 0: build-id, 1: ours
    return at<Elf64_Nhdr>(n == 0 ? header_at_ - 24 - 36 : header_at_ - 24);
  }
  std::vector<uint8_t>& bytes() { return bytes_; }
  uint64_t hot_size() const { return hot_size_; }

  void seal() { wire::metadata_hash(bytes_.data(), hot_size_, header_at_, header().metadata_hash); }

 private:
  template <class T>
  T& at(uint64_t offset) {
    return *reinterpret_cast<T*>(bytes_.data() + offset);
  }
  std::vector<uint8_t> bytes_;
  uint64_t header_at_ = 0;
  uint64_t hot_size_ = 0;
  wire::Header original_ = {};
};

// Everything that tools do with a file that may be damaged. Nothing to check but that it comes back.
void look_at(const std::string& path) {
  const auto reader = Reader::open(path, Mode::lenient);
  if (!reader) return;
  for (uint64_t i = 0; i < reader->view().symbol_count; ++i) reader->symbol_name(i);
  for (uint64_t i = 0; i < reader->view().target_count; ++i) reader->target_name(i);
  for (uint64_t i = 0; i < reader->view().root_count; ++i) reader->string(reader->view().roots[i].name);
  for (uint32_t i = 0; reader->view().binding != nullptr && i < reader->view().binding->module_count; ++i) {
    reader->binding_string(reader->view().modules[i].path);
  }
  for (uint64_t i = 0; i < reader->view().needed_count; ++i) {
    reader->string(reader->view().needed[i].name);
    auto cursor = reader->cross_cursor(i);
    for (auto next = cursor.next(); next && *next; next = cursor.next()) {
    }
  }
  for (uint64_t i = 0; i < reader->view().member_count; ++i) reader->string(reader->view().members[i].name);
  static_cast<void>(reader->sections());
  std::vector<format::Error> damage;
  static_cast<void>(format::take_census(*reader, &damage));
  static_cast<void>(format::validate(*reader));
  static_cast<void>(reader->model());
}

const std::vector<uint8_t>& sound_file() {
  static const std::vector<uint8_t> kBytes =
      test::sample_file({.cells = 20, .lazy = true, .raw = true, .needed = 2, .member = true});
  return kBytes;
}

Code refusal(const std::vector<uint8_t>& bytes) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("bad.snap");
  test::write_file(path, bytes);
  look_at(path);
  const auto reader = Reader::open(path);
  if (reader) {
    const auto problems = format::validate(*reader);
    return problems.empty() ? Code::ok : problems.front().code;
  }
  CHECK(reader.error().file == path);
  CHECK(!reader.error().message.empty());
  CHECK(reader.error().message.back() != '.');
  return reader.error().code;
}

Code refusal_of(const std::function<void(Edit&)>& change) {
  Edit edit(sound_file());
  change(edit);
  edit.seal();
  return refusal(edit.bytes());
}

constexpr uint64_t kHuge = ~uint64_t{0} - 100;

}  // namespace

TEST_CASE("the sample itself is accepted") { CHECK(refusal(sound_file()) == Code::ok); }

TEST_CASE("files that are no snapshots") {
  CHECK(refusal({}) == Code::empty_file);
  CHECK(refusal({'h', 'i'}) == Code::not_a_snapshot);
  CHECK(refusal({0x7f, 'E'}) == Code::truncated);
  CHECK(refusal(std::vector<uint8_t>(4096, '#')) == Code::not_a_snapshot);
  CHECK(refusal_of([](Edit& e) { e.ehdr().e_ident[EI_CLASS] = ELFCLASS32; }) == Code::not_a_snapshot);
  CHECK(refusal_of([](Edit& e) { e.ehdr().e_ident[EI_DATA] = ELFDATA2MSB; }) == Code::not_a_snapshot);
  CHECK(refusal_of([](Edit& e) { e.ehdr().e_machine = EM_AARCH64; }) == Code::not_a_snapshot);
  CHECK(refusal_of([](Edit& e) { e.ehdr().e_type = ET_EXEC; }) == Code::not_a_snapshot);
  CHECK(refusal_of([](Edit& e) { e.phdr_of(PT_NOTE).p_type = PT_NULL; }) == Code::not_a_snapshot);
  CHECK(refusal_of([](Edit& e) { e.note(1).n_type = 2; }) == Code::not_a_snapshot);
  const TemporaryDirectory directory;
  CHECK(Reader::open(directory.path("none")).error().code == Code::not_found);
  CHECK(Reader::open(directory.path("")).error().code == Code::not_regular);
  REQUIRE(mkfifo(directory.path("pipe").c_str(), 0600) == 0);
  CHECK(Reader::open(directory.path("pipe")).error().code == Code::not_regular);
}

TEST_CASE("the first note is the content id, and so is what is taken apart") {
  CHECK(refusal_of([](Edit& e) { reinterpret_cast<uint8_t*>(&e.note(0))[sizeof(Elf64_Nhdr) + 4 + 19] ^= 1; }) ==
        Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.note(0).n_type = NT_GNU_ABI_TAG; }) == Code::corrupt);
  Edit edit(sound_file());
  ++edit.header().closures;  // what the content id covers, and nothing else tells
  edit.seal();
  const TemporaryDirectory directory;
  test::write_file(directory.path("changed.snap"), edit.bytes());
  const auto reader = Reader::open(directory.path("changed.snap"));
  REQUIRE(reader.has_value());
  CHECK(reader->model().error().code == Code::hash_mismatch);
}

TEST_CASE("versions and models") {
  CHECK(refusal_of([](Edit& e) { e.header().format_major = 2; }) == Code::newer_format);
  CHECK(refusal_of([](Edit& e) { e.header().format_major = 0; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.header().format_minor = 9; }) == Code::ok);
  CHECK(refusal_of([](Edit& e) { e.header().header_size += 8; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.header().object_model = 2; }) == Code::wrong_object_model);
}

TEST_CASE("program headers") {
  CHECK(refusal_of([](Edit& e) { e.ehdr().e_phentsize = 64; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.ehdr().e_phnum = 0; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.ehdr().e_phnum = PN_XNUM; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.ehdr().e_phnum = 200; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.ehdr().e_phoff = 4096; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.phdr_of(PT_LOAD, 3).p_type = PT_NULL; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.phdr_of(PT_GNU_STACK).p_type = PT_LOAD; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.phdr_of(PT_GNU_STACK).p_type = PT_DYNAMIC; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.phdr_of(PT_GNU_STACK).p_type = PT_NOTE; }) == Code::corrupt);
  for (int load = 0; load < 5; ++load) {
    CAPTURE(load);
    CHECK(refusal_of([=](Edit& e) { e.phdr_of(PT_LOAD, load).p_vaddr += 0x1000; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { e.phdr_of(PT_LOAD, load).p_vaddr = 0x400000; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { e.phdr_of(PT_LOAD, load).p_vaddr += wire::kSlotUnit; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { e.phdr_of(PT_LOAD, load).p_vaddr = kHuge & ~0xfffu; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { e.phdr_of(PT_LOAD, load).p_memsz = kHuge; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { e.phdr_of(PT_LOAD, load).p_memsz = 0; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { e.phdr_of(PT_LOAD, load).p_filesz = kHuge; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { e.phdr_of(PT_LOAD, load).p_offset += 8; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { e.phdr_of(PT_LOAD, load).p_offset = kHuge; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { e.phdr_of(PT_LOAD, load).p_align = 3; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { e.phdr_of(PT_LOAD, load).p_align = 0; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { e.phdr_of(PT_LOAD, load).p_flags |= PF_X; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { e.phdr_of(PT_LOAD, load).p_flags ^= PF_W; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { e.phdr_of(PT_LOAD, load).p_flags = 0; }) == Code::corrupt);
  }
  CHECK(refusal_of([](Edit& e) { e.phdr_of(PT_LOAD, 3).p_offset += 0x100000; }) == Code::truncated);
  CHECK(refusal_of([](Edit& e) { std::swap(e.phdr_of(PT_LOAD, 2), e.phdr_of(PT_LOAD, 3)); }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.phdr_of(PT_LOAD, 3).p_offset = e.phdr_of(PT_LOAD, 2).p_offset; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.phdr_of(PT_NOTE).p_filesz = kHuge; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.phdr_of(PT_DYNAMIC).p_vaddr += 16; }) == Code::corrupt);
}

TEST_CASE("notes") {
  CHECK(refusal_of([](Edit& e) { e.note(1).n_descsz += 4; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.note(1).n_descsz = 0xffffffff; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.note(0).n_namesz = 0xfffffff0; }) == Code::corrupt);
}

TEST_CASE("header") {
  CHECK(refusal_of([](Edit& e) { e.header().hot_size = kHuge; }) == Code::truncated);
  CHECK(refusal_of([](Edit& e) { e.header().hot_size = 8; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.header().slot_address += 0x1000; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.header().slot_size = 0; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.header().slot_size = kHuge / wire::kSlotUnit * wire::kSlotUnit; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.header().table_count = 17; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.header().image_name = 0xffffff; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.header().content_id[3] ^= 1; }) == Code::hash_mismatch);
  CHECK(refusal_of([](Edit& e) { e.header().data_hash[3] ^= 1; }) == Code::hash_mismatch);
  for (uint32_t i = 0; i < wire::kTableCount; ++i) {
    CAPTURE(i);
    if (static_cast<TableKind>(i + 1) == TableKind::bitmaps) continue;  // absent here
    const auto table = [=](Edit& e) -> wire::Table& { return e.header().tables[i]; };
    CHECK(refusal_of([=](Edit& e) { table(e).kind = 99; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { table(e).entry_size = 0; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { table(e).entry_size += 8; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { table(e).address += wire::kSlotUnit; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { table(e).address = kHuge; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { table(e).size = kHuge; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { table(e).count = kHuge; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { table(e).count = kHuge / table(e).entry_size + 2; }) == Code::corrupt);
  }
}

TEST_CASE("needed images") {
  const auto needed = [](Edit& e, uint64_t i) -> wire::Needed& { return e.record<wire::Needed>(TableKind::needed, i); };
  const auto refused = [&](const std::function<void(wire::Needed&)>& change) {
    return refusal_of([&](Edit& e) { change(needed(e, 1)); });
  };
  CHECK(refused([](wire::Needed& n) { n.name = 0xffffff; }) == Code::corrupt);
  CHECK(refused([](wire::Needed& n) { n.name += 1; }) == Code::corrupt);  // unlike its DT_NEEDED
  CHECK(refused([](wire::Needed& n) { n.slot_address += 0x1000; }) == Code::corrupt);
  CHECK(refused([](wire::Needed& n) { n.slot_address = kHuge / wire::kSlotUnit * wire::kSlotUnit; }) == Code::corrupt);
  CHECK(refused([](wire::Needed& n) { n.slot_address = wire::kSlotBase; }) == Code::corrupt);  // this image's slot
  CHECK(refused([](wire::Needed& n) { n.size = 0; }) == Code::corrupt);
  CHECK(refused([](wire::Needed& n) { n.size = kHuge; }) == Code::corrupt);
  CHECK(refused([](wire::Needed& n) { n.cross_first = 0; }) == Code::corrupt);
  CHECK(refused([](wire::Needed& n) { n.cross_count = 0; }) == Code::corrupt);
  CHECK(refused([](wire::Needed& n) { n.cross_count -= 1; }) == Code::corrupt);
  CHECK(refused([](wire::Needed& n) { n.cross_count = kHuge; }) == Code::corrupt);
  CHECK(refused([](wire::Needed& n) { n.content_id[0] ^= 1; }) == Code::hash_mismatch);  // it is part of ours
  CHECK(refusal_of([&](Edit& e) { std::swap(needed(e, 0), needed(e, 1)); }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.table(TableKind::needed).count = 1; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.table(TableKind::cross).count -= 1; }) == Code::corrupt);
  // Names: of files, and of one file each.
  const auto name = [&](Edit& e) { return e.string(needed(e, 1).name); };
  for (const char* bad : {"../a1.snap", "other1.snip", "other 1.sna", "other0.snap", "", "/////1.snap"}) {
    CAPTURE(bad);
    CHECK(refusal_of([&](Edit& e) { memcpy(name(e), bad, strlen(bad) + 1); }) == Code::corrupt);
  }
  // A word that no address of that image is in, or that both streams name: found by the full check.
  CHECK(refused([](wire::Needed& n) { n.slot_address += wire::kSlotUnit; }) != Code::ok);
  CHECK(refused([](wire::Needed& n) { n.size = 0x1000; }) != Code::ok);
}

TEST_CASE("words that two streams name, or that hold no address of theirs") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("a.snap");
  const auto problem = [&](const std::function<void(format::Model&)>& change) {
    format::Model model = test::sample({.cells = 20, .lazy = true, .needed = 2});
    change(model);
    REQUIRE(format::write(model, path));
    const auto reader = Reader::open(path);
    REQUIRE(reader);
    const auto problems = format::validate(*reader);
    return problems.empty() ? std::string() : problems.front().message;
  };
  CHECK(problem([](format::Model&) {}) == "");
  const auto twice = problem([](format::Model& m) { m.needed[1].cross = m.needed[0].cross; });
  CHECK(twice.find("is no address of other1.snap") != std::string::npos);
  const auto both = problem([](format::Model& m) {
    m.needed[1].cross = m.needed[0].cross;
    m.needed[1].record.slot_address = m.needed[0].record.slot_address;
  });
  CHECK(both.find("is named by two streams") != std::string::npos);
  const auto own = problem([](format::Model& m) { m.needed[0].cross = m.rebase; });
  CHECK(own.find("is no address of other0.snap") != std::string::npos);
}

TEST_CASE("members") {
  const auto refused = [](const std::function<void(wire::Member&)>& change) {
    return refusal_of([&](Edit& e) { change(e.record<wire::Member>(TableKind::members, 0)); });
  };
  CHECK(refused([](wire::Member& m) { m.name = 0xffffff; }) == Code::corrupt);
  CHECK(refused([](wire::Member& m) { m.name = 0; }) == Code::corrupt);
  CHECK(refused([](wire::Member& m) { m.slot_address += 8; }) == Code::corrupt);
  CHECK(refused([](wire::Member& m) { m.lazy_address = m.data_address; }) == Code::corrupt);
  CHECK(refused([](wire::Member& m) { m.data_address = 0; }) == Code::corrupt);
  CHECK(refused([](wire::Member& m) { m.data_size += 0x1000; }) == Code::corrupt);
  CHECK(refused([](wire::Member& m) { m.data_size = kHuge; }) == Code::corrupt);
  CHECK(refused([](wire::Member& m) { m.data_size = 0; }) == Code::corrupt);
  CHECK(refused([](wire::Member& m) { m.lazy_size += 0x1000; }) == Code::corrupt);
  CHECK(refused([](wire::Member& m) { m.new_lazy_address += 0x1000; }) == Code::corrupt);
  CHECK(refused([](wire::Member& m) { m.new_data_address = m.new_lazy_address; }) == Code::corrupt);
  CHECK(refused([](wire::Member& m) { m.new_data_address = kHuge; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.table(TableKind::members).count = 0; }) == Code::corrupt);
}

TEST_CASE("records") {
  const auto target = [](Edit& e) -> wire::Target& { return e.record<wire::Target>(TableKind::targets, 1); };
  CHECK(refusal_of([=](Edit& e) { target(e).symbol = 1000; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { target(e).name = 0xffffff; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { target(e).kind = 0; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { target(e).kind = 77; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { target(e).parent = 1000; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { target(e).info_offset += 1; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { target(e).info_offset = 8; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { target(e).info_offset = kHuge & ~7u; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { target(e).flags |= wire::kTargetLargeBitmap; }) == Code::corrupt);
  const auto root = [](Edit& e) -> wire::Root& { return e.record<wire::Root>(TableKind::roots, 0); };
  CHECK(refusal_of([=](Edit& e) { root(e).address = wire::kSlotBase; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { root(e).address += 4; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { root(e).address = kHuge; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { root(e).size = kHuge; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { root(e).tag = 8; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { root(e).name = 0xffffff; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { root(e).type_name = 0xffffff; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { root(e).symbol = 1; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { root(e).symbol = 1000; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.table(TableKind::roots).count = 0; }) == Code::corrupt);
  const auto symbol = [](Edit& e) -> Elf64_Sym& { return e.record<Elf64_Sym>(TableKind::dynsym, 1); };
  CHECK(refusal_of([=](Edit& e) { symbol(e).st_name = 0xffffff; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { *e.string(0) = 'x'; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { *e.string(e.table(TableKind::dynstr).size - 1) = 'x'; }) == Code::corrupt);
}

TEST_CASE("relocations") {
  const auto rela = [](Edit& e, uint64_t i) -> Elf64_Rela& { return e.record<Elf64_Rela>(TableKind::rela, i); };
  const auto last = [=](Edit& e) -> Elf64_Rela& { return rela(e, e.table(TableKind::rela).count - 1); };
  CHECK(refusal_of([=](Edit& e) { rela(e, 0).r_offset = wire::kSlotBase; }) == Code::corrupt);      // outside .got
  CHECK(refusal_of([=](Edit& e) { rela(e, 0).r_offset += 4; }) == Code::corrupt);                   // unaligned
  CHECK(refusal_of([=](Edit& e) { rela(e, 1).r_offset = rela(e, 0).r_offset; }) == Code::corrupt);  // twice
  CHECK(refusal_of([=](Edit& e) { rela(e, 0).r_info = last(e).r_info; }) == Code::corrupt);         // missing
  CHECK(refusal_of([=](Edit& e) { rela(e, 0).r_info = ELF64_R_INFO(uint64_t{1000}, R_X86_64_GLOB_DAT); }) ==
        Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { rela(e, 0).r_info = ELF64_R_INFO(uint64_t{1}, R_X86_64_RELATIVE); }) ==
        Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { rela(e, 0).r_addend = 8; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { last(e).r_offset = wire::kSlotBase + 64; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { last(e).r_offset += 1; }) == Code::corrupt);
  CHECK(refusal_of([](Edit& e) { e.table(TableKind::rela).count = 1; }) == Code::corrupt);
}

TEST_CASE("dynamic section") {
  const auto entry = [](Edit& e, uint64_t i) -> Elf64_Dyn& { return e.record<Elf64_Dyn>(TableKind::dynamic, i); };
  CHECK(refusal_of([=](Edit& e) { entry(e, 1) = entry(e, 0); }) == Code::corrupt);  // a tag twice
  CHECK(refusal_of([=](Edit& e) {
          for (uint64_t i = 0; i < e.table(TableKind::dynamic).count; ++i) {
            if (entry(e, i).d_tag == DT_NULL) entry(e, i).d_tag = 0x6ffffef5;
          }
        }) == Code::corrupt);
  for (uint64_t i = 0; i < 13; ++i) {
    CAPTURE(i);
    CHECK(refusal_of([=](Edit& e) { entry(e, i).d_un.d_val += 1; }) == Code::corrupt);
    CHECK(refusal_of([=](Edit& e) { entry(e, i).d_tag = 0x6ffffef5 + (i & 1); }) == Code::corrupt);
  }
}

TEST_CASE("binding") {
  const auto header = [](Edit& e) -> wire::BindingHeader& {
    return e.record<wire::BindingHeader>(TableKind::binding, 0);
  };
  CHECK(refusal_of([=](Edit& e) { header(e).module_count = 0xffffffff; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { header(e).module_count = 0; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { header(e).entry_count += 1; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { header(e).strings_size = 0; }) == Code::corrupt);
  const auto module = [=](Edit& e) -> wire::BindingModule& {
    return *reinterpret_cast<wire::BindingModule*>(&header(e) + 1);
  };
  CHECK(refusal_of([=](Edit& e) { module(e).build_id_size = 33; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { module(e).path = 0xffffff; }) == Code::corrupt);
  const auto entry = [=](Edit& e) -> wire::BindingEntry& {
    return *reinterpret_cast<wire::BindingEntry*>(&module(e) + 1);
  };
  CHECK(refusal_of([=](Edit& e) { entry(e).module = 1; }) == Code::corrupt);
  CHECK(refusal_of([=](Edit& e) { entry(e).module = wire::kNoModule; }) == Code::ok);
}

TEST_CASE("every flipped byte of metadata is refused") {
  Edit edit(sound_file());
  std::vector<uint8_t> bytes = edit.bytes();
  for (uint64_t at = 0; at < edit.hot_size(); ++at) {
    // Where strip puts the section headers is not the metadata's business.
    const bool sections = (at >= offsetof(Elf64_Ehdr, e_shoff) && at < offsetof(Elf64_Ehdr, e_flags)) ||
                          (at >= offsetof(Elf64_Ehdr, e_shentsize) && at < sizeof(Elf64_Ehdr));
    for (const uint8_t mask : {0x01, 0x80, 0xff}) {
      bytes[at] ^= mask;
      wire::View view;
      wire::Error error;
      wire::Probe found;
      const bool accepted =
          wire::probe(bytes.data(), std::min<uint64_t>(bytes.size(), wire::kProbeSize), bytes.size(), &found, &error) &&
          wire::parse(bytes.data(), found.hot_size, bytes.size(), true, &view, &error);
      if (!sections) CHECK_MESSAGE(!accepted, "byte ", at, " mask ", int{mask});
      bytes[at] ^= mask;
    }
  }
}

TEST_CASE("flipped bytes with a right hash do no harm") {
  Edit edit(sound_file());
  const TemporaryDirectory directory;
  const std::string path = directory.path("bad.snap");
  const std::vector<uint8_t> original = edit.bytes();
  for (uint64_t at = 0; at < edit.hot_size(); at += 1) {
    edit.bytes()[at] ^= static_cast<uint8_t>(1 + at * 37 % 255);
    edit.seal();
    test::write_file(path, edit.bytes());
    look_at(path);
    edit.bytes() = original;
  }
}

TEST_CASE("a file cut off anywhere is refused") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("cut.snap");
  test::write_file(path, sound_file());
  uint64_t cold_end = 0, sections_end = 0;
  {
    const auto reader = Reader::open(path);
    REQUIRE(reader);
    cold_end = reader->view().cold.offset + reader->view().cold.size;
    sections_end = reader->view().ehdr->e_shoff + reader->view().ehdr->e_shnum * sizeof(Elf64_Shdr);
  }
  for (uint64_t size = sections_end - 1; size-- > 0;) {
    if (size > 8192 && size < cold_end && size % 509 != 0) continue;  // nothing but data there
    REQUIRE(truncate(path.c_str(), static_cast<off_t>(size)) == 0);
    const auto reader = Reader::open(path);
    CAPTURE(size);
    if (size >= cold_end) {  // thaw needs nothing that is missing; the full check tells
      REQUIRE(reader);
      CHECK(!format::validate(*reader).empty());
      continue;
    }
    REQUIRE(!reader);
    const Code code = reader.error().code;
    CHECK((code == Code::truncated || (size == 0 && code == Code::empty_file)));
    if (size % 101 == 0) look_at(path);
  }
}

TEST_CASE("every flipped byte of data, rebase and hashes is found by the full check") {
  const std::vector<uint8_t>& bytes = sound_file();
  const TemporaryDirectory directory;
  const std::string path = directory.path("bad.snap");
  test::write_file(path, bytes);
  uint64_t cold = 0, cold_end = 0, data = 0;
  {
    const auto reader = Reader::open(path);
    REQUIRE(reader);
    data = reader->view().lazy.offset;
    cold = reader->view().cold.offset;
    cold_end = cold + reader->view().cold.size;
  }
  for (uint64_t at = data; at < cold_end; at += at < cold ? 997 : 1) {
    auto bad = bytes;
    bad[at] ^= 0x10;
    test::write_file(path, bad);
    const auto reader = Reader::open(path);
    REQUIRE(reader);
    CAPTURE(at);
    CHECK(!format::validate(*reader).empty());
  }
}

TEST_CASE("images whose closures make no sense are reported") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("bad.snap");
  test::write_file(path, sound_file());
  uint64_t first = 0;
  {
    const auto reader = Reader::open(path);
    REQUIRE(reader);
    first = reader->view().data.offset + 0x4000;
  }
  const auto census_damage = [&](const std::function<void(uint64_t*)>& change) {
    auto bytes = sound_file();
    change(reinterpret_cast<uint64_t*>(bytes.data() + first));
    test::write_file(path, bytes);
    const auto reader = Reader::open(path);
    REQUIRE(reader);
    std::vector<format::Error> damage;
    REQUIRE(format::take_census(*reader, &damage));
    return damage.size();
  };
  CHECK(census_damage([](uint64_t*) {}) == 0);
  CHECK(census_damage([](uint64_t* word) { *word = 0x400000; }) == 1);
  CHECK(census_damage([](uint64_t* word) { *word += 8; }) == 1);
  CHECK(census_damage([](uint64_t* word) { *word += 1; }) == 1);
  // the byte array at the end: 21 closures of a cell and a number each, after [] (2 words)
  CHECK(census_damage([](uint64_t* word) { word[2 + 20 * 5 + 1] = ~uint64_t{0}; }) == 1);
  CHECK(census_damage([](uint64_t* word) { word[2 + 20 * 5 + 1] = 1 << 20; }) == 1);
}
