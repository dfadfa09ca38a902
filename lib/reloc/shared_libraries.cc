#include "reloc/shared_libraries.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <unordered_map>

#include "format/ghc_closures.h"
#include "format/wire/structs.h"

namespace fastboot::reloc {

namespace {

constexpr std::string_view kOfPackage = "libHS";
constexpr std::string_view kOfRts = "libHSrts";
constexpr std::string_view kInPlace = "-inplace";  // built by cabal beside the program

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// The constructor's info table that ends at `entry`; nothing: there is none.
std::optional<InfoTable> read_constructor(const Symbols& library, uint64_t entry) {
  constexpr uint64_t kWords = 24;
  const auto bytes = library.bytes_at(ModuleAddress(entry - kWords));
  if (bytes.size() < kWords) return std::nullopt;
  InfoTable table;
  int32_t description = 0;
  memcpy(&description, bytes.data(), sizeof description);
  memcpy(&table.layout, bytes.data() + 8, sizeof table.layout);
  memcpy(&table.type, bytes.data() + 16, sizeof table.type);
  memcpy(&table.srt, bytes.data() + 20, sizeof table.srt);
  if (!format::ghc::is_constructor(table.type)) return std::nullopt;
  const auto text = library.bytes_at(ModuleAddress(entry + static_cast<uint64_t>(int64_t{description})));
  const auto* end = static_cast<const uint8_t*>(text.empty() ? nullptr : memchr(text.data(), 0, text.size()));
  if (end == nullptr) return std::nullopt;
  table.description = {reinterpret_cast<const char*>(text.data()), static_cast<size_t>(end - text.data())};
  return table;
}

}  // namespace

bool is_library_name(std::string_view path) {
  const std::string_view name = file_name(path);
  return name.starts_with("lib") && name.find(".so") != std::string_view::npos;
}

struct SharedLibraries::Names {
  std::unordered_map<std::string_view, InfoTable> constructors;
  std::unordered_map<std::string_view, size_t> own;  // which library
};

SharedLibraries::SharedLibraries(const Symbols& program) {
  add_needed(program, {});
  auto names = std::make_shared<Names>();
  for (size_t i = 0; i < libraries_.size(); ++i) {
    const std::string_view file = file_name(libraries_[i].path());
    const bool own = !file.starts_with(kOfPackage) || file.find(kInPlace) != std::string_view::npos;
    for (const Symbol& symbol : libraries_[i].all()) {
      if (own && symbol.global) names->own.emplace(symbol.name, i);
      if (!symbol.name.ends_with("_con_info")) continue;
      if (const auto table = read_constructor(libraries_[i], symbol.address.value()))
        names->constructors.emplace(symbol.name, *table);
    }
  }
  names_ = std::move(names);
}

void SharedLibraries::add_needed(const Symbols& of, const std::vector<std::string>& more_places) {
  std::vector<std::string> places = of.library_path();
  places.insert(places.end(), more_places.begin(), more_places.end());
  for (const std::string& name : of.needed()) {
    if (std::find(asked_.begin(), asked_.end(), name) != asked_.end()) continue;
    asked_.push_back(name);
    for (const std::string& place : places) {
      const std::string path = fmt::format("{}/{}", place, name);
      std::error_code ignored;
      if (!std::filesystem::exists(path, ignored)) continue;
      auto symbols = Symbols::read(path);
      if (!symbols) break;
      libraries_.push_back(std::move(*symbols));
      const Symbols library = libraries_.back();
      add_needed(library, places);
      break;
    }
  }
}

std::optional<uint32_t> SharedLibraries::rts_way() const {
  for (const std::string& name : asked_) {
    if (!name.starts_with(kOfRts)) continue;
    // libHSrts_thr_debug-ghc9.0.2.so
    const std::string_view ways = std::string_view(name).substr(kOfRts.size(), name.find('-') - kOfRts.size());
    const auto has = [&](std::string_view way) {
      const size_t at = ways.find(way);
      return at != std::string_view::npos && (at + way.size() == ways.size() || ways[at + way.size()] == '_');
    };
    uint32_t way = wire::kWayDynamic;
    if (has("_thr")) way |= wire::kWayThreaded;
    if (has("_debug")) way |= wire::kWayDebug;
    if (has("_l")) way |= wire::kWayEventlog;
    if (has("_p")) way |= wire::kWayProfiled;
    return way;
  }
  return std::nullopt;
}

std::optional<InfoTable> SharedLibraries::constructor(std::string_view symbol) const {
  const auto found = names_->constructors.find(symbol);
  return found == names_->constructors.end() ? std::nullopt : std::optional(found->second);
}

const Symbols* SharedLibraries::own_library_of(std::string_view symbol) const {
  const auto found = names_->own.find(symbol);
  return found == names_->own.end() ? nullptr : &libraries_[found->second];
}

}  // namespace fastboot::reloc
