// Where in an image a target is used: the way from a root to one of its closures.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "format/reader.h"

namespace fastboot::migrate {

struct Use {
  std::string root;               // its name
  std::vector<std::string> path;  // names of targets, from the root's closure to that of the target
};

// For each of `targets`, the first closure that is found breadth-first. Targets that no closure refers to (static
// roots, slow entries) have no entry; nor has any where the image is too large to be held in memory for this.
std::map<uint32_t, Use> trace(const format::Reader& reader, const std::set<uint32_t>& targets);

}  // namespace fastboot::migrate
