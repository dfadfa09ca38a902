// damage: systematic damage to snapshots, each damaged file given to all who read such files.
//   damage all             everything, in this process; prints counts, and what was accepted that must not be
//   damage dump SNAPSHOT DIRECTORY
//                          writes a sample of damaged copies of a sound snapshot, for the tools themselves (damage.sh):
//                          refused-N-FIELD.snap must be refused by all, written-N-FIELD.snap by all but a thaw, to
//                          which it is the same image, as harmless-N-FIELD.snap is to all
//
// Readers: "inspect" is what fastboot-inspect's check does, "migrate" and "ld" what fastboot-migrate and fastboot-ld do
// before they write, "thaw" the runtime's own thaw.cc in a process without GHC's runtime system; "needed" thaws a sound
// snapshot that needs the damaged one. What is harmless to a thaw must leave what is thawed the same to the byte.
#include <elf.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>

#include "fault/damage_fields.h"
#include "format/reader.h"
#include "format/structure.h"
#include "format/wire/parse.h"
#include "format/writer.h"
#include "fuzz/support/anatomy.h"
#include "fuzz/support/seed.h"
#include "fuzz/support/stub_thaw.h"
#include "reloc/link.h"
#include "reloc/plan.h"
#include "unit/sample.h"

using namespace fastboot;
using damage::Bytes;
using damage::Class;
using damage::Field;

namespace {

enum Reader : uint8_t { kInspect, kMigrate, kLd, kThaw, kNeeded, kReaders };
constexpr const char* kReaderNames[] = {"inspect", "migrate", "ld", "thaw", "needed"};
// Those that are given the damaged file itself.
constexpr Reader kDirect[] = {kInspect, kMigrate, kLd, kThaw};

// What was made right again after the damage.
enum class Sealed : uint8_t { nothing, metadata, everything };
constexpr const char* kSealedNames[] = {"no hash", "metadata hash", "all hashes"};

// --- the readers ---------------------------------------------------------------------------------

fuzz::MemoryFile& memory_file() {
  static fuzz::MemoryFile file;
  return file;
}

// Of what is in memory_file().
bool inspect_accepts() {
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

// `to`: written there, too.
bool migrate_accepts(const char* to = nullptr) {
  const auto reader = format::Reader::open(memory_file().path());
  if (!reader) return false;
  const auto model = reader->model();
  if (!model) return false;
  // Addresses of one build follow to no other.
  const reloc::ProgramIndex& now = model->raws.empty() ? next_program() : program();
  return model->ghc_version == now.ghc_version() && model->rts_way == now.rts_way() &&
         reloc::make_plan(*model, &program(), now, {}).resolved() &&
         (to == nullptr || format::write(*model, to).has_value());
}

bool links(const std::vector<reloc::LinkInput>& inputs, const char* to) {
  reloc::LinkOptions options;
  options.name = "linked";
  options.address = format::ImageAddress(fuzz::kSlot + 16 * wire::kSlotUnit);
  reloc::Linked linked;
  std::vector<format::Error> problems;
  return reloc::link(inputs, options, &linked, &problems) &&
         (to == nullptr || format::write(linked.model, to).has_value());
}

// Alone, or with one that goes with it.
bool ld_accepts(const char* to = nullptr) {
  auto input = reloc::open_input(memory_file().path());
  if (!input) return false;
  std::vector<reloc::LinkInput> inputs;
  inputs.push_back(std::move(*input));
  if (links(inputs, to)) return true;
  fuzz::MemoryFile companion_file;
  companion_file.set(fuzz::needed_file(0));
  auto companion = reloc::open_input(companion_file.path());
  fuzz::require(companion.has_value(), "the companion is sound");
  inputs.push_back(std::move(*companion));
  return links(inputs, to);
}

bool thaw_accepts(const Bytes& file, const char* verify = "metadata") {
  return fuzz::thaw_once(file, {.verify = verify}, nullptr) == 0;
}

// Where migrate and ld write.
const char* output() {
  static const test::TemporaryDirectory kDirectory;
  static const std::string kPath = kDirectory.path("written.snap");
  return kPath.c_str();
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
    problem(std::string(kReaderNames[reader]) + " takes " + what);
  }
  // All are listed: each kind of them is to be judged.
  void problem(const std::string& what) {
    ++problems_;
    printf("WRONG: %s\n", what.c_str());
  }
  void print(const char* what) const {
    for (int reader = 0; reader < kReaders; ++reader) {
      if (files_[reader] == 0) continue;
      printf("%-10s %-8s %7lu files: %7lu refused, %6lu taken and harmless\n", what, kReaderNames[reader],
             files_[reader], refused_[reader], accepted_[reader]);
    }
  }
  uint64_t problems() const { return problems_; }
  uint64_t given() const { return std::accumulate(files_.begin(), files_.end(), uint64_t{0}); }

 private:
  std::array<uint64_t, kReaders> files_ = {}, refused_ = {}, accepted_ = {};
  uint64_t problems_ = 0;
};

// --- the damage ----------------------------------------------------------------------------------

struct Base {
  const char* name;
  Bytes file;
  std::vector<Field> fields;
  bool whole;       // every way of flipping a byte, not one
  uint64_t digest;  // of what is thawed from it
};

uint64_t digest_of(const char* name, const Bytes& file) {
  uint64_t digest = 0;
  for (const char* verify : {"data", "metadata"}) {
    std::string why;
    if (fuzz::thaw_once(file, {.verify = verify}, &why, &digest) == 0) continue;
    fprintf(stderr, "damage: %s: %s\n", name, why.c_str());
    fuzz::require(false, "the sound file thaws");
  }
  return digest;
}

Base make_base(const char* name, const fuzz::SeedOptions& options, bool whole = false) {
  format::Model model = fuzz::seed_model(options);
  reloc::add_fingerprints(&model, program());
  Base base = {name, fuzz::seed_file(model), {}, whole, 0};
  base.fields = damage::fields_of(base.file);
  memory_file().set(base.file);
  fuzz::require(inspect_accepts(), "the sound file passes the check");
  fuzz::require(migrate_accepts(output()), "the sound file can be carried over");
  fuzz::require(ld_accepts(output()), "the sound file can be linked");
  base.digest = digest_of(name, base.file);
  return base;
}

enum class May : uint8_t { refuse, take, take_the_same };

// May this reader take a file whose field of this class was changed?
May may(Reader reader, Class cls, Sealed sealed) {
  if (cls == Class::strips) return May::take_the_same;
  if (sealed == Sealed::nothing || cls == Class::checked) return May::refuse;
  const bool content = sealed == Sealed::everything;
  switch (cls) {
    case Class::process:
      return content && (reader == kInspect || reader == kLd) ? May::take : May::refuse;
    case Class::told:
      // Who needs an image knows its content id.
      return (reader == kNeeded ? !content : reader == kThaw || content) ? May::take : May::refuse;
    case Class::bound:
      return May::take;
    case Class::written:
      return reader == kThaw || reader == kNeeded ? May::take_the_same : May::refuse;
    default:
      return May::take_the_same;
  }
}

using Takes = std::function<void(const Field&, Reader, Sealed)>;

std::string tell(const Base& base, const Field& field, const std::string& how, Sealed sealed) {
  return std::string(base.name) + ": " + field.name + " (" + damage::class_name(field.cls) + ") " + how + ", " +
         kSealedNames[static_cast<size_t>(sealed)] + " recomputed";
}

void give(const Base& base, Bytes file, const Field& field, Sealed sealed, const std::string& how, Tally* tally,
          const Takes& taken) {
  if (sealed != Sealed::nothing) {
    const Bytes unsealed = file;
    fuzz::seal(&file, false, sealed == Sealed::everything);
    if (file == unsealed) return;  // no hash is over it
  }
  if (file == base.file) return;  // the hash itself was changed and made right
  memory_file().set(file);
  for (const Reader reader : kDirect) {
    uint64_t digest = 0;
    const bool accepted = reader == kInspect   ? inspect_accepts()
                          : reader == kMigrate ? migrate_accepts()
                          : reader == kLd      ? ld_accepts()
                                               : fuzz::thaw_once(file, {}, nullptr, &digest) == 0;
    if (accepted) taken(field, reader, sealed);
    const May allowed = may(reader, field.cls, sealed);
    tally->count(reader, accepted, allowed != May::refuse, tell(base, field, how, sealed));
    if (reader == kThaw && accepted && allowed == May::take_the_same && digest != base.digest)
      tally->problem("thaw makes something else of " + tell(base, field, how, sealed));
  }
}

// Which fields a reader took changed, for people.
class Taken {
 public:
  void operator()(const Field& field, Reader reader, Sealed sealed) {
    ++counts_[field.name + " (" + damage::class_name(field.cls) + ")"][reader * kWays + static_cast<size_t>(sealed)];
  }
  void print() const {
    printf(
        "fields taken with another value (inspect, migrate, ld, thaw, needed; each with no, the metadata, all hashes "
        "right):\n");
    for (const auto& [name, count] : counts_) {
      printf("  %-40s", name.c_str());
      for (size_t i = 0; i < count.size(); ++i) printf("%s%lu", i % kWays == 0 ? "  " : " ", count[i]);
      printf("\n");
    }
  }

 private:
  static constexpr size_t kWays = 3;
  std::map<std::string, std::array<uint64_t, size_t{kReaders} * kWays>> counts_;
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
    const std::string how = std::string(base.name) + " cut to " + std::to_string(length);
    uint64_t digest = base.digest;
    memory_file().set(file);
    tally->count(kInspect, inspect_accepts(), length >= sections, how);
    tally->count(kMigrate, migrate_accepts(), length >= needed, how);
    tally->count(kLd, ld_accepts(), length >= needed, how);
    tally->count(kThaw, fuzz::thaw_once(file, {}, nullptr, &digest) == 0, length >= needed, how);
    if (digest != base.digest) tally->problem("thaw makes something else of " + how);
  }
}

// The metadata of one file before the image of another, and back. By default a thaw does not look at the image.
void swap(const Base& a, const Base& b, Tally* tally) {
  for (const auto& [first, second] : {std::pair{&a, &b}, {&b, &a}}) {
    wire::View view;
    wire::Error error;
    fuzz::require(wire::parse(first->file.data(), first->file.size(), first->file.size(), true, &view, &error),
                  "sound");
    Bytes file = second->file;
    std::copy(first->file.begin(), first->file.begin() + static_cast<std::ptrdiff_t>(view.hot.file_size), file.begin());
    const std::string how = std::string("metadata of ") + first->name + ", image of " + second->name;
    memory_file().set(file);
    tally->count(kInspect, inspect_accepts(), false, how);
    tally->count(kMigrate, migrate_accepts(output()), false, how);
    tally->count(kLd, ld_accepts(output()), false, how);
    tally->count(kThaw, thaw_accepts(file, "data"), false, how);
  }
}

// --- damage to an image that another one needs ----------------------------------------------------

Base make_needed_base() {
  Base base = {"other0", fuzz::needed_file(0), {}, false, 0};
  base.fields = damage::fields_of(base.file);
  return base;
}

// `sound` needs `other`, which is damaged in all the ways that a file itself is, or is another image.
void damage_needed(const Base& sound, const Base& other, Tally* tally, Taken* taken) {
  const auto thaw = [&](const Bytes& file, May allowed, const std::string& how) {
    fuzz::set_needed(0, file);
    uint64_t digest = 0;
    const bool accepted = fuzz::thaw_once(sound.file, {}, nullptr, &digest) == 0;
    tally->count(kNeeded, accepted, allowed != May::refuse, how);
    if (accepted && allowed == May::take_the_same && digest != sound.digest)
      tally->problem("a thaw of what needs it makes something else of " + how);
    return accepted;
  };
  for (const Field& field : other.fields) {
    for (size_t at = field.offset; at < field.offset + field.size; ++at) {
      for (const Sealed sealed : kAllSealed) {
        if (field.cls == Class::strips && sealed != Sealed::nothing) continue;  // no hash is over it
        Bytes file = other.file;
        file[at] = static_cast<uint8_t>(file[at] ^ 1u << at % 8);
        if (sealed != Sealed::nothing) fuzz::seal(&file, false, sealed == Sealed::everything);
        if (file == other.file) continue;
        if (thaw(file, may(kNeeded, field.cls, sealed), tell(other, field, "flipped", sealed)))
          (*taken)(field, kNeeded, sealed);
      }
    }
  }
  const size_t tail = other.fields.back().offset;
  for (size_t length = 0; length < tail; length += 256)
    thaw(Bytes(other.file.begin(), other.file.begin() + static_cast<std::ptrdiff_t>(length)), May::refuse, "a cut one");
  thaw(fuzz::needed_file(1), May::refuse, "another image");
  thaw(sound.file, May::refuse, "the image that needs it");
  thaw(fuzz::seed_file(fuzz::seed_model({.cells = 4})), May::refuse, "another version");
  fuzz::set_needed(0, other.file);
}

// --- damaged data --------------------------------------------------------------------------------

// One bit in each kilobyte of lazy and data, and in each byte of the streams and hashes. `sound` needs it, if given.
uint64_t damage_data(const Base& base, const Base* sound) {
  wire::View view;
  wire::Error error;
  fuzz::require(wire::parse(base.file.data(), base.file.size(), base.file.size(), true, &view, &error), "sound");
  enum Finder : uint8_t { kCheck, kCarry, kLink, kData, kElsewhere, kByNeed, kFinders };
  constexpr const char* kNames[] = {"the check",
                                    "migrate",
                                    "ld",
                                    "a thaw under FASTBOOT_VERIFY=data",
                                    "one at other addresses",
                                    "one of an image that needs it"};
  uint64_t files = 0, by_default = 0, unnamed = 0, found[kFinders] = {};
  for (const wire::Segment* segment : {&view.lazy, &view.data, &view.cold}) {
    const size_t step = segment == &view.cold ? 1 : 1024;
    for (size_t at = 0; at < segment->file_size; at += step, ++files) {
      Bytes file = base.file;
      file[segment->offset + at] = static_cast<uint8_t>(file[segment->offset + at] ^ 1u << at / step % 8);
      memory_file().set(file);
      found[kCheck] += inspect_accepts() ? 0 : 1;
      found[kCarry] += migrate_accepts(output()) ? 0 : 1;
      found[kLink] += ld_accepts(output()) ? 0 : 1;
      if (sound != nullptr) {
        fuzz::set_needed(0, file);
        std::string why;
        found[kByNeed] += fuzz::thaw_once(sound->file, {.verify = "data"}, &why) == 0 ? 0 : 1;
        unnamed += why.find(fuzz::needed_name(0)) == std::string::npos ? 1 : 0;
        continue;
      }
      found[kData] += thaw_accepts(file, "data") ? 0 : 1;
      found[kElsewhere] += fuzz::thaw_once(file, {.elsewhere = true, .verify = "data"}, nullptr) == 0 ? 0 : 1;
      by_default += thaw_accepts(file) ? 0 : 1;
    }
  }
  if (sound != nullptr) fuzz::set_needed(0, base.file);
  uint64_t problems = unnamed;
  printf("data       %lu places of %s:", files, base.name);
  for (int finder = 0; finder < kFinders; ++finder) {
    if (finder >= kData && (finder == kByNeed) != (sound != nullptr)) continue;
    printf(" %lu found by %s;", found[finder], kNames[finder]);
    problems += files - found[finder];
  }
  if (sound == nullptr) printf(" %lu by a thaw that is not asked to look\n", by_default);
  if (sound != nullptr) printf(" %lu without its name\n", unnamed);
  return problems;
}

int all() {
  const Base bases[] = {make_base("all", {}, true),
                        make_base("needs", {.lazy = false, .raw = false, .code = false, .needed = 2}),
                        make_base("member", {.lazy = false, .raw = false, .code = false, .member = true})};
  Taken taken;
  uint64_t problems = 0, given = 0;
  for (const Base& base : bases) {
    size_t bytes = 0;
    for (const Field& field : base.fields) bytes += field.size;
    printf("--- %s: %zu bytes of metadata, %zu fields\n", base.name, bytes, base.fields.size());
    const auto run = [&](const char* name, const std::function<void(Tally*)>& part) {
      Tally tally;
      part(&tally);
      tally.print(name);
      problems += tally.problems();
      given += tally.given();
      fflush(stdout);
    };
    run("bytes", [&](Tally* tally) { flip_bytes(base, tally, &taken); });
    run("limits", [&](Tally* tally) { set_limits(base, tally, &taken); });
    run("overlaps", [&](Tally* tally) { overlap(base, tally, &taken); });
    run("lengths", [&](Tally* tally) { truncate(base, tally); });
    problems += damage_data(base, nullptr);
  }
  const Base other = make_needed_base();
  printf("--- %s, which \"needs\" needs: %zu fields\n", other.name, other.fields.size());
  Tally needed;
  damage_needed(bases[1], other, &needed, &taken);
  needed.print("bytes");
  problems += needed.problems() + damage_data(other, &bases[1]);
  given += needed.given();
  Tally swaps;
  swap(bases[0], bases[2], &swaps);
  swaps.print("swapped");
  problems += swaps.problems();
  given += swaps.given();
  taken.print();
  printf("damage: %lu damaged files read, %lu problems\n", given, problems);
  return problems == 0 ? 0 : 1;
}

// One number of each field, changed; the metadata hash is made right.
int dump(const std::string& snapshot, const std::filesystem::path& directory) {
  const Bytes good = test::read_file(snapshot);
  std::map<std::string, size_t> seen;
  size_t written = 0;
  for (const Field& field : damage::fields_of(good)) {
    const char* prefix = nullptr;
    if (field.cls == Class::checked || field.cls == Class::process) prefix = "refused-";
    if (field.cls == Class::written) prefix = "written-";
    if (field.cls == Class::hint) prefix = "harmless-";
    if (prefix == nullptr) continue;
    const size_t n = seen[field.name]++;
    if (n > 1) continue;  // of many records alike, the first two
    Bytes file = good;
    file[field.offset + n % field.size] ^= static_cast<uint8_t>(1u << (n * 3 + field.offset) % 8);
    fuzz::seal(&file, false, false);
    if (file == good) continue;
    std::string name = field.name;
    std::replace_if(
        name.begin(), name.end(), [](char c) { return isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
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
  setenv("TMPDIR", "/dev/shm", 0);
  fuzz::start_stub_process();
  if (argc == 2 && strcmp(argv[1], "all") == 0) return all();
  if (argc == 4 && strcmp(argv[1], "dump") == 0) return dump(argv[2], argv[3]);
  fputs("usage: damage all | damage dump SNAPSHOT DIRECTORY\n", stderr);
  return 2;
}
