#include "format/sidecar.h"

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

Result<Sidecar> read_sidecar(const std::string& path, const ContentId& content_id, uint64_t target_count) {
  constexpr uint64_t kMost = uint64_t{1} << 30;
  const auto file = File::open(path);
  if (!file) return tl::unexpected(file.error());
  if ((*file)->size() > kMost) {
    return fail(wire::Code::corrupt, fmt::format("not a binding: it has {} bytes", (*file)->size()), path);
  }
  std::vector<uint64_t> words((*file)->size() / 8 + 1);  // aligned
  const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(words.data()), (*file)->size());
  if (auto read = (*file)->read(FileOffset(0), bytes); !read) return tl::unexpected(read.error());
  wire::Binding binding;
  wire::Error error;
  if (!wire::parse_sidecar(bytes.data(), bytes.size(), content_id.data(), target_count, &binding, &error)) {
    return fail(error, path);
  }
  Sidecar sidecar;
  for (uint32_t i = 0; i < binding.header->module_count; ++i) {
    const wire::BindingModule& module = binding.modules[i];
    sidecar.modules.push_back(
        {{module.build_id, module.build_id + module.build_id_size}, binding.strings + module.path});
  }
  sidecar.entries.assign(binding.entries, binding.entries + binding.header->entry_count);
  return sidecar;
}

}  // namespace fastboot::format
