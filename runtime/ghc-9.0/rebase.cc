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

bool check_hashes(const View& view, const Piece& hashes, const Piece& stream, wire::Error* error) {
  const wire::Table& table = view.table(TableKind::chunk_hashes);
  uint8_t hash[wire::kHashSize];
  wire::hash128(hashes.data(), table.size, hash);
  bool same = memcmp(hash, view.header->data_hash, wire::kHashSize) == 0;
  const uint64_t size = view.table(TableKind::rebase).size;
  const uint8_t* expected =
      hashes.data() + (wire::chunk_count(view.lazy.size) + wire::chunk_count(view.data.size)) * wire::kHashSize;
  for (uint64_t at = 0; same && at < size; at += wire::kChunkSize) {
    wire::hash128(stream.data() + at, size - at < wire::kChunkSize ? size - at : wire::kChunkSize, hash);
    same = memcmp(hash, expected + at / wire::kChunkSize * wire::kHashSize, wire::kHashSize) == 0;
  }
  return same || fail(error, Code::hash_mismatch,
                      "its rebase stream does not match its hash: the file was damaged; freeze it again");
}

struct Rebaser {
  const View& view;
  uint64_t delta;
  uint64_t image_begin, image_end;  // image addresses that words may hold

  bool in(const wire::Segment& segment, uint64_t address) const {
    return address >= segment.address && address - segment.address <= segment.size - 8 && segment.size >= 8;
  }
  bool word(uint64_t address, wire::Error* error) const {
    if (address % 8 != 0 || !(in(view.data, address) || in(view.lazy, address))) {
      return fail(error, Code::corrupt, "its rebase stream names word 0x%llx, outside the image",
                  static_cast<ull>(address));
    }
    auto* at = reinterpret_cast<uint64_t*>(address + delta);
    if (*at < image_begin || *at > image_end) {
      return fail(error, Code::corrupt, "word 0x%llx holds 0x%llx, which is no address of the image; freeze it again",
                  static_cast<ull>(address), static_cast<ull>(*at));
    }
    *at += delta;
    return true;
  }
};

}  // namespace

bool rebase_image(int fd, uint64_t base, const View& view, uint64_t delta, wire::Error* error) {
  const wire::Table& rebase = view.table(TableKind::rebase);
  const wire::Table& hash_table = view.table(TableKind::chunk_hashes);
  Piece stream;
  Piece hashes;
  if (!stream.read(fd, base + view.cold.offset, rebase.size, error) ||
      !hashes.read(fd, base + view.cold.offset + (hash_table.address - view.cold.address), hash_table.size, error) ||
      !check_hashes(view, hashes, stream, error)) {
    return false;
  }
  const Rebaser rebaser = {view, delta, view.header->slot_address, view.data.address + view.data.size};
  const auto* words = reinterpret_cast<const uint64_t*>(stream.data());
  uint64_t next = 0;  // the word that an odd entry's first bit stands for
  for (uint64_t i = 0; i < rebase.count; ++i) {
    if ((words[i] & 1) == 0) {
      if (words[i] < next)
        return fail(error, Code::corrupt, "its rebase stream is not ascending at entry %llu", static_cast<ull>(i));
      if (!rebaser.word(words[i], error)) return false;
      next = words[i] + 8;
      continue;
    }
    if (next == 0) return fail(error, Code::corrupt, "its rebase stream starts with a bitmap");
    for (uint64_t bits = words[i] >> 1; bits != 0; bits &= bits - 1) {
      if (!rebaser.word(next + 8 * static_cast<uint64_t>(__builtin_ctzll(bits)), error)) return false;
    }
    next += 63 * 8;
  }
  return true;
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
