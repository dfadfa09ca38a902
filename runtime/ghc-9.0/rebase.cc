#include "ghc-9.0/rebase.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/wire/hash.h"

namespace fastboot::ghc {

using wire::Code;
using wire::TableKind;
using wire::View;

namespace {

using ull = unsigned long long;

// A piece of the file in memory of our own.
class Piece {
 public:
  Piece() = default;
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;
  ~Piece() { free(data_); }

  bool read(int fd, uint64_t offset, uint64_t size, wire::Error* error) {
    data_ = static_cast<uint8_t*>(malloc(size == 0 ? 1 : size));
    if (data_ == nullptr) return fail(error, Code::out_of_memory, "no memory for its rebase stream");
    for (uint64_t got = 0; got < size;) {
      const ssize_t n = pread(fd, data_ + got, size - got, static_cast<off_t>(offset + got));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0)
        return fail(error, Code::not_readable, "cannot read its rebase stream: %s",
                    n < 0 ? strerror(errno) : "it ends early");
      got += static_cast<uint64_t>(n);
    }
    return true;
  }
  const uint8_t* data() const { return data_; }

 private:
  uint8_t* data_ = nullptr;
};

// A table of the cold segment, checked against its hashes.
class ColdTable {
 public:
  bool read(int fd, uint64_t base, const View& view, TableKind kind, wire::Error* error) {
    const wire::Table& table = view.table(kind);
    const wire::Table& hash_table = view.table(TableKind::chunk_hashes);
    const auto offset = [&](const wire::Table& of) {
      return base + view.cold.offset + (of.address - view.cold.address);
    };
    size_ = table.size;
    return (size_ == 0 || bytes_.read(fd, offset(table), size_, error)) &&
           hashes_.read(fd, offset(hash_table), hash_table.size, error) && check(view, kind, error);
  }
  const uint64_t* words() const { return reinterpret_cast<const uint64_t*>(bytes_.data()); }

 private:
  bool check(const View& view, TableKind kind, wire::Error* error) const {
    uint8_t hash[wire::kHashSize];
    wire::hash128(hashes_.data(), view.table(TableKind::chunk_hashes).size, hash);
    bool same = memcmp(hash, view.header->data_hash, wire::kHashSize) == 0;
    uint64_t chunk = wire::chunk_count(view.lazy.size) + wire::chunk_count(view.data.size);
    if (kind == TableKind::cross) chunk += wire::chunk_count(view.table(TableKind::rebase).size);
    for (uint64_t at = 0; same && at < size_; at += wire::kChunkSize, ++chunk) {
      wire::hash128(bytes_.data() + at, size_ - at < wire::kChunkSize ? size_ - at : wire::kChunkSize, hash);
      same = memcmp(hash, hashes_.data() + chunk * wire::kHashSize, wire::kHashSize) == 0;
    }
    return same ||
           fail(error, Code::hash_mismatch, "its %s does not match its hash: the file was damaged; freeze it again",
                kind == TableKind::cross ? "list of words that point into other images" : "rebase stream");
  }

  Piece bytes_;
  Piece hashes_;
  uint64_t size_ = 0;
};

// Calls `word` with each address that a stream names, until it gives false.
template <class Word>
bool each_word(const uint64_t* words, uint64_t count, wire::Error* error, const Word& word) {
  uint64_t next = 0;  // the word that an odd entry's first bit stands for
  for (uint64_t i = 0; i < count; ++i) {
    if ((words[i] & 1) == 0) {
      if (words[i] < next)
        return fail(error, Code::corrupt, "its rebase stream is not ascending at entry %llu", static_cast<ull>(i));
      if (!word(words[i])) return false;
      next = words[i] + 8;
      continue;
    }
    if (next == 0) return fail(error, Code::corrupt, "its rebase stream starts with a bitmap");
    for (uint64_t bits = words[i] >> 1; bits != 0; bits &= bits - 1) {
      if (!word(next + 8 * static_cast<uint64_t>(__builtin_ctzll(bits)))) return false;
    }
    next += 63 * 8;
  }
  return true;
}

// The word at image address `address`, in this process; nullptr: there is none.
uint64_t* word_of(const View& view, uint64_t delta, uint64_t address, wire::Error* error) {
  const auto in = [&](const wire::Segment& segment) {
    return address >= segment.address && segment.size >= 8 && address - segment.address <= segment.size - 8;
  };
  if (address % 8 == 0 && (in(view.data) || in(view.lazy))) return reinterpret_cast<uint64_t*>(address + delta);
  fail(error, Code::corrupt, "its rebase stream names word 0x%llx, outside the image", static_cast<ull>(address));
  return nullptr;
}

// A word that pointed to `*word` as expected points to where that is.
bool move(const Dependency& needed, uint64_t* word) {
  for (uint32_t i = 0; i < needed.part_count; ++i) {
    const Dependency::Part& part = needed.parts[i];
    if (*word < part.begin || *word - part.begin > part.size) continue;
    *word += part.delta;
    return true;
  }
  return false;
}

bool relocate_words(const View& view, const Dependency& needed, const wire::Needed& record, const ColdTable& cross,
                    uint64_t delta, uint64_t* relocations, wire::Error* error) {
  return each_word(cross.words() + record.cross_first, record.cross_count, error, [&](uint64_t address) {
    uint64_t* at = word_of(view, delta, address, error);
    if (at == nullptr) return false;
    ++*relocations;
    return move(needed, at) ||
           fail(error, Code::corrupt, "word 0x%llx holds 0x%llx, which is no address of %s; freeze it again",
                static_cast<ull>(address), static_cast<ull>(*at), view.string(record.name));
  });
}

}  // namespace

bool rebase_image(int fd, uint64_t base, const View& view, uint64_t delta, wire::Error* error) {
  ColdTable rebase;
  if (!rebase.read(fd, base, view, TableKind::rebase, error)) return false;
  const uint64_t begin = view.header->slot_address;
  const uint64_t end = view.data.address + view.data.size;
  return each_word(rebase.words(), view.table(TableKind::rebase).count, error, [&](uint64_t address) {
    uint64_t* at = word_of(view, delta, address, error);
    if (at == nullptr) return false;
    if (*at < begin || *at > end) {
      return fail(error, Code::corrupt, "word 0x%llx holds 0x%llx, which is no address of the image; freeze it again",
                  static_cast<ull>(address), static_cast<ull>(*at));
    }
    *at += delta;
    return true;
  });
}

bool relocate_cross(const runtime::SnapshotFile& file, const Dependency* needed, uint64_t delta, uint64_t* relocations,
                    wire::Error* error) {
  const View& view = file.view();
  auto* data = reinterpret_cast<void*>(view.data.address + delta);
  ColdTable cross;
  if (!cross.read(file.descriptor(), file.base(), view, TableKind::cross, error)) return false;
  if (mprotect(data, view.data.size, PROT_READ | PROT_WRITE) != 0) {
    return fail(error, Code::mapping_failed, "cannot make its data writable for a moment: %s", strerror(errno));
  }
  for (uint64_t i = 0; i < view.needed_count; ++i) {
    if (needed[i].in_place()) continue;
    if (!relocate_words(view, needed[i], view.needed[i], cross, delta, relocations, error)) return false;
  }
  return mprotect(data, view.data.size, PROT_READ) == 0 ||
         fail(error, Code::mapping_failed, "cannot protect its data: %s", strerror(errno));
}

bool apply_raw_references(const View& view, uint64_t delta, wire::Error* error) {
  const auto* link = reinterpret_cast<const uint64_t*>(view.link.address + delta);
  // The target of a raw reference is found by its symbol: targets of this kind have one each, or share an address.
  uint64_t target = 0;
  for (uint64_t i = view.target_count; i < view.rela_count; ++i) {
    const Elf64_Rela& rela = view.relas[i];
    const uint64_t symbol = ELF64_R_SYM(rela.r_info);
    if (target >= view.target_count || view.targets[target].symbol != symbol) {
      for (target = 0; target < view.target_count && view.targets[target].symbol != symbol; ++target) {
      }
      if (target == view.target_count) {
        return fail(error, Code::corrupt, "relocation %llu names a symbol that no target has", static_cast<ull>(i));
      }
    }
    auto* word = reinterpret_cast<uint64_t*>(rela.r_offset + delta);
    const uint64_t value = link[target] + static_cast<uint64_t>(rela.r_addend);
    if (*word == value) continue;
    const bool in_data = rela.r_offset >= view.data.address;
    auto* page = reinterpret_cast<void*>(reinterpret_cast<uint64_t>(word) & ~(wire::kPageSize - 1));
    if (in_data && mprotect(page, wire::kPageSize, PROT_READ | PROT_WRITE) != 0) {
      return fail(error, Code::mapping_failed, "cannot write a page of it: %s", strerror(errno));
    }
    *word = value;
    if (in_data && mprotect(page, wire::kPageSize, PROT_READ) != 0) {
      return fail(error, Code::mapping_failed, "cannot protect a page of it: %s", strerror(errno));
    }
  }
  return true;
}

}  // namespace fastboot::ghc
