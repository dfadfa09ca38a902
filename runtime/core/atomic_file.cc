#include "core/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/path.h"
#include "format/wire/unfinished.h"

namespace fastboot::runtime {

using wire::Code;
using wire::fail;

namespace {

constexpr unsigned kAttempts = 100;

Code code_for(int why) { return why == ENOSPC || why == EDQUOT ? Code::no_space : Code::write_failed; }

}  // namespace

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) close(fd_);
  if (named_) unlink(temporary_);
}

// The first one is the same for every writer of the path: what is left of one that was killed between giving this name
// and the final one is then taken away by the next.
void AtomicFile::temporary_name(unsigned attempt) {
  const int directory = static_cast<int>(file_name(path_) - path_);
  if (attempt == 0) {
    snprintf(temporary_, sizeof temporary_, "%.*s.%s%s", directory, path_, path_ + directory, wire::kUnfinishedEnding);
    return;
  }
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  snprintf(temporary_, sizeof temporary_, "%.*s.%s.%ld-%lx-%u.new", directory, path_, path_ + directory,
           static_cast<long>(getpid()), static_cast<unsigned long>(time.tv_nsec), attempt);
}

// Only where it can be given a name later: that goes by /proc.
bool AtomicFile::create_unnamed() {
  if (access("/proc/self/fd", X_OK) != 0) return false;
  fd_ = ::open(directory_, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
  if (fd_ >= 0) wire::mark_unfinished(fd_);
  return fd_ >= 0;
}

bool AtomicFile::create(const char* path, wire::Error* error) {
  if (strlen(path) >= sizeof path_)
    return fail(error, Code::bad_argument, "the path is longer than %zu bytes", sizeof path_);
  memcpy(path_, path, strlen(path) + 1);
  directory_of(path_, directory_, sizeof directory_);  // shorter than the path, or "."
  if (create_unnamed()) return true;
  for (unsigned attempt = 1; attempt < kAttempts && !named_; ++attempt) {
    temporary_name(attempt);
    fd_ = ::open(temporary_, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    named_ = fd_ >= 0;
    if (!named_ && errno != EEXIST) break;
  }
  return named_ || fail(error, code_for(errno), "cannot make a file in its directory: %s; the old file is untouched",
                        strerror(errno));
}

bool AtomicFile::write(uint64_t offset, const void* bytes, uint64_t size, wire::Error* error) {
  const auto* from = static_cast<const uint8_t*>(bytes);
  constexpr uint64_t kPiece = uint64_t{16} << 20;
  while (size != 0) {
    const uint64_t to_boundary = kPiece - offset % kPiece;
    const uint64_t want = size < to_boundary ? size : to_boundary;
    const ssize_t n = pwrite(fd_, from, want, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int why = n < 0 ? errno : ENOSPC;
      return fail(error, code_for(why), "cannot write %llu bytes at 0x%llx: %s; the old file is untouched",
                  static_cast<unsigned long long>(want), static_cast<unsigned long long>(offset), strerror(why));
    }
    from += n;
    offset += static_cast<uint64_t>(n);
    size -= static_cast<uint64_t>(n);
  }
  return true;
}

// A link cannot take the place of a file, so it goes by a name that is then changed. While another writer of the same
// path has that name, ours is one of our own.
int AtomicFile::place() {
  char self[64];
  snprintf(self, sizeof self, "/proc/self/fd/%d", fd_);
  bool own_name = false;
  for (unsigned attempt = 0; !named_; ++attempt) {
    temporary_name(own_name ? attempt : 0);
    named_ = linkat(AT_FDCWD, self, AT_FDCWD, temporary_, AT_SYMLINK_FOLLOW) == 0;
    if (named_) break;
    if (errno != EEXIST || attempt == kAttempts) return errno;
    own_name = attempt != 0 || !wire::remove_abandoned(temporary_);
  }
  if (rename(temporary_, path_) != 0) return errno;
  named_ = false;
  return 0;
}

bool AtomicFile::commit(uint64_t size, wire::Error* error) {
  if (ftruncate(fd_, static_cast<off_t>(size)) != 0 || fchmod(fd_, 0444) != 0 || fsync(fd_) != 0) {
    return fail(error, code_for(errno), "cannot finish it: %s; the old file is untouched", strerror(errno));
  }
  const int why = place();
  if (why != 0) {
    return fail(error, code_for(why), "cannot give it its name: %s; what was there before is untouched", strerror(why));
  }
  close(fd_);
  fd_ = -1;
  const int fd = ::open(directory_, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    fsync(fd);  // some filesystems cannot sync a directory; the file itself is safe
    close(fd);
  }
  return true;
}

}  // namespace fastboot::runtime
