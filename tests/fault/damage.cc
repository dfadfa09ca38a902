// damage: systematic damage to snapshots, each damaged file given to all who read such files.
//   damage all             everything, in this process; prints counts, and what was accepted that must not be
//   damage dump SNAPSHOT DIRECTORY
//                          writes a sample of damaged copies of a sound snapshot, for the tools themselves (damage.sh):
//                          refused-N-FIELD.snap must be refused by all, harmless-N-FIELD.snap is the same image
//
// Readers: "inspect" is what fastboot-inspect's check does, "migrate" what fastboot-migrate does before it writes,
// "thaw" the runtime's own thaw.cc in a process without GHC's runtime system.
#include <elf.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>

#include "fault/damage_fields.h"
#include "format/reader.h"
#include "format/structure.h"
#include "format/wire/parse.h"
#include "fuzz/support/anatomy.h"
#include "fuzz/support/seed.h"
#include "fuzz/support/stub_thaw.h"
#include "reloc/plan.h"
#include "unit/sample.h"

using namespace fastboot;
using damage::Bytes;
using damage::Class;
using damage::Field;

namespace {

enum Reader : uint8_t { kInspect, kMigrate, kThaw, kReaders };
constexpr const char* kReaderNames[] = {"inspect", "migrate", "thaw"};

// What was made right again after the damage.
enum class Sealed : uint8_t { nothing, metadata, everything };
constexpr const char* kSealedNames[] = {"no hash", "metadata hash", "all hashes"};

// --- the readers ---------------------------------------------------------------------------------

fuzz::MemoryFile& memory_file() {
  static fuzz::MemoryFile file;
  return file;
}

bool inspect_accepts(const Bytes& file) {
  memory_file().set(file);
  const auto reader = format::Reader::open(memory_file().path(), format::Mode::lenient);
  if (!reader) return false;
  std::vector<format::Error> damage = format::validate(*reader);
  if (!reader->sound()) {
    fuzz::require(!damage.empty(), "what is damaged is told");
    return false;
  }
  return damage.empty() && format::check_structure(*reader).empty();
}

reloc::ProgramIndex read_program(uint8_t build_id_byte) {
  fuzz::MemoryFile file;
  file.set(fuzz::make_program(fuzz::seed_model(), build_id_byte).elf);
  auto index = reloc::ProgramIndex::read(file.path());
  fuzz::require(index.has_value(), "the small program is one");
  return std::move(*index);
}

// The program that froze, and another build of it.
const reloc::ProgramIndex& program() {
  static const reloc::ProgramIndex kIndex = read_program(fuzz::kBuildIdByte);
  return kIndex;
}
const reloc::ProgramIndex& next_program() {
  static const reloc::ProgramIndex kIndex = read_program(0xcd);
  return kIndex;
}

bool migrate_accepts(const Bytes& file) {
  memory_file().set(file);
  const auto reader = format::Reader::open(memory_file().path());
  if (!reader) return false;
  const auto model = reader->model();
  if (!model) return false;
  // Addresses of one build follow to no other.
  const reloc::ProgramIndex& now = model->raws.empty() ? next_program() : program();
  return model->ghc_version == now.ghc_version() && model->rts_way == now.rts_way() &&
         reloc::make_plan(*model, &program(), now, {}).resolved();
}

bool thaw_accepts(const Bytes& file, const char* verify = "metadata") {
  return fuzz::thaw_once(file, {.verify = verify}, nullptr) == 0;
}

bool accepts(Reader reader, const Bytes& file) {
  return reader == kInspect ? inspect_accepts(file) : reader == kMigrate ? migrate_accepts(file) : thaw_accepts(file);
}

// --- counting ------------------------------------------------------------------------------------

class Tally {
 public:
  // A damaged file was given to a reader. `harmless`: it may take it.
  void count(Reader reader, bool accepted, bool harmless, const std::string& what) {
    ++files_[reader];
    if (!accepted) ++refused_[reader];
    if (!accepted) return;
    ++accepted_[reader];
    if (harmless) return;
    if (++problems_ <= 40) printf("WRONG: %s takes %s\n", kReaderNames[reader], what.c_str());
  }
  void print(const char* what) const {
    for (int reader = 0; reader < kReaders; ++reader) {
      if (files_[reader] == 0) continue;
      printf("%-10s %-8s %7lu files: %7lu refused, %6lu taken and harmless\n", what, kReaderNames[reader],
             files_[reader], refused_[reader], accepted_[reader]);
    }
  }
  uint64_t problems() const { return problems_; }

 private:
  std::array<uint64_t, kReaders> files_ = {}, refused_ = {}, accepted_ = {};
  uint64_t problems_ = 0;
};

// --- the damage ----------------------------------------------------------------------------------

struct Base {
  const char* name;
  Bytes file;
  std::vector<Field> fields;
  bool thaws;  // alone: without other images
  bool whole;  // every way of flipping a byte, not one
};

Base make_base(const char* name, const fuzz::SeedOptions& options, bool whole = false) {
  format::Model model = fuzz::seed_model(options);
  reloc::add_fingerprints(&model, program());
  Base base = {name, fuzz::seed_file(model), {}, options.needed == 0, whole};
  base.fields = damage::fields_of(base.file);
  fuzz::require(inspect_accepts(base.file), "the sound file passes the check");
  fuzz::require(migrate_accepts(base.file), "the sound file can be carried over");
  for (const char* verify : {"metadata", "data"}) {
    std::string why;
    if (!base.thaws || fuzz::thaw_once(base.file, {.verify = verify}, &why) == 0) continue;
    fprintf(stderr, "damage: %s: %s\n", name, why.c_str());
    fuzz::require(false, "the sound file thaws");
  }
  return base;
}

// May this reader take a file whose field of this class was changed?
bool harmless(Reader reader, Class cls, Sealed sealed) {
  if (sealed == Sealed::nothing) return false;
  if (cls == Class::unused || cls == Class::tools || cls == Class::bound) return true;
  if (cls == Class::checked) return false;
  return sealed == Sealed::everything || reader == kThaw;
}

// strip changes these, so the hash leaves them out.
bool is_strips(const Field& field) { return field.name.starts_with("ehdr.e_sh"); }

void give(const Base& base, Bytes file, const Field& field, Sealed sealed, const std::string& how, Tally* tally,
          const std::function<void(const Field&, Reader, Sealed)>& taken) {
  if (sealed != Sealed::nothing) fuzz::seal(&file, false, sealed == Sealed::everything);
  if (file == base.file) return;  // the hash itself was changed and made right
  for (const Reader reader : {kInspect, kMigrate, kThaw}) {
    if (reader == kThaw && !base.thaws) continue;
    const bool accepted = accepts(reader, file);
    if (accepted) taken(field, reader, sealed);
    tally->count(reader, accepted, harmless(reader, field.cls, sealed) || is_strips(field),
                 std::string(base.name) + ": " + field.name + " (" + damage::class_name(field.cls) + ") " + how + ", " +
                     kSealedNames[static_cast<size_t>(sealed)] + " recomputed");
  }
}

// Which fields a reader took changed, for people.
class Taken {
 public:
  void operator()(const Field& field, Reader reader, Sealed sealed) {
    ++counts_[field.name + " (" + damage::class_name(field.cls) + ")"][reader * 3 + static_cast<size_t>(sealed)];
  }
  void print() const {
    printf("fields taken with another value (inspect, migrate, thaw; each with no, the metadata, all hashes right):\n");
    for (const auto& [name, count] : counts_) {
      printf("  %-40s", name.c_str());
      for (size_t i = 0; i < count.size(); ++i) printf("%s%lu", i % 3 == 0 ? "  " : " ", count[i]);
      printf("\n");
    }
  }

 private:
  std::map<std::string, std::array<uint64_t, 9>> counts_;
};

constexpr Sealed kAllSealed[] = {Sealed::nothing, Sealed::metadata, Sealed::everything};

void flip_bytes(const Base& base, Tally* tally, Taken* taken) {
  for (const Field& field : base.fields) {
    for (size_t at = field.offset; at < field.offset + field.size; ++at) {
      for (const uint8_t bits : {0xff, 0x01, 0x80}) {
        if (bits != 0xff && !base.whole) break;
        Bytes file = base.file;
        file[at] = static_cast<uint8_t>(file[at] ^ bits);
        for (const Sealed sealed : kAllSealed) give(base, file, field, sealed, "flipped", tally, std::ref(*taken));
      }
    }
  }
}

void set_limits(const Base& base, Tally* tally, Taken* taken) {
  for (const Field& field : base.fields) {
    if (field.size != 2 && field.size != 4 && field.size != 8) continue;
    uint64_t old = 0;
    memcpy(&old, base.file.data() + field.offset, field.size);
    const uint64_t max = field.size == 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * field.size) - 1;
    const uint64_t values[] = {
        0,          1,          max,  max - 1,          max / 2 + 1,          old - 1,    old + 1,
        old + 4096, old - 4096, -old, base.file.size(), base.file.size() + 1, max - 4095, uint64_t{1} << 47};
    for (const uint64_t value : values) {
      if ((value & max) == old) continue;
      Bytes file = base.file;
      memcpy(file.data() + field.offset, &value, field.size);
      for (const Sealed sealed : kAllSealed) {
        give(base, file, field, sealed, "set to " + std::to_string(value & max), tally, std::ref(*taken));
      }
    }
  }
}

const Field* find(const Base& base, const std::string& name, size_t n) {
  for (const Field& field : base.fields) {
    if (field.name == name && n-- == 0) return &field;
  }
  return nullptr;
}

// Each part and each table is put where another one lies.
void overlap(const Base& base, Tally* tally, Taken* taken) {
  const auto put = [&](const std::string& name, size_t to, size_t from) {
    const Field* a = find(base, name, to);
    const Field* b = find(base, name, from);
    if (a == nullptr || b == nullptr || to == from) return;
    Bytes file = base.file;
    memcpy(file.data() + a->offset, base.file.data() + b->offset, a->size);
    if (file == base.file) return;
    for (const Sealed sealed : {Sealed::metadata, Sealed::everything}) {
      give(base, file, *a, sealed, "as of another", tally, std::ref(*taken));
    }
  };
  for (size_t i = 0; i < 5; ++i) {
    for (size_t k = 0; k < 5; ++k) {
      put("phdr(load).p_offset", i, k);
      put("phdr(load).p_vaddr", i, k);
    }
  }
  for (uint32_t i = 1; i <= wire::kTableCount; ++i) {
    for (uint32_t k = 1; k <= wire::kTableCount; ++k) {
      const Field* a = find(base, "table(" + std::to_string(i) + ").address", 0);
      const Field* b = find(base, "table(" + std::to_string(k) + ").address", 0);
      Bytes file = base.file;
      memcpy(file.data() + a->offset, base.file.data() + b->offset, a->size);
      if (file == base.file) continue;
      for (const Sealed sealed : {Sealed::metadata, Sealed::everything}) {
        give(base, file, *a, sealed, "as of table " + std::to_string(k), tally, std::ref(*taken));
      }
    }
  }
}

// Cut at the ends of all that lies in the file, and everywhere else by steps. What is behind the last hash are section
// headers and their names, which strip may drop, and zeros.
void truncate(const Base& base, Tally* tally) {
  wire::View view;
  wire::Error error;
  fuzz::require(wire::parse(base.file.data(), base.file.size(), base.file.size(), true, &view, &error), "sound");
  std::vector<size_t> lengths;
  for (const Field& field : base.fields) lengths.push_back(field.offset);
  const wire::Segment* segments[] = {&view.hot, &view.link, &view.lazy, &view.data, &view.cold};
  for (const wire::Segment* segment : segments) {
    for (const uint64_t at :
         {segment->offset, segment->offset + segment->file_size / 2, segment->offset + segment->file_size}) {
      lengths.insert(lengths.end(), {at, at + 1, at - 1});
    }
  }
  for (const wire::Table& table : view.header->tables)
    lengths.push_back(fuzz::Anatomy(base.file).offset_of(table.address));
  for (size_t at = 0; at < base.file.size(); at += 512) lengths.push_back(at);
  lengths.push_back(base.file.size() - 1);
  std::sort(lengths.begin(), lengths.end());
  lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
  const size_t needed = view.cold.offset + view.cold.file_size;
  const size_t sections = view.ehdr->e_shoff + view.ehdr->e_shnum * sizeof(Elf64_Shdr);
  for (const size_t length : lengths) {
    if (length >= base.file.size()) continue;
    const Bytes file(base.file.begin(), base.file.begin() + static_cast<std::ptrdiff_t>(length));
    for (const Reader reader : {kInspect, kMigrate, kThaw}) {
      if (reader == kThaw && !base.thaws) continue;
      const bool may = length >= (reader == kInspect ? sections : needed);
      tally->count(reader, accepts(reader, file), may, std::string(base.name) + " cut to " + std::to_string(length));
    }
  }
}

// The metadata of one file before the image of another, and back.
void swap(const Base& a, const Base& b, Tally* tally) {
  for (const auto& [first, second] : {std::pair{&a, &b}, {&b, &a}}) {
    const size_t hot = first->fields.back().offset + first->fields.back().size;
    Bytes file = second->file;
    std::copy(first->file.begin(), first->file.begin() + static_cast<std::ptrdiff_t>(hot), file.begin());
    for (const Reader reader : {kInspect, kMigrate}) {
      tally->count(reader, accepts(reader, file), false,
                   std::string("metadata of ") + first->name + ", image of " + second->name);
    }
  }
}

// --- damaged data --------------------------------------------------------------------------------

// One bit in each kilobyte of lazy, data, the streams, and the hashes themselves.
uint64_t damage_data(const Base& base) {
  wire::View view;
  wire::Error error;
  fuzz::require(wire::parse(base.file.data(), base.file.size(), base.file.size(), true, &view, &error), "sound");
  uint64_t files = 0, found_by_check = 0, found_at_thaw = 0, by_default = 0, elsewhere = 0;
  for (const wire::Segment* segment : {&view.lazy, &view.data, &view.cold}) {
    const size_t step = segment == &view.cold ? 8 : 1024;
    for (size_t at = 0; at < segment->file_size; at += step, ++files) {
      Bytes file = base.file;
      file[segment->offset + at] = static_cast<uint8_t>(file[segment->offset + at] ^ 1u << at / step % 8);
      found_by_check += inspect_accepts(file) ? 0 : 1;
      if (!base.thaws) continue;
      found_at_thaw += thaw_accepts(file, "data") ? 0 : 1;
      by_default += thaw_accepts(file) ? 0 : 1;
      elsewhere += fuzz::thaw_once(file, {.elsewhere = true, .verify = "data"}, nullptr) == 0 ? 0 : 1;
    }
  }
  printf("data       %lu places of %s: %lu found by the check", files, base.name, found_by_check);
  if (base.thaws) {
    printf(", %lu at thaw under FASTBOOT_VERIFY=data (%lu at other addresses), %lu by default", found_at_thaw,
           elsewhere, by_default);
  }
  printf("\n");
  return (found_by_check == files ? 0 : 1) + (base.thaws && (found_at_thaw != files || elsewhere != files) ? 1 : 0);
}

int all() {
  const Base bases[] = {make_base("all", {}, true),
                        make_base("needed", {.lazy = false, .raw = false, .code = false, .needed = 2}),
                        make_base("member", {.lazy = false, .raw = false, .code = false, .member = true})};
  Taken taken;
  uint64_t problems = 0;
  for (const Base& base : bases) {
    printf("--- %s: %zu bytes of metadata, %zu fields\n", base.name,
           base.fields.back().offset + base.fields.back().size, base.fields.size());
    const auto run = [&](const char* name, const std::function<void(Tally*)>& part) {
      Tally tally;
      part(&tally);
      tally.print(name);
      problems += tally.problems();
      fflush(stdout);
    };
    run("bytes", [&](Tally* tally) { flip_bytes(base, tally, &taken); });
    run("limits", [&](Tally* tally) { set_limits(base, tally, &taken); });
    run("overlaps", [&](Tally* tally) { overlap(base, tally, &taken); });
    run("lengths", [&](Tally* tally) { truncate(base, tally); });
    problems += damage_data(base);
  }
  Tally swaps;
  swap(bases[0], bases[2], &swaps);
  swaps.print("swapped");
  problems += swaps.problems();
  taken.print();
  if (problems != 0) printf("damage: %lu problems\n", problems);
  return problems == 0 ? 0 : 1;
}

// One number of each field, changed; the metadata hash is made right.
int dump(const std::string& snapshot, const std::filesystem::path& directory) {
  const Bytes good = test::read_file(snapshot);
  std::map<std::string, size_t> seen;
  size_t written = 0;
  for (const Field& field : damage::fields_of(good)) {
    const bool must = field.cls == Class::checked;
    if (!must && field.cls != Class::unused && field.cls != Class::tools) continue;
    const size_t n = seen[field.name]++;
    if (n > 4) continue;  // of many records alike, the first
    Bytes file = good;
    file[field.offset + n % field.size] ^= static_cast<uint8_t>(1u << (n * 3 + field.offset) % 8);
    fuzz::seal(&file, false, false);
    if (file == good) continue;
    std::string name = field.name;
    std::replace_if(
        name.begin(), name.end(), [](char c) { return isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
    const char* prefix = must ? "refused-" : "harmless-";
    const std::string path = (directory / (prefix + std::to_string(written++) + "-" + name + ".snap")).string();
    test::write_file(path, file);
    std::filesystem::permissions(path, std::filesystem::perms{0600});
  }
  printf("%zu files\n", written);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  unsetenv("FASTBOOT_CACHE");
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  fuzz::start_stub_process();
  if (argc == 2 && strcmp(argv[1], "all") == 0) return all();
  if (argc == 4 && strcmp(argv[1], "dump") == 0) return dump(argv[2], argv[3]);
  fputs("usage: damage all | damage dump SNAPSHOT DIRECTORY\n", stderr);
  return 2;
}
