#include "core/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/path.h"
#include "core/system_calls.h"
#include "format/wire/placement_of_code.h"

namespace fastboot::runtime {

using wire::Code;
using wire::Error;
using wire::fail;

namespace {

enum class Policy { file, directory, path };

// The environment can only ask for more than the least, so it does not matter who made it.
FASTBOOT_EVERY_THAW Policy policy() {
  const char* value = getenv("FASTBOOT_TRUST");
  if (value == nullptr || value[0] == '\0' || strcmp(value, "file") == 0) return Policy::file;
  return strcmp(value, "directory") == 0 ? Policy::directory : Policy::path;
}

FASTBOOT_EVERY_THAW bool ours(uid_t user) { return user == 0 || user == sys::user_id(); }

// May others make, rename or remove files in this directory? In a sticky one, not those of other people. A group is
// taken for the user's private one where both have the same number, as useradd makes them; who is in it is not looked
// up: that would load what the system's user database needs.
bool others_may_write(const struct stat& status) {
  if ((status.st_mode & S_ISVTX) != 0) return false;
  if ((status.st_mode & S_IWOTH) != 0) return true;
  return (status.st_mode & S_IWGRP) != 0 && !(status.st_gid == geteuid() && status.st_gid == getegid());
}

bool check_directory(const char* directory, struct stat* status, Error* error) {
  if (stat(directory, status) != 0)
    return fail(error, Code::untrusted, "its directory %.1000s cannot be looked at: %s", directory, strerror(errno));
  if (!ours(status->st_uid)) {
    return fail(
        error, Code::untrusted,
        "its directory %.1000s belongs to user %u, who could put another file in its place; expected user %u or "
        "root: freeze it again, into a directory of this user's (docs/SECURITY.md)",
        directory, status->st_uid, geteuid());
  }
  if (others_may_write(*status)) {
    return fail(error, Code::untrusted,
                "its directory %.1000s has mode %04o and group %u, so others could put another file in its place: "
                "chmod go-w it, or freeze it again into another one (docs/SECURITY.md)",
                directory, static_cast<unsigned>(status->st_mode & 07777), status->st_gid);
  }
  return true;
}

bool same(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

// All directories above `directory`, which has room for PATH_MAX bytes.
bool check_ancestors(char* directory, struct stat status, Error* error) {
  struct stat root;
  if (stat("/", &root) != 0) return fail(error, Code::untrusted, "/ cannot be looked at: %s", strerror(errno));
  for (size_t size = strlen(directory); !same(status, root); size += 3) {
    if (size + 4 > PATH_MAX) return fail(error, Code::untrusted, "its path is too deep to be checked");
    memcpy(directory + size, "/..", 4);
    if (!check_directory(directory, &status, error)) return false;
  }
  return true;
}

// Apart, for its memory: each page of the stack that is touched for the first time costs as much as a system call.
[[gnu::noinline]] bool check_whole_path(const char* path, bool ancestors, Error* error) {
  char directory[PATH_MAX];
  struct stat status;
  if (!directory_of(path, directory, sizeof directory)) return fail(error, Code::untrusted, "its path is too long");
  return check_directory(directory, &status, error) && (!ancestors || check_ancestors(directory, status, error));
}

bool check_place(const char* path, Policy policy, Error* error) {
  char directory[256];
  struct stat status;
  if (policy == Policy::file) return true;
  if (policy == Policy::path || !directory_of(path, directory, sizeof directory))
    return check_whole_path(path, policy == Policy::path, error);
  return check_directory(directory, &status, error);
}

// Replaces `path` by what the link there says. False: it is no link, or one that is not to be followed.
bool follow(char* path, Error* error) {
  char target[PATH_MAX];
  struct stat link;
  if (lstat(path, &link) != 0 || !S_ISLNK(link.st_mode))
    return fail(error, Code::untrusted, "it changed while it was opened; try again");
  if (!ours(link.st_uid)) {
    return fail(
        error, Code::untrusted,
        "%.1000s is a symbolic link of user %u; expected one of user %u or root: remove it, and freeze it again", path,
        link.st_uid, geteuid());
  }
  const ssize_t size = readlink(path, target, sizeof target - 1);
  if (size <= 0) return fail(error, Code::untrusted, "its symbolic link cannot be read: %s", strerror(errno));
  target[size] = '\0';
  char* const slash = strrchr(path, '/');
  char* const base = target[0] == '/' || slash == nullptr ? path : slash + 1;
  if (static_cast<size_t>(base - path) + static_cast<size_t>(size) >= PATH_MAX)
    return fail(error, Code::untrusted, "its symbolic link leads to a path that is too long");
  memcpy(base, target, static_cast<size_t>(size) + 1);
  return true;
}

FASTBOOT_EVERY_THAW int open_no_link(const char* path) {
  // O_NONBLOCK: a FIFO in the file's place must not make us wait.
  return static_cast<int>(sys::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
}

// Link by link, each judged by its owner and its directory, at the least: a link costs system calls anyway.
[[gnu::noinline]] int open_by_links(const char* path, Policy policy, Error* error) {
  constexpr int kMostLinks = 40;  // as the kernel's own limit
  if (policy == Policy::file) policy = Policy::directory;
  char at[PATH_MAX];
  if (strlen(path) >= sizeof at) return -ENAMETOOLONG;
  memcpy(at, path, strlen(path) + 1);
  for (int links = 0; links < kMostLinks; ++links) {
    if (!check_place(at, policy, error) || !follow(at, error)) return kRefused;
    const int fd = open_no_link(at);
    if (fd == -ELOOP) continue;
    if (fd < 0 || check_place(at, policy, error)) return fd;
    close(fd);
    return kRefused;
  }
  return -ELOOP;
}

}  // namespace

FASTBOOT_EVERY_THAW int open_trusted(const char* path, Error* error) {
  const Policy how = policy();
  const int fd = open_no_link(path);
  if (fd == -ELOOP) return open_by_links(path, how, error);
  if (fd < 0 || how == Policy::file || check_place(path, how, error)) return fd;
  close(fd);
  return kRefused;
}

FASTBOOT_EVERY_THAW bool trusted_file(const struct stat& status, Error* error) {
  if (!S_ISREG(status.st_mode))
    return fail(error, Code::not_regular, "not a regular file, and a snapshot is one; give the path of a snapshot");
  if (!ours(status.st_uid)) {
    return fail(
        error, Code::untrusted,
        "it belongs to user %u; a snapshot is as powerful as a program, so only one of user %u or root is thawed: "
        "freeze it again as this user",
        status.st_uid, geteuid());
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(
        error, Code::untrusted,
        "its mode is %04o, so others may write it; a snapshot is as powerful as a program: chmod go-w it if it is "
        "yours, or freeze it again",
        static_cast<unsigned>(status.st_mode & 07777));
  }
  return true;
}

}  // namespace fastboot::runtime
