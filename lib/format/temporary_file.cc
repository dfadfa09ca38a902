#include "format/temporary_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "format/wire/unfinished.h"

namespace fastboot::format {

using wire::Code;

namespace {

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// DIRECTORY/.NAMEending
std::string hidden(const std::string& path, std::string_view ending) {
  const size_t slash = path.rfind('/');
  const size_t base = slash == std::string::npos ? 0 : slash + 1;
  return fmt::format("{}.{}{}", path.substr(0, base), path.substr(base), ending);
}

// Only where it can be given a name later: that goes by /proc.
int open_unnamed(const std::string& path) {
  if (access("/proc/self/fd", X_OK) != 0) return -1;
  const int descriptor = ::open(directory_of(path).c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
  if (descriptor >= 0) wire::mark_unfinished(descriptor);
  return descriptor;
}

Failure write_failure(const std::string& path, const char* what, int error) {
  const Code code = error == ENOSPC || error == EDQUOT ? Code::no_space : Code::write_failed;
  return fail(code, fmt::format("{}: {}; what was there before is unchanged", what, strerror(error)), path);
}

}  // namespace

Failure TemporaryFile::failure(const char* what, int error) const { return write_failure(path_, what, error); }

Result<TemporaryFile> TemporaryFile::create(const std::string& path) {
  const size_t slash = path.rfind('/');
  const size_t base = slash == std::string::npos ? 0 : slash + 1;
  if (base == path.size()) return fail(Code::bad_argument, "is not a file name", path);
  if (const int unnamed = open_unnamed(path); unnamed >= 0) return TemporaryFile(unnamed, {}, path);
  std::string name = hidden(path, ".XXXXXX");
  const int descriptor = mkostemp(name.data(), O_CLOEXEC);
  if (descriptor < 0) return write_failure(path, "cannot make a file in its directory", errno);
  return TemporaryFile(descriptor, std::move(name), path);
}

TemporaryFile::TemporaryFile(TemporaryFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), name_(std::move(other.name_)), path_(std::move(other.path_)) {
  other.name_.clear();
}

TemporaryFile::~TemporaryFile() {
  if (!name_.empty()) unlink(name_.c_str());
  if (descriptor_ >= 0) close(descriptor_);
}

Result<void> TemporaryFile::write(FileOffset offset, std::span<const uint8_t> bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put =
        pwrite(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset.value() + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failure("cannot write", errno);
    done += static_cast<size_t>(put);
  }
  return {};
}

Result<void> TemporaryFile::read(FileOffset offset, std::span<uint8_t> out) const {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(offset.value() + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return fail(got < 0 ? Code::not_readable : Code::truncated,
                  fmt::format("cannot read what was written: {}; what was there before is unchanged",
                              got < 0 ? strerror(errno) : "it ends early"),
                  path_);
    }
    done += static_cast<size_t>(got);
  }
  return {};
}

// A link cannot take the place of a file, so it goes by a name that is then changed. While another writer of the same
// path has that name, ours is one of our own.
int TemporaryFile::place() {
  constexpr unsigned kAttempts = 100;
  const std::string self = fmt::format("/proc/self/fd/{}", descriptor_);
  std::string name = hidden(path_, wire::kUnfinishedEnding);
  for (unsigned attempt = 0; name_.empty(); ++attempt) {
    if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      name_ = name;
    } else if (errno != EEXIST || attempt == kAttempts) {
      return errno;
    } else if (attempt != 0 || !wire::remove_abandoned(name.c_str())) {
      name = hidden(path_, fmt::format(".{}-{}.new", getpid(), attempt));
    }
  }
  if (rename(name_.c_str(), path_.c_str()) != 0) return errno;
  name_.clear();
  return 0;
}

Result<void> TemporaryFile::commit(unsigned mode) {
  if (fchmod(descriptor_, mode) != 0) return failure("cannot set its mode", errno);
  if (fsync(descriptor_) != 0) return failure("cannot sync", errno);
  if (const int error = place(); error != 0) return failure("cannot give the finished file its name", error);
  const int directory = ::open(directory_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return {};  // complete and in place; only durability across a power cut is in doubt
  fsync(directory);
  close(directory);
  return {};
}

Result<void> write_text(const std::string& path, std::string_view text) {
  auto file = TemporaryFile::create(path);
  if (!file) return tl::unexpected(file.error());
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  if (auto written = file->write(FileOffset(0), bytes); !written) return written;
  return file->commit(0644);
}

}  // namespace fastboot::format
