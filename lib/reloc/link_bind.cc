#include "reloc/link_bind.h"

#include <algorithm>
#include <filesystem>

#include "reloc/plan.h"

namespace fastboot::reloc {

using format::fail;
using format::Failure;
using format::ModelBinding;
using wire::Code;

namespace {

std::string hex(const std::vector<uint8_t>& id) { return id.empty() ? "none" : format::to_hex(id.data(), id.size()); }

// The program that an input's own binding is for; nullptr: it needs none.
const format::ModelModule* own_program(const LinkInput& input) {
  const uint32_t module = program_module(input.model);
  return module < input.model.modules.size() ? &input.model.modules[module] : nullptr;
}

// Nothing: the input is not bound to that build.
Result<std::optional<ModelBinding>> binding_for(const LinkInput& input, const std::vector<uint8_t>& build_id) {
  const format::ModelModule* own = own_program(input);
  if (own == nullptr || own->build_id == build_id) return ModelBinding{input.model.modules, input.model.entries};
  auto sidecar = format::read_sidecar(format::sidecar_path(input.path, input.content_id, build_id), input.content_id,
                                      input.model.targets.size());
  if (sidecar) return std::optional(std::move(*sidecar));
  if (sidecar.error().code == Code::not_found) return std::nullopt;
  return tl::unexpected(sidecar.error());
}

// Build-ids to try, each once.
std::vector<std::vector<uint8_t>> candidates(const std::vector<LinkInput>& inputs, const LinkOptions& options) {
  if (!options.build_id.empty()) return {options.build_id};
  std::vector<std::vector<uint8_t>> ids;
  const auto add = [&](const std::vector<uint8_t>& id) {
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  };
  for (const LinkInput& input : inputs) {
    if (const format::ModelModule* own = own_program(input)) add(own->build_id);
  }
  return ids;
}

Failure unbound(const std::vector<LinkInput>& inputs, const LinkOptions& options, const LinkInput& input,
                const std::vector<uint8_t>& build_id) {
  std::string program = options.program;
  for (const LinkInput& other : inputs) {
    const format::ModelModule* own = own_program(other);
    if (program.empty() && own != nullptr && own->build_id == build_id) program = own->path;
  }
  if (program.empty()) program = "PROGRAM";
  const format::ModelModule& own = *own_program(input);
  return fail(Code::no_common_build,
              fmt::format("it is bound to build-id {} ({}), and the output is to be bound to {} ({}): inputs must be "
                          "bound to one program; run fastboot-migrate --add '{}' '{}' first{}",
                          hex(own.build_id), own.path, hex(build_id), program, input.path, program,
                          options.build_id.empty() ? ", or say by --for which program it is to be" : ""),
              input.path);
}

}  // namespace

Result<CommonBuild> find_common_build(const std::vector<LinkInput>& inputs, const LinkOptions& options) {
  std::optional<Failure> first;
  auto ids = candidates(inputs, options);
  if (ids.empty()) ids.emplace_back();
  for (const std::vector<uint8_t>& id : ids) {
    CommonBuild build = {id, {}};
    for (const LinkInput& input : inputs) {
      auto binding = binding_for(input, id);
      if (!binding) return tl::unexpected(binding.error());
      if (!*binding) {
        if (!first) first = unbound(inputs, options, input, id);
        break;
      }
      build.bindings.push_back(std::move(**binding));
    }
    if (build.bindings.size() == inputs.size()) return build;
  }
  return *first;
}

}  // namespace fastboot::reloc
