// Whom to believe: who could have put a file where it is. docs/SECURITY.md says why it is asked in this way.
#pragma once

#include <sys/stat.h>

#include "format/wire/error.h"

namespace fastboot::runtime {

// Opens the file for reading, without following a symbolic link that somebody else made or could exchange. What is
// asked besides, FASTBOOT_TRUST says:
//   file       nothing, the default: only the file itself counts (trusted_file), and no system call is made for more
//   directory  that nobody else may write the file's directory
//   path       nor any directory above it
// Gives the descriptor, or the negative errno, or kRefused, and then fills *error (Code::untrusted).
inline constexpr int kRefused = -4096;
int open_trusted(const char* path, wire::Error* error);

// Whether an open file is a regular one of this user or root that nobody else may write.
bool trusted_file(const struct stat& status, wire::Error* error);

}  // namespace fastboot::runtime
