// Parts of paths.
#pragma once

#include <cstddef>
#include <cstring>

namespace fastboot::runtime {

// What is behind the last slash. What is before it has file_name(path) - path bytes, slash included.
inline const char* file_name(const char* path) {
  const char* slash = strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

// The directory of `path`, "." where it names none, into `out`, which has room for `size` bytes; false: it is longer.
inline bool directory_of(const char* path, char* out, size_t size) {
  const auto before = static_cast<size_t>(file_name(path) - path);
  const size_t length = before <= 1 ? 1 : before - 1;
  if (length >= size) return false;
  memcpy(out, before == 0 ? "." : path, length);
  out[length] = '\0';
  return true;
}

}  // namespace fastboot::runtime
