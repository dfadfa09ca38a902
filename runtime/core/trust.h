// Whom to believe: who could have put a file where it is. docs/SECURITY.md says why it is asked in this way.
#pragma once

#include <sys/stat.h>

#include "format/wire/error.h"

namespace fastboot::runtime {

// Opens the file for reading, if nobody but this user or root can have put it there: without following a symbolic link
// that somebody else made, and from a directory that nobody else may write. FASTBOOT_TRUST says how far that is asked:
//   file       not at all: only the file itself counts (see trusted_file)
//   directory  the file's directory, and those of the links that lead to it; the default: one system call
//   path       these and all directories above them; always so in programs that run with another user's rights
// Gives the descriptor, or the negative errno, or kRefused, and then fills *error (Code::untrusted).
inline constexpr int kRefused = -4096;
int open_trusted(const char* path, wire::Error* error);

// Whether an open file is a regular one of this user or root that nobody else may write.
bool trusted_file(const struct stat& status, wire::Error* error);

}  // namespace fastboot::runtime
