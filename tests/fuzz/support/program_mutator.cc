#include "fuzz/support/program_mutator.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "fuzz/support/mutation.h"

namespace fastboot::fuzz {

namespace {

constexpr size_t kStep = 64;  // bytes of contents that are one piece: an info table with its code

Pieces find_pieces(const Bytes& file) {
  Pieces pieces = {{}, {}, 4};
  const auto add = [&](uint64_t offset, uint64_t size, std::vector<Piece>* to) {
    if (offset < file.size() && size != 0) to->push_back({offset, std::min<size_t>(size, file.size() - offset)});
  };
  Elf64_Ehdr ehdr;
  if (file.size() < sizeof ehdr) return pieces;
  memcpy(&ehdr, file.data(), sizeof ehdr);
  add(0, sizeof ehdr, &pieces.structures);
  add(ehdr.e_phoff, std::min<size_t>(ehdr.e_phnum, 8) * sizeof(Elf64_Phdr), &pieces.structures);
  add(ehdr.e_shoff, std::min<size_t>(ehdr.e_shnum, 32) * sizeof(Elf64_Shdr), &pieces.structures);
  for (size_t i = 0; i < std::min<size_t>(ehdr.e_shnum, 32); ++i) {
    Elf64_Shdr section;
    const uint64_t at = ehdr.e_shoff + i * sizeof section;
    if (at > file.size() || sizeof section > file.size() - at) break;
    memcpy(&section, file.data() + at, sizeof section);
    if (section.sh_type == SHT_NOBITS || section.sh_offset >= file.size()) continue;
    const size_t end = section.sh_offset + std::min<size_t>(section.sh_size, file.size() - section.sh_offset);
    if ((section.sh_flags & SHF_ALLOC) == 0) {
      add(section.sh_offset, end - section.sh_offset, &pieces.structures);
      continue;
    }
    for (size_t from = section.sh_offset; from < end; from += kStep) {
      if (any_byte(file, from, std::min(end, from + kStep))) add(from, std::min(kStep, end - from), &pieces.contents);
    }
  }
  return pieces;
}

}  // namespace

size_t mutate_program(uint8_t* data, size_t size, size_t most, unsigned seed) {
  Bytes file = unpack(data, size);
  Mutation(&file, seed, find_pieces(file)).run();
  const size_t packed = pack_into(file, data, most);
  return packed == 0 ? size : packed;
}

}  // namespace fastboot::fuzz
