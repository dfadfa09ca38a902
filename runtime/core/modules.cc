#include "core/modules.h"

#include <elf.h>
#include <link.h>
#include <string.h>

namespace fastboot::runtime {

struct ModulesLoader {
  static void read_notes(const dl_phdr_info& info, const Elf64_Phdr& phdr, Module* module) {
    const auto* at = reinterpret_cast<const uint8_t*>(info.dlpi_addr + phdr.p_vaddr);
    const uint8_t* end = at + phdr.p_memsz;
    while (end - at >= static_cast<int64_t>(sizeof(Elf64_Nhdr))) {
      Elf64_Nhdr note;
      memcpy(&note, at, sizeof note);
      at += sizeof note;
      const uint64_t name = wire::round_up(note.n_namesz, 4);
      const uint64_t desc = wire::round_up(note.n_descsz, 4);
      if (name + desc > static_cast<uint64_t>(end - at)) return;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(at, "GNU", 4) == 0 &&
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

  static int add_first(dl_phdr_info* info, size_t size, void* self) {
    add(info, size, self);
    return 1;
  }

  static int add(dl_phdr_info* info, size_t, void* self) {
    auto* modules = static_cast<Modules*>(self);
    if (modules->count_ == Modules::kMost) return 1;
    Module& module = modules->list_[modules->count_++];
    module = Module{};
    module.bias = info->dlpi_addr;
    module.path = info->dlpi_name == nullptr || info->dlpi_name[0] == '\0' ? "/proc/self/exe" : info->dlpi_name;
    for (uint16_t i = 0; i < info->dlpi_phnum; ++i) {
      const Elf64_Phdr& phdr = info->dlpi_phdr[i];
      if (phdr.p_type == PT_NOTE) read_notes(*info, phdr, &module);
      if (phdr.p_type != PT_LOAD) continue;
      const uint64_t low = info->dlpi_addr + phdr.p_vaddr;
      const uint64_t high = low + phdr.p_memsz;
      widen(&module.begin, &module.end, low, high);
      if ((phdr.p_flags & PF_X) != 0) widen(&module.text_begin, &module.text_end, low, high);
      if ((phdr.p_flags & PF_W) == 0) widen(&module.read_only_begin, &module.read_only_end, low, high);
    }
    return 0;
  }
};

void Modules::load() {
  count_ = 0;
  dl_iterate_phdr(ModulesLoader::add, this);
}

void Modules::load_executable() {
  count_ = 0;
  dl_iterate_phdr(ModulesLoader::add_first, this);
}

const Module* Modules::find(uint64_t address) const {
  for (uint32_t i = 0; i < count_; ++i) {
    if (list_[i].contains(address)) return &list_[i];
  }
  return nullptr;
}

const Module* Modules::find_build_id(const uint8_t* build_id, uint32_t size) const {
  for (uint32_t i = 0; i < count_; ++i) {
    if (size != 0 && list_[i].build_id_size == size && memcmp(list_[i].build_id, build_id, size) == 0) return &list_[i];
  }
  return nullptr;
}

}  // namespace fastboot::runtime
