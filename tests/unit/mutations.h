// Changes single bits of a sound snapshot, one at a time, and sees whether the structural check finds each.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fastboot::test {

struct Mutations {
  uint64_t made = 0;
  uint64_t found = 0;
  // Those that nothing can tell from what somebody meant: values that are no addresses, bytes of arrays.
  uint64_t undecidable = 0;
  std::vector<std::string> missed;  // what should have been found and was not, at most 20
};

// By what was changed: "header", "pointer", "number", "padding", "interior address", "value", "bytes",
// "block descriptor", "rebase stream", "between closures". Takes every `every`th place of each sort.
std::map<std::string, Mutations> mutate(const std::string& path, uint64_t every);

}  // namespace fastboot::test
