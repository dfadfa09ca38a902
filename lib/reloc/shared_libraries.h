// The shared libraries of Haskell packages, and of the program itself, that one linked with -dynamic is started with:
// GHC's runtime system, base, ... Others (libc, libgmp) hold nothing that images refer to.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reloc/info_table.h"
#include "reloc/symbols.h"

namespace fastboot::reloc {

// Is this the file name of a shared library (lib*.so, with anything behind it), and not a program?
bool is_library_name(std::string_view path);

class SharedLibraries {
 public:
  // Found as the dynamic linker does, but for LD_LIBRARY_PATH. One that is not found, or cannot be read, is left out.
  // None for a program that is linked statically.
  explicit SharedLibraries(const Symbols& program);

  const std::vector<Symbols>& all() const { return libraries_; }
  // The RTS's, by its name: wire::RtsWay; nothing: the program has none in a library.
  std::optional<uint32_t> rts_way() const;
  // The info table of a constructor by its symbol ("..._con_info"). Texts in it live as long as this.
  std::optional<InfoTable> constructor(std::string_view symbol) const;
  // Which of the program's own libraries (not of installed packages) has this symbol; nullptr: none.
  const Symbols* own_library_of(std::string_view symbol) const;

 private:
  void add_needed(const Symbols& of, const std::vector<std::string>& more_places);

  std::vector<Symbols> libraries_;
  std::vector<std::string> asked_;  // names
  struct Names;
  std::shared_ptr<const Names> names_;
};

}  // namespace fastboot::reloc
