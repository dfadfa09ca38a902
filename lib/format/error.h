// What goes wrong in lib/format, and the return type that carries it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "format/address.h"
#include "format/wire/codes.h"
#include "format/wire/error.h"

namespace fastboot::format {

// `message` says what was found, what was expected and what to do; it starts in lower case and has no full stop.
struct Error {
  wire::Code code = wire::Code::ok;
  std::string message;
  std::string file;                  // path as the caller gave it; empty: no file is meant
  std::string section;               // e.g. ".fastboot.targets"; empty: the file as a whole
  std::optional<FileOffset> offset;  // where in the file, if one place is meant

  // "FILE: section .fastboot.targets: MESSAGE", as tools print it after "tool: error: ".
  std::string describe() const;
};

template <class T>
using Result = tl::expected<T, Error>;

using Failure = tl::unexpected<Error>;

// An Error on its way out of a function.
Failure fail(wire::Code code, std::string message, std::string file = {}, std::string section = {},
             std::optional<FileOffset> offset = std::nullopt);
Failure fail(const wire::Error& error, std::string file);

// The enumerator's name: "hash_mismatch". It is as stable as the number.
std::string_view code_name(wire::Code code);

}  // namespace fastboot::format
