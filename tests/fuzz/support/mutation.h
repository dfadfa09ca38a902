// Changing numbers where numbers are, to numbers that matter.
#pragma once

#include "fuzz/support/input.h"

namespace fastboot::fuzz {

struct Pieces {
  std::vector<Piece> structures;  // headers and tables
  std::vector<Piece> contents;    // what they describe
  uint32_t contents_of_8;         // how many of eight mutations go there
};

class Mutation {
 public:
  Mutation(Bytes* file, unsigned seed, Pieces pieces)
      : file_(*file), random_(seed == 0 ? 1 : seed), pieces_(std::move(pieces)) {}

  void run();
  // Copies one of the pieces from another file.
  void take_from(const Bytes& other);
  // A random number below `limit`; 0 where that is 0.
  uint32_t below(uint64_t limit);

 private:
  void once();
  Piece any_piece();
  uint64_t interesting(uint64_t old);
  uint64_t another_word();
  void change_field();
  void scramble();
  void copy_record();
  void resize();

  Bytes& file_;
  Random random_;
  Pieces pieces_;
};

}  // namespace fastboot::fuzz
