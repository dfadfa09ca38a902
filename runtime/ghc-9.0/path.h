// From the root to a refused closure, in words.
#pragma once

#include "ghc-9.0/walk.h"

namespace fastboot::ghc {

// Finds a shortest way from the root to the word that holds the pointer to the refused closure, through what has been
// copied so far, and writes it: "root > Data.Map.Internal.Bin field 2 > ...". Fields are counted from 1 among the
// pointers.
class PathFinder {
 public:
  explicit PathFinder(Walker* walker) : walker_(*walker) {}
  void describe(char* out, uint64_t size);

 private:
  struct Step {
    Offset closure;
    uint32_t parent;  // index of the step that leads here; its own: a root
    uint32_t field;   // of the parent
  };
  bool find(uint32_t* last, uint32_t* field);
  bool visit_fields(uint32_t step, uint32_t* field);
  bool visit_word(uint32_t step, Offset slot, uint32_t field, bool* found);
  void write_step(const Step& step, uint32_t field, char* out, uint64_t size);

  Walker& walker_;
  runtime::Reservation seen_;     // a bit for each word: closures that were reached
  runtime::Reservation pending_;  // a bit for each word: still holds the program's pointer
  runtime::ReservedArray<Step> steps_;
};

}  // namespace fastboot::ghc
