// Where the numbers of a snapshot are, as far as a file that may be damaged tells; and its hashes, made right.
#pragma once

#include "format/wire/structs.h"
#include "fuzz/support/input.h"

namespace fastboot::fuzz {

inline constexpr size_t kNoteBeforeHeader = sizeof(Elf64_Nhdr) + 12;  // note header, owner

// File offset of the header, by its note's owner; 0: nowhere.
size_t header_offset(const Bytes& file);

class Anatomy {
 public:
  explicit Anatomy(const Bytes& file);

  const wire::Header* header() const { return header_at_ == 0 ? nullptr : &header_; }
  size_t header_at() const { return header_at_; }
  const std::vector<Piece>& pieces() const { return pieces_; }  // of the metadata and the streams
  const std::vector<Piece>& heap() const { return heap_; }      // what is not zero of lazy and data
  // File offset of an image address; past the end where there is none.
  uint64_t offset_of(uint64_t address) const;

 private:
  void add(uint64_t offset, uint64_t size);
  void add_heap(uint64_t offset, uint64_t size);

  const Bytes& file_;
  size_t header_at_ = 0;
  wire::Header header_ = {};
  std::vector<Piece> pieces_, heap_;
};

// Chunk hashes and data hash, content id, and metadata hash as they should be, as far as there is a header.
void seal(Bytes* file, bool data, bool content);

}  // namespace fastboot::fuzz
