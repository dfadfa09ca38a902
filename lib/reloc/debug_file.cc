#include "reloc/debug_file.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "format/reader.h"

namespace fastboot::reloc {

namespace {

// The name in .gnu_debuglink; empty: there is none. The check sum behind it does not matter, for the build-id must be
// right.
std::string linked_name(const Symbols& program) {
  for (const SectionBytes& section : program.sections()) {
    if (section.name != ".gnu_debuglink" || section.bytes.empty()) continue;
    const auto* start = reinterpret_cast<const char*>(section.bytes.data());
    std::string name(start, strnlen(start, section.bytes.size()));
    return name.find('/') == std::string::npos ? name : std::string();
  }
  return {};
}

std::vector<std::string> debug_directories() {
  const char* value = getenv("FASTBOOT_DEBUG");
  std::string_view rest = value == nullptr || *value == '\0' ? "/usr/lib/debug" : value;
  std::vector<std::string> result;
  while (!rest.empty()) {
    const size_t colon = std::min(rest.find(':'), rest.size());
    if (colon > 0) result.emplace_back(rest.substr(0, colon));
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return result;
}

std::vector<std::string> places_of(const Symbols& program) {
  std::vector<std::string> places;
  const std::vector<std::string> directories = debug_directories();
  if (const std::string name = linked_name(program); !name.empty()) {
    std::error_code trouble;
    const auto whole = std::filesystem::canonical(program.path(), trouble);
    const std::string beside = trouble ? "." : whole.parent_path().string();
    places.push_back(beside + "/" + name);
    places.push_back(beside + "/.debug/" + name);
    for (const std::string& directory : directories) places.push_back(fmt::format("{}{}/{}", directory, beside, name));
  }
  places.push_back(program.path() + ".debug");
  const std::string hex = format::to_hex(program.build_id().data(), program.build_id().size());
  if (hex.size() <= 2) return places;
  for (const std::string& directory : directories) {
    places.push_back(fmt::format("{}/.build-id/{}/{}.debug", directory, hex.substr(0, 2), hex.substr(2)));
  }
  return places;
}

}  // namespace

Result<Symbols> names_of(const Symbols& program) {
  if (program.has_symtab()) return program;
  for (const std::string& place : places_of(program)) {
    auto symbols = Symbols::read(place);
    if (symbols && symbols->has_symtab() && symbols->build_id() == program.build_id()) return symbols;
  }
  format::Error error = program.require_symtab().error();
  error.message +=
      "; its debug file was looked for beside it, and in the directories of FASTBOOT_DEBUG or /usr/lib/debug";
  return tl::unexpected(std::move(error));
}

}  // namespace fastboot::reloc
