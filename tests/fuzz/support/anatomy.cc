#include "fuzz/support/anatomy.h"

#include <algorithm>
#include <cstring>

#include "format/wire/hash.h"
#include "format/wire/parse.h"

namespace fastboot::fuzz {

using wire::Header;
using wire::Table;
using wire::TableKind;

size_t header_offset(const Bytes& file) {
  const size_t end = std::min<size_t>(file.size(), wire::kProbeSize);
  for (size_t at = sizeof(Elf64_Ehdr); at + kNoteBeforeHeader + sizeof(Header) <= end; at += 8) {
    Elf64_Nhdr note;
    memcpy(&note, file.data() + at, sizeof note);
    if (note.n_type == wire::kNoteType &&
        memcmp(file.data() + at + sizeof note, wire::kNoteOwner, sizeof wire::kNoteOwner) == 0) {
      return at + kNoteBeforeHeader;
    }
  }
  return 0;
}

Anatomy::Anatomy(const Bytes& file) : file_(file) {
  add(0, sizeof(Elf64_Ehdr));
  add(sizeof(Elf64_Ehdr), 10 * sizeof(Elf64_Phdr));
  header_at_ = header_offset(file);
  if (header_at_ == 0) return;
  memcpy(&header_, file.data() + header_at_, sizeof header_);
  add(header_at_ - kNoteBeforeHeader - 36, kNoteBeforeHeader + 36);
  add(header_at_, offsetof(Header, tables));
  add(header_at_ + offsetof(Header, tables), sizeof header_.tables);
  // A signature, where there is one, is the next note.
  const size_t signature = header_at_ + sizeof(Header);
  if (signature + kNoteBeforeHeader + sizeof(wire::Signature) <= wire::kProbeSize && signature < file.size() &&
      file[signature] == sizeof wire::kNoteOwner) {
    add(signature, kNoteBeforeHeader + sizeof(wire::Signature));
  }
  for (const Table& table : header_.tables) {
    const auto kind = static_cast<TableKind>(table.kind);
    if (kind == TableKind::link_table || kind == TableKind::info) continue;
    const size_t before = pieces_.size();
    const uint64_t at = offset_of(table.address);
    add(at, table.size);
    if (kind != TableKind::lazy && kind != TableKind::data) continue;
    pieces_.resize(before);
    add_heap(at, table.size);
  }
}

uint64_t Anatomy::offset_of(uint64_t address) const {
  for (size_t i = 0; i < 10; ++i) {
    Elf64_Phdr phdr;
    const size_t at = sizeof(Elf64_Ehdr) + i * sizeof phdr;
    if (at + sizeof phdr > file_.size()) break;
    memcpy(&phdr, file_.data() + at, sizeof phdr);
    if (phdr.p_type == PT_LOAD && address >= phdr.p_vaddr && address - phdr.p_vaddr < phdr.p_memsz) {
      return phdr.p_offset + (address - phdr.p_vaddr);
    }
  }
  return ~uint64_t{0};
}

void Anatomy::add(uint64_t offset, uint64_t size) {
  if (offset >= file_.size() || size == 0) return;
  pieces_.push_back({offset, std::min<size_t>(size, file_.size() - offset)});
}
// What is not zero: descriptors, and closures.
void Anatomy::add_heap(uint64_t offset, uint64_t size) {
  constexpr size_t kStep = 64;
  for (uint64_t at = offset; at < file_.size() && at - offset < size; at += kStep) {
    const size_t end = std::min<size_t>(file_.size(), at + kStep);
    if (any_byte(file_, at, end)) heap_.push_back({at, end - at});
  }
}

namespace {

void write_hash(Bytes* file, uint64_t at, const uint8_t* bytes, uint64_t size) {
  if (at <= file->size() && wire::kHashSize <= file->size() - at) wire::hash128(bytes, size, file->data() + at);
}

void seal_data(Bytes* file, const Anatomy& anatomy) {
  const auto& table = [&](TableKind kind) -> const Table& {
    return anatomy.header()->tables[static_cast<uint32_t>(kind) - 1];
  };
  const Table& hashes = table(TableKind::chunk_hashes);
  const uint64_t out = anatomy.offset_of(hashes.address);
  if (out >= file->size() || hashes.size > file->size() - out) return;
  uint64_t next = out;
  for (const TableKind kind : {TableKind::lazy, TableKind::data, TableKind::rebase, TableKind::cross}) {
    const uint64_t at = anatomy.offset_of(table(kind).address), size = table(kind).size;
    if (size == 0) continue;
    if (at >= file->size() || size > file->size() - at) return;
    for (uint64_t chunk = 0; chunk < size && next - out < hashes.size;
         chunk += wire::kChunkSize, next += wire::kHashSize) {
      write_hash(file, next, file->data() + at + chunk, std::min(wire::kChunkSize, size - chunk));
    }
  }
  write_hash(file, anatomy.header_at() + offsetof(Header, data_hash), file->data() + out, hashes.size);
}

}  // namespace

void seal(Bytes* file, bool data, bool content) {
  const Anatomy anatomy(*file);
  if (anatomy.header() == nullptr) return;
  if (data) seal_data(file, anatomy);
  wire::View view;
  wire::Error ignored;
  const uint64_t hot = anatomy.header()->hot_size;
  if (hot > file->size() || hot < anatomy.header_at() + sizeof(Header)) return;
  if (content && wire::parse(file->data(), file->size(), file->size(), false, &view, &ignored)) {
    const auto at = static_cast<size_t>(reinterpret_cast<const uint8_t*>(view.header) - file->data());
    uint8_t id[wire::kContentIdSize];
    wire::content_id(view, id);
    memcpy(file->data() + at + offsetof(Header, content_id), id, sizeof id);
    if (at >= kNoteBeforeHeader + sizeof id)
      memcpy(file->data() + at - kNoteBeforeHeader - sizeof id, id, sizeof id);  // the GNU build-id
  }
  uint8_t hash[wire::kHashSize];
  wire::metadata_hash(file->data(), hot, anatomy.header_at(), hash);
  memcpy(file->data() + anatomy.header_at() + offsetof(Header, metadata_hash), hash, sizeof hash);
}

}  // namespace fastboot::fuzz
