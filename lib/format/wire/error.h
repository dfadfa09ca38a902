// The error value of the freestanding code: a pinned code, a sentence, and where in the file.
#pragma once

#include <cstdarg>
#include <cstdint>
#include <cstdio>

#include "format/wire/codes.h"

namespace fastboot::wire {

// `message` starts in lower case and has no full stop. It says what was found, what was expected and, where the reader
// can do something about it, what to do. It does not name the file: callers put the path in front.
struct Error {
  Error() { message[0] = '\0'; }

  Code code = Code::ok;
  char message[3072];
};

// Fills `error` and returns false, so that a check reads `return fail(...)`. Cold: what leads here, the compiler moves
// out of the way of what does not.
[[gnu::cold, gnu::noinline, gnu::format(printf, 3, 4)]] inline bool fail(Error* error, Code code, const char* format,
                                                                         ...) {
  error->code = code;
  va_list args;
  va_start(args, format);
  vsnprintf(error->message, sizeof error->message, format, args);
  va_end(args);
  return false;
}

}  // namespace fastboot::wire
