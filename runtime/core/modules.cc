#include "core/modules.h"

#include "core/bytes.h"
#include "format/wire/placement_of_code.h"

#include <elf.h>
#include <link.h>
#include <string.h>

// Made by the linker: the ELF header in memory, if it is loaded.
extern "C" {
extern const Elf64_Ehdr __ehdr_start __attribute__((weak, visibility("hidden")));
}

namespace fastboot::runtime {

struct ModulesLoader {
  FASTBOOT_EVERY_THAW static void read_notes(const dl_phdr_info& info, const Elf64_Phdr& phdr, Module* module) {
    const auto* at = reinterpret_cast<const uint8_t*>(info.dlpi_addr + phdr.p_vaddr);
    const uint8_t* end = at + phdr.p_memsz;
    while (end - at >= static_cast<int64_t>(sizeof(Elf64_Nhdr))) {
      Elf64_Nhdr note;
      memcpy(&note, at, sizeof note);
      at += sizeof note;
      const uint64_t name = wire::round_up(note.n_namesz, 4);
      const uint64_t desc = wire::round_up(note.n_descsz, 4);
      if (name + desc > static_cast<uint64_t>(end - at)) return;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && equal_bytes(at, "GNU", 4) &&
          note.n_descsz <= wire::kMaxBuildId) {
        memcpy(module->build_id, at + name, note.n_descsz);
        module->build_id_size = note.n_descsz;
      }
      at += name + desc;
    }
  }

  static void widen(uint64_t* begin, uint64_t* end, uint64_t low, uint64_t high) {
    if (*end == 0 || low < *begin) *begin = low;
    if (high > *end) *end = high;
  }

  FASTBOOT_EVERY_THAW static void describe(const dl_phdr_info& info, Module* module) {
    *module = Module{};
    module->bias = info.dlpi_addr;
    module->path = info.dlpi_name == nullptr || info.dlpi_name[0] == '\0' ? "/proc/self/exe" : info.dlpi_name;
    for (uint16_t i = 0; i < info.dlpi_phnum; ++i) {
      const Elf64_Phdr& phdr = info.dlpi_phdr[i];
      if (phdr.p_type == PT_NOTE) read_notes(info, phdr, module);
      if (phdr.p_type != PT_LOAD) continue;
      const uint64_t low = info.dlpi_addr + phdr.p_vaddr;
      const uint64_t high = low + phdr.p_memsz;
      widen(&module->begin, &module->end, low, high);
      if ((phdr.p_flags & PF_X) != 0) widen(&module->text_begin, &module->text_end, low, high);
      if ((phdr.p_flags & PF_W) == 0) widen(&module->read_only_begin, &module->read_only_end, low, high);
    }
  }

  static int add(dl_phdr_info* info, size_t, void* self) {
    auto* modules = static_cast<Modules*>(self);
    if (modules->count_ == Modules::kMost) return 1;
    describe(*info, &modules->list_[modules->count_++]);
    return 0;
  }

  static int take_first(dl_phdr_info* info, size_t, void* module) {
    describe(*info, static_cast<Module*>(module));
    return 1;
  }
};

// Linked with -dynamic, this code is in a shared library, and the headers are that one's.
FASTBOOT_EVERY_THAW static bool is_executable(const Elf64_Ehdr& ehdr) {
  return ehdr.e_type == ET_EXEC ||
         asks_for_interpreter(reinterpret_cast<const Elf64_Phdr*>(reinterpret_cast<uint64_t>(&ehdr) + ehdr.e_phoff),
                              ehdr.e_phnum);
}

// Where the linker tells where the executable's headers lie in memory, nobody has to be asked.
FASTBOOT_EVERY_THAW void describe_executable(Module* out) {
  if (&__ehdr_start == nullptr || !is_executable(__ehdr_start)) {
    dl_iterate_phdr(ModulesLoader::take_first, out);
    return;
  }
  dl_phdr_info info = {};
  const auto address = reinterpret_cast<uint64_t>(&__ehdr_start);
  info.dlpi_phdr = reinterpret_cast<const Elf64_Phdr*>(address + __ehdr_start.e_phoff);
  info.dlpi_phnum = __ehdr_start.e_phnum;
  for (uint16_t i = 0; i < info.dlpi_phnum; ++i) {
    const Elf64_Phdr& phdr = info.dlpi_phdr[i];
    if (phdr.p_type == PT_LOAD && phdr.p_offset == 0) info.dlpi_addr = address - phdr.p_vaddr;
  }
  ModulesLoader::describe(info, out);
}

void Modules::load() {
  count_ = 0;
  dl_iterate_phdr(ModulesLoader::add, this);
}

const Module* Modules::find(uint64_t address) const {
  for (uint32_t i = 0; i < count_; ++i) {
    if (list_[i].contains(address)) return &list_[i];
  }
  return nullptr;
}

const Module* Modules::find_build_id(const uint8_t* build_id, uint32_t size) const {
  for (uint32_t i = 0; i < count_; ++i) {
    if (list_[i].is(build_id, size)) return &list_[i];
  }
  return nullptr;
}

}  // namespace fastboot::runtime
