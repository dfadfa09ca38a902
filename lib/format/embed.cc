#include "format/embed.h"

#include <elf.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "format/file.h"
#include "format/temporary_file.h"
#include "format/wire/structs.h"

namespace fastboot::format {

using wire::Code;

namespace {

template <class T>
std::span<uint8_t> bytes_of(std::vector<T>* items) {
  return {reinterpret_cast<uint8_t*>(items->data()), items->size() * sizeof(T)};
}

struct Sections {
  Elf64_Ehdr header = {};
  std::vector<Elf64_Shdr> headers;
  std::vector<char> names;

  std::string_view name(const Elf64_Shdr& section) const {
    if (section.sh_name >= names.size()) return {};
    return {names.data() + section.sh_name, strnlen(names.data() + section.sh_name, names.size() - section.sh_name)};
  }
};

Failure no_program(const File& file, const char* what) {
  return fail(Code::no_symbols, fmt::format("{}; a snapshot can be embedded in a 64-bit ELF program only", what),
              file.path());
}

Result<Sections> read_sections(const File& file) {
  Sections found;
  Elf64_Ehdr& header = found.header;
  if (file.size() < sizeof header) return no_program(file, "is too short for an ELF file");
  if (auto read = file.read(FileOffset(0), {reinterpret_cast<uint8_t*>(&header), sizeof header}); !read)
    return tl::unexpected(read.error());
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64)
    return no_program(file, "is no 64-bit ELF file");
  if (header.e_shnum == 0 || header.e_shnum >= SHN_LORESERVE - 1 || header.e_shentsize != sizeof(Elf64_Shdr) ||
      header.e_shstrndx >= header.e_shnum) {
    return no_program(file, "has no section headers that can be added to");
  }
  found.headers.resize(header.e_shnum);
  if (auto read = file.read(FileOffset(header.e_shoff), bytes_of(&found.headers)); !read)
    return tl::unexpected(read.error());
  const Elf64_Shdr& names = found.headers[header.e_shstrndx];
  if (names.sh_size > file.size()) return no_program(file, "has a table of section names that is longer than the file");
  found.names.resize(names.sh_size);
  if (auto read = file.read(FileOffset(names.sh_offset), bytes_of(&found.names)); !read)
    return tl::unexpected(read.error());
  return found;
}

// Copies the whole file to `offset` of the output, in pieces as large as the snapshot's own writer uses.
Result<void> copy(const File& from, uint64_t offset, TemporaryFile* to) {
  constexpr uint64_t kPiece = uint64_t{16} << 20;
  std::vector<uint8_t> piece(std::min(kPiece, from.size()));
  for (uint64_t at = 0; at < from.size(); at += piece.size()) {
    piece.resize(std::min(kPiece, from.size() - at));
    if (auto read = from.read(FileOffset(at), piece); !read) return read;
    if (auto written = to->write(FileOffset(offset + at), piece); !written) return written;
  }
  return {};
}

}  // namespace

Result<void> embed(const std::string& program, const std::string& snapshot, const std::string& output) {
  const auto executable = File::open(program);
  if (!executable) return tl::unexpected(executable.error());
  const auto image = File::open(snapshot);
  if (!image) return tl::unexpected(image.error());
  auto sections = read_sections(**executable);
  if (!sections) return tl::unexpected(sections.error());
  for (const Elf64_Shdr& section : sections->headers) {
    if (sections->name(section) == wire::kEmbeddedSection) {
      return fail(Code::bad_argument, "carries a snapshot already; embed into the program as it was linked", program);
    }
  }

  // Layout: the program, the snapshot, names, headers.
  Elf64_Shdr added = {};
  added.sh_name = static_cast<Elf64_Word>(sections->names.size());
  added.sh_type = SHT_PROGBITS;
  added.sh_addralign = (*image)->size() >= wire::kHugePageSize ? wire::kHugePageSize : wire::kPageSize;
  added.sh_offset = wire::round_up((*executable)->size(), added.sh_addralign);
  added.sh_size = (*image)->size();
  const std::string_view name = wire::kEmbeddedSection;
  sections->names.insert(sections->names.end(), name.begin(), name.end());
  sections->names.push_back('\0');
  const uint64_t names_offset = added.sh_offset + added.sh_size;
  Elf64_Shdr& names = sections->headers[sections->header.e_shstrndx];
  names.sh_offset = names_offset;
  names.sh_size = sections->names.size();
  sections->header.e_shoff = wire::round_up(names_offset + names.sh_size, alignof(Elf64_Shdr));
  sections->headers.push_back(added);  // from here on `names` leads nowhere
  sections->header.e_shnum = static_cast<Elf64_Half>(sections->headers.size());

  struct stat status = {};
  if (stat(program.c_str(), &status) != 0) return fail(Code::not_readable, "went away meanwhile", program);
  auto file = TemporaryFile::create(output);
  if (!file) return tl::unexpected(file.error());
  const std::span<const uint8_t> header(reinterpret_cast<const uint8_t*>(&sections->header), sizeof(Elf64_Ehdr));
  if (auto done = copy(**executable, 0, &*file); !done) return done;
  if (auto done = file->write(FileOffset(0), header); !done) return done;
  if (auto done = copy(**image, added.sh_offset, &*file); !done) return done;
  if (auto done = file->write(FileOffset(names_offset), bytes_of(&sections->names)); !done) return done;
  if (auto done = file->write(FileOffset(sections->header.e_shoff), bytes_of(&sections->headers)); !done) return done;
  return file->commit(status.st_mode & 0777);
}

}  // namespace fastboot::format
