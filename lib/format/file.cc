#include "format/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fastboot::format {

using wire::Code;

Result<std::shared_ptr<const File>> File::open(const std::string& path) {
  // O_NONBLOCK so that a named pipe does not keep us waiting for a writer before we can refuse it.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) {
    const Code code = errno == ENOENT || errno == ENOTDIR ? Code::not_found : Code::not_readable;
    return fail(code, fmt::format("cannot open: {}", strerror(errno)), path);
  }
  struct stat status = {};
  if (fstat(descriptor, &status) != 0) {
    const int error = errno;
    close(descriptor);
    return fail(Code::not_readable, fmt::format("cannot read status: {}", strerror(error)), path);
  }
  auto file = std::make_shared<const File>(descriptor, path, static_cast<uint64_t>(std::max<off_t>(status.st_size, 0)));
  if (!S_ISREG(status.st_mode)) {
    const char* kind = S_ISDIR(status.st_mode) ? "a directory" : "a device, pipe or socket";
    return fail(Code::not_regular, fmt::format("is {}; a snapshot is a regular file", kind), path);
  }
  return file;
}

File::~File() { close(descriptor_); }

Result<void> File::read(FileOffset offset, std::span<uint8_t> out) const {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(offset.value() + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return fail(Code::not_readable, fmt::format("cannot read at {}: {}", to_string(offset + done), strerror(errno)),
                  path_, {}, offset + done);
    }
    if (got == 0) {
      return fail(Code::truncated,
                  fmt::format("file ends at {}, before {} that it should hold; copy or freeze it again",
                              to_string(offset + done), to_string(offset + out.size())),
                  path_, {}, offset + done);
    }
    done += static_cast<size_t>(got);
  }
  return {};
}

Result<void> ByteSource::read(uint64_t position, std::span<uint8_t> out) const {
  if (position > size_ || out.size() > size_ - position) {
    return fail(Code::truncated,
                fmt::format("range {:#x}+{:#x} is past the end of {:#x} bytes", position, out.size(), size_),
                file_ ? file_->path() : std::string());
  }
  if (file_) return file_->read(offset_ + position, out);
  if (maker_) return maker_->make(position, out);
  if (!out.empty()) memcpy(out.data(), memory_->data() + position, out.size());
  return {};
}

}  // namespace fastboot::format
