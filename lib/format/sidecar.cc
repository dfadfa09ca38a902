#include "format/sidecar.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "format/temporary_file.h"
#include "format/wire/emit.h"
#include "format/wire/hash.h"
#include "format/wire/parse.h"

namespace fastboot::format {

namespace fs = std::filesystem;

std::string sidecar_path(const std::string& snapshot, const ContentId& content_id,
                         const std::vector<uint8_t>& build_id) {
  const size_t slash = snapshot.rfind('/');
  const std::string directory = slash == std::string::npos ? "" : snapshot.substr(0, slash + 1);
  return fmt::format("{}{}/{}.bind", directory, to_hex(content_id.data(), content_id.size()),
                     to_hex(build_id.data(), build_id.size()));
}

Result<void> write_sidecar(const ContentId& content_id, const std::vector<ModelModule>& modules,
                           const std::vector<wire::BindingEntry>& entries, const std::string& path) {
  std::vector<wire::ModuleInput> list;
  list.reserve(modules.size());
  for (const ModelModule& module : modules) {
    list.push_back({module.build_id.data(), static_cast<uint32_t>(module.build_id.size()), module.path.c_str()});
  }
  wire::SnapshotInput input;
  input.modules = list.data();
  input.module_count = list.size();
  input.entries = entries.data();
  input.entry_count = entries.size();
  wire::Buffer binding;
  wire::emit_binding(input, &binding);
  if (binding.failed()) return fail(wire::Code::out_of_memory, "no memory for the binding", path);

  std::vector<uint8_t> bytes(sizeof(wire::SidecarHeader) + binding.size());
  wire::SidecarHeader header = {};
  memcpy(header.magic, wire::kSidecarMagic, sizeof header.magic);
  memcpy(header.content_id, content_id.data(), sizeof header.content_id);
  header.size = static_cast<uint32_t>(binding.size());
  memcpy(bytes.data(), &header, sizeof header);
  memcpy(bytes.data() + sizeof header, binding.data(), binding.size());
  constexpr size_t kHashed = offsetof(wire::SidecarHeader, content_id);
  wire::hash128(bytes.data() + kHashed, bytes.size() - kHashed, bytes.data() + offsetof(wire::SidecarHeader, hash));

  std::error_code trouble;
  fs::create_directory(fs::path(path).parent_path(), trouble);
  if (trouble) {
    return fail(wire::Code::write_failed, fmt::format("cannot make its directory: {}", trouble.message()), path);
  }
  auto file = TemporaryFile::create(path);
  if (!file) return tl::unexpected(file.error());
  if (auto written = file->write(FileOffset(0), bytes); !written) return written;
  return file->commit();
}

namespace {

constexpr uint64_t kMostSidecarBytes = uint64_t{256} << 20;  // ten million targets need less

// As thaw sees it.
bool others_may_write(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0) return false;  // reading it tells
  const bool owned = status.st_uid == geteuid() || status.st_uid == 0;
  return !owned || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

// The bytes and what they say.
Result<void> load(const ContentId& content_id, uint64_t target_count, Sidecar* sidecar) {
  auto file = File::open(sidecar->path);
  if (!file) return tl::unexpected(file.error());
  if ((*file)->size() > kMostSidecarBytes) {
    return fail(wire::Code::corrupt,
                fmt::format("{:#x} bytes; expected at most {:#x}", (*file)->size(), kMostSidecarBytes), sidecar->path);
  }
  sidecar->bytes.resize((*file)->size());
  if (auto read = (*file)->read(FileOffset(0), sidecar->bytes); !read) return read;
  wire::Binding binding;
  wire::Error error;
  if (!wire::parse_sidecar(sidecar->bytes.data(), sidecar->bytes.size(), content_id.data(), target_count, &binding,
                           &error)) {
    return fail(error, sidecar->path);
  }
  sidecar->binding = binding;
  return {};
}

Result<void> load_as_thaw(const Reader& snapshot, Sidecar* sidecar) {
  if (auto loaded = load(snapshot.content_id(), snapshot.view().target_count, sidecar); !loaded) return loaded;
  if (!others_may_write(sidecar->path)) return {};
  return fail(wire::Code::untrusted,
              "somebody else may change it, so programs do not use it; it must belong to you or to root, and neither "
              "group nor others may write it",
              sidecar->path);
}

}  // namespace

std::vector<Sidecar> find_sidecars(const Reader& reader) {
  const fs::path directory = fs::path(sidecar_path(reader.path(), reader.content_id(), {})).parent_path();
  std::vector<Sidecar> sidecars;
  std::error_code trouble;
  for (fs::directory_iterator at(directory, trouble), end; !trouble && at != end; at.increment(trouble)) {
    if (at->path().extension() != ".bind") continue;
    sidecars.push_back({at->path().string(), at->path().stem().string(), {}, {}, std::nullopt});
  }
  std::sort(sidecars.begin(), sidecars.end(), [](const Sidecar& a, const Sidecar& b) { return a.path < b.path; });
  for (Sidecar& sidecar : sidecars) {
    if (auto loaded = load_as_thaw(reader, &sidecar); !loaded) sidecar.problem = loaded.error();
  }
  return sidecars;
}

Result<ModelBinding> read_sidecar(const std::string& path, const ContentId& content_id, uint64_t target_count) {
  Sidecar sidecar = {path, {}, {}, {}, std::nullopt};
  if (auto loaded = load(content_id, target_count, &sidecar); !loaded) return tl::unexpected(loaded.error());
  const wire::Binding& binding = sidecar.binding;
  ModelBinding read;
  for (uint32_t i = 0; i < binding.header->module_count; ++i) {
    const wire::BindingModule& module = binding.modules[i];
    read.modules.push_back({{module.build_id, module.build_id + module.build_id_size}, binding.strings + module.path});
  }
  read.entries.assign(binding.entries, binding.entries + binding.header->entry_count);
  return read;
}

}  // namespace fastboot::format
