// What all writers of one path must agree on, in the runtime and in the tools. A finished file gets the temporary name
// .NAME.fastboot-new, which is then changed to NAME. Its writer holds a lock (flock) on it; so a file of that name that
// nobody has locked was left by a writer that was killed in between, and the next one removes it.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fastboot::wire {

inline constexpr char kUnfinishedEnding[] = ".fastboot-new";

// Of a file that has no name yet. Where locks do not work, nobody finds the file abandoned, for nobody can lock it.
inline void mark_unfinished(int descriptor) { flock(descriptor, LOCK_EX | LOCK_NB); }

// Whether a file of that name was left behind, and is gone now. False: it is being written, or cannot be removed.
// Nobody else removes it meanwhile, or puts another one there, for that needs the lock.
inline bool remove_abandoned(const char* name) {
  const int descriptor = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return false;
  struct stat opened, named;
  const bool removed = flock(descriptor, LOCK_EX | LOCK_NB) == 0 && fstat(descriptor, &opened) == 0 &&
                       lstat(name, &named) == 0 && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev &&
                       unlink(name) == 0;
  close(descriptor);
  return removed;
}

}  // namespace fastboot::wire
