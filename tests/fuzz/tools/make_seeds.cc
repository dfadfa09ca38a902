// make_seeds DIRECTORY: the inputs that each fuzz target starts from, besides those that are kept in corpus/, in
// DIRECTORY/TARGET. Made anew for each run, so that they follow the format.
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>

#include "format/embed.h"
#include "format/reader.h"
#include "format/signature.h"
#include "format/wire/hash.h"
#include "format/wire/structs.h"
#include "fuzz/support/anatomy.h"
#include "fuzz/support/seed.h"
#include "reloc/plan.h"
#include "unit/sample.h"

using namespace fastboot;
namespace fs = std::filesystem;

namespace {

void store(const fs::path& directory, const std::string& name, const fuzz::Bytes& input) {
  fs::create_directories(directory);
  test::write_file((directory / name).string(), input);
}

format::Model with_fingerprints(format::Model model) {
  fuzz::MemoryFile file;
  file.set(fuzz::make_program(model).elf);
  const auto index = reloc::ProgramIndex::read(file.path());
  fuzz::require(index.has_value(), "the small program is one");
  fuzz::require(reloc::add_fingerprints(&model, *index) != 0, "it has fingerprints");
  return model;
}

void make_snapshots(const fs::path& top) {
  struct {
    const char* name;
    fuzz::SeedOptions options;
  } const kinds[] = {{"all", {}},
                     {"plain", {.lazy = false, .raw = false, .code = false}},
                     {"code", {.lazy = false, .raw = false}},
                     {"lazy", {.raw = false, .code = false}},
                     {"raw", {.lazy = false, .code = false}},
                     {"needed", {.code = false, .needed = 2}},
                     {"one", {.lazy = false, .raw = false, .code = false, .needed = 1}},
                     {"member", {.raw = false, .code = false, .member = true}},
                     {"long", {.lazy = false, .raw = false, .code = false, .cells = 400}}};
  for (const auto& kind : kinds) {
    const format::Model model = with_fingerprints(fuzz::seed_model(kind.options));
    fuzz::Bytes file = fuzz::seed_file(model);
    for (const uint8_t choice : {0, 1, 3, 4, 10, 15, 31, 32, 33, 63, 65, 97, 129, 165, 193, 227}) {
      if (choice != 0 && strcmp(kind.name, "long") == 0) continue;
      file[15] = choice;
      fuzz::seal(&file, true, true);
      const fuzz::Bytes input = fuzz::pack(file);
      fuzz::require(fuzz::unpack(input.data(), input.size()) == file, "packed and unpacked, the same");
      const std::string name = std::string("seed-") + kind.name + "-" + std::to_string(choice);
      for (const char* target : {"metadata", "reader", "heap", "thaw", "plan", "link"}) {
        // The highest bits are for "plan" (other builds); what they are elsewhere make_signed() has.
        if (choice < 64 || strcmp(target, "plan") == 0) store(top / target, name, input);
      }
    }
  }
}

// Mutations of the metadata make its hash right, not the signature: what is behind a right one is reached by these
// alone.
void make_signed(const fs::path& top) {
  for (const uint8_t choice : {0, 64, 66, 72, 192, 194}) {
    const fuzz::SeedOptions options = {.raw = false, .code = (choice & 8) != 0};
    fuzz::Bytes file = fuzz::sign_seed(fuzz::seed_file(with_fingerprints(fuzz::seed_model(options))));
    file[15] = choice;
    fuzz::seal(&file, true, true);
    fuzz::MemoryFile memory;
    memory.set(file);
    const auto reader = format::Reader::open(memory.path());
    fuzz::require(reader.has_value() && format::verify(*reader, fuzz::seed_key()).value_or(false), "it is signed");
    const std::string name = "seed-signed-" + std::to_string(choice);
    for (const char* target : {"metadata", "reader", "thaw", "plan"}) store(top / target, name, fuzz::pack(file));
  }
}

void make_programs(const fs::path& top) {
  const format::Model model = fuzz::seed_model();
  const fuzz::Program program = fuzz::make_program(model);
  for (const uint8_t choice : {0, 1, 2}) {
    fuzz::Bytes file = program.elf;
    file[15] = choice;
    store(top / "program", "seed-program-" + std::to_string(choice), fuzz::pack(file));
  }
  const test::TemporaryDirectory directory;
  const std::string from = directory.path("program"), image = directory.path("image"), to = directory.path("embedded");
  test::write_file(from, program.elf);
  test::write_file(image, fuzz::seed_file(fuzz::seed_model({.lazy = false, .raw = false, .code = false})));
  fuzz::require(format::embed(from, image, to).has_value(), "the snapshot can be embedded");
  const fuzz::Bytes embedded = test::read_file(to);
  store(top / "embedded", "seed-embedded", fuzz::pack(embedded));
  store(top / "embedded", "seed-none", fuzz::pack(program.elf));
}

void make_sidecars(const fs::path& top) {
  for (const uint32_t entries : {4, 6}) {
    const wire::BindingHeader binding = {1, entries, 8, 0};
    const size_t size = sizeof binding + sizeof(wire::BindingModule) + entries * sizeof(wire::BindingEntry) + 8;
    fuzz::Bytes bytes(sizeof(wire::SidecarHeader) + size);
    memcpy(bytes.data() + sizeof(wire::SidecarHeader), &binding, sizeof binding);
    wire::BindingModule module = {};
    module.build_id_size = 20;
    memcpy(bytes.data() + sizeof(wire::SidecarHeader) + sizeof binding, &module, sizeof module);
    store(top / "sidecar", "seed-" + std::to_string(entries), bytes);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fputs("usage: make_seeds DIRECTORY\n", stderr);
    return 2;
  }
  make_snapshots(argv[1]);
  make_signed(argv[1]);
  make_programs(argv[1]);
  make_sidecars(argv[1]);
  return 0;
}
