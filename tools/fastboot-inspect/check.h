// --check: how far a file is what it says it is.
#pragma once

#include <string>
#include <vector>

#include "format/reader.h"

namespace fastboot::inspect {

// A part of the check, in the order of kCheckLevels.
struct CheckedPart {
  std::string name;      // "metadata", "data", "structure"
  bool checked = false;  // false: what comes before it is damaged, so that nothing could be said
  std::vector<format::Error> problems;
};

// What --check may be given. Each level includes those before it.
inline constexpr const char* kCheckLevels[] = {"metadata", "data", "structure"};

// Nothing, or what to tell the user about a level that is not known.
std::string unknown_level(const std::string& level);

// Checks the file up to `level`, one of kCheckLevels. Bounded memory; "data" and "structure" read the whole file.
std::vector<CheckedPart> check(const format::Reader& reader, const std::string& level);

}  // namespace fastboot::inspect
