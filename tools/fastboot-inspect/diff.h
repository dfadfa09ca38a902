// --diff: what differs between two snapshots, wherever their closures lie.
//
// Roots of one name are compared closure by closure, in step, from the roots outwards. Two closures are the same if
// they are of the same constructor or code, hold the same numbers and bytes, and lead to the same; addresses do not
// count, nor does sharing. Pairs that were compared once are put into one class by union and find (Hopcroft and Karp's
// test of automata), so that cycles end and the work is by the number of closures, however they share.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fastboot-inspect/analysis.h"
#include "format/closure_graph.h"

namespace fastboot::inspect {

class Diff : public Analysis {
 public:
  static format::Result<Diff> make(const format::Reader& older, const format::Reader& newer);
  void text(tools::Output* out) const override;
  void json(tools::Json* json) const override;
  bool differs() const;

 private:
  friend class Comparison;
  enum class Fate { same, changed, retyped, added, removed };
  struct Root {
    std::string name;
    Fate fate = Fate::same;
    std::string old_type, new_type;  // empty: it has not this root
    uint64_t places = 0;             // where closures differ
  };
  struct Target {
    std::string name;
    uint64_t old_closures = 0, new_closures = 0;
    bool in_old = false, in_new = false;
  };
  // A pair of closures that differ, though what leads to them is the same.
  struct Place {
    std::string root;
    std::string path;  // "Bin field 4 > Bin field 3"
    format::ImageAddress old_address, new_address;
    std::string old_value, new_value;
  };

  std::string older_, newer_;
  uint64_t old_closures_ = 0, new_closures_ = 0;
  uint64_t same_ = 0;  // closures of the newer one that were found to be as in the older
  std::vector<Root> roots_;
  std::vector<Target> targets_;  // that are in one only, or have another number of closures
  std::vector<Place> places_;    // the nearest to the roots, at most kMostPlaces
  uint64_t place_count_ = 0;
  static constexpr size_t kMostPlaces = 20;
};

}  // namespace fastboot::inspect
