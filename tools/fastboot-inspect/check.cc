#include "fastboot-inspect/check.h"

#include <algorithm>

#include "common/command_line.h"
#include "format/structure.h"

namespace fastboot::inspect {

namespace {
constexpr size_t kMostProblems = 20;  // of each part
}

std::string unknown_level(const std::string& level) {
  const std::vector<std::string> levels(std::begin(kCheckLevels), std::end(kCheckLevels));
  if (std::find(levels.begin(), levels.end(), level) != levels.end()) return {};
  const auto near = tools::nearest(level, levels);
  return fmt::format("--check takes metadata, data or structure, and not '{}'{}", level,
                     near ? fmt::format("; did you mean '{}'?", *near) : "");
}

namespace {
std::vector<format::Error> problems_of(const format::Reader& reader, const std::string& level) {
  if (level == "metadata") return format::validate_metadata(reader, kMostProblems);
  if (level == "data") return format::validate_data(reader, kMostProblems);
  return format::check_structure(reader, kMostProblems);
}
}  // namespace

std::vector<CheckedPart> check(const format::Reader& reader, const std::string& level) {
  std::vector<CheckedPart> parts;
  bool sound = true;
  for (const char* const name : kCheckLevels) {
    CheckedPart part{name, sound, {}};
    if (sound) {
      part.problems = problems_of(reader, part.name);
    }
    sound = sound && part.problems.empty();
    parts.push_back(std::move(part));
    if (name == level) break;
  }
  return parts;
}

}  // namespace fastboot::inspect
