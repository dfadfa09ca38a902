#include "fastboot-freeze/capture.h"

#include <fmt/format.h>
#include <sys/stat.h>

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
  std::string path = std::string(absolute) + "/.fastboot-freeze.XXXXXX";
  free(absolute);
  if (path.size() > kLongestDirectory) {
    return fail(
        Code::bad_argument,
        fmt::format("its directory's path has {} bytes, at most {} can be used", path.size(), kLongestDirectory),
        output);
  }
  if (mkdtemp(path.data()) == nullptr) {
    const Code code = errno == ENOSPC || errno == EDQUOT ? Code::no_space : Code::write_failed;
    return fail(code,
                fmt::format("cannot make a temporary directory beside it: {}; what was there before is unchanged",
                            strerror(errno)),
                output);
  }
  return CaptureDirectory(std::move(path));
}

CaptureDirectory::~CaptureDirectory() {
  if (path_.empty()) return;
  std::error_code ignored;  // nobody can do better than we did
  fs::remove_all(path_, ignored);
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
