#include "fastboot-freeze/capture.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace fastboot::freeze {

using format::fail;
using wire::Code;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kImageEnding = ".snap";
constexpr std::string_view kFailureEnding = ".error";
// The runtime writes DIRECTORY/NAME.snap, with more at its end while it writes, in 4096 bytes; a name may have 255.
constexpr size_t kLongestDirectory = 3600;
constexpr std::string_view kPrefix = ".fastboot-freeze.";

// The directory, open and locked. -1: somebody else has the lock, or it cannot be had at all (*impossible).
int lock_directory(const std::string& path, bool* impossible) {
  const int directory = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  *impossible = directory < 0;
  if (directory < 0) return -1;
  if (flock(directory, LOCK_EX | LOCK_NB) == 0) return directory;
  *impossible = errno != EWOULDBLOCK;
  close(directory);
  return -1;
}

// Whoever is at work has the lock of its directory.
void remove_abandoned(const std::string& place) {
  std::error_code ignored;
  for (auto entry = fs::directory_iterator(place, ignored); entry != fs::directory_iterator();
       entry.increment(ignored)) {
    struct stat status = {};
    const std::string path = entry->path().string();
    if (!entry->path().filename().string().starts_with(kPrefix)) continue;
    if (lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid()) continue;
    bool impossible = false;
    const int lock = lock_directory(path, &impossible);
    if (lock < 0) continue;
    fs::remove_all(path, ignored);
    close(lock);
  }
}

// A fresh directory, locked unless that is impossible; empty: it cannot be made. Between making and locking it another
// process may take it for an abandoned one: then it is gone, and the next try makes another.
std::pair<std::string, int> make_locked(const std::string& place) {
  constexpr int kAttempts = 10;
  std::string path;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    path = fmt::format("{}/{}XXXXXX", place, kPrefix);
    if (mkdtemp(path.data()) == nullptr) return {};
    bool impossible = false;
    const int lock = lock_directory(path, &impossible);
    struct stat named = {};
    struct stat held = {};
    const bool there = stat(path.c_str(), &named) == 0;
    if (there && impossible) return {path, -1};
    if (lock >= 0 && there && fstat(lock, &held) == 0 && named.st_ino == held.st_ino) return {path, lock};
    if (lock >= 0) close(lock);
  }
  return {path, -1};
}

}  // namespace

format::Result<CaptureDirectory> CaptureDirectory::create(const std::string& output) {
  const size_t slash = output.rfind('/');
  if (slash != std::string::npos && slash + 1 == output.size())
    return fail(Code::bad_argument, "names a directory, expected a file to write", output);
  struct stat status = {};
  if (stat(output.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    return fail(Code::bad_argument, "exists and is not a regular file; name another one with -o", output);
  }
  const std::string directory = slash == std::string::npos ? "." : output.substr(0, slash + 1);
  char* const absolute = realpath(directory.c_str(), nullptr);
  if (absolute == nullptr)
    return fail(Code::write_failed, fmt::format("cannot write to its directory: {}", strerror(errno)), output);
  const std::string place = absolute;
  free(absolute);
  if (place.size() + kPrefix.size() > kLongestDirectory) {
    return fail(
        Code::bad_argument,
        fmt::format("its directory's path has {} bytes, at most {} can be used", place.size(), kLongestDirectory),
        output);
  }
  remove_abandoned(place);
  auto [path, lock] = make_locked(place);
  if (path.empty()) {
    const Code code = errno == ENOSPC || errno == EDQUOT ? Code::no_space : Code::write_failed;
    return fail(code,
                fmt::format("cannot make a temporary directory beside it: {}; what was there before is unchanged",
                            strerror(errno)),
                output);
  }
  return CaptureDirectory(std::move(path), lock);
}

CaptureDirectory::~CaptureDirectory() {
  std::error_code ignored;  // nobody can do better than we did
  if (!path_.empty()) fs::remove_all(path_, ignored);
  if (lock_ >= 0) close(lock_);
}

std::vector<Captured> CaptureDirectory::files(std::string_view ending) const {
  std::vector<Captured> found;
  std::error_code ignored;
  for (auto entry = fs::directory_iterator(path_, ignored); entry != fs::directory_iterator();
       entry.increment(ignored)) {
    const std::string name = entry->path().filename().string();
    // Others are what a killed writer left.
    if (!name.ends_with(ending) || !entry->is_regular_file(ignored)) continue;
    found.push_back({name.substr(0, name.size() - ending.size()), entry->path().string()});
  }
  std::sort(found.begin(), found.end(), [](const Captured& a, const Captured& b) { return a.image < b.image; });
  return found;
}

std::vector<Captured> CaptureDirectory::images() const { return files(kImageEnding); }

std::vector<NotCaptured> CaptureDirectory::failures() const {
  std::vector<NotCaptured> found;
  for (const Captured& file : files(kFailureEnding)) {
    std::string message;
    std::getline(std::ifstream(file.path), message);
    found.push_back({file.image, message.empty() ? "no message came with it" : message});
  }
  return found;
}

}  // namespace fastboot::freeze
