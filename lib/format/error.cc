#include "format/error.h"

#include <utility>

namespace fastboot::format {

std::string Error::describe() const {
  std::string text;
  if (!file.empty()) text += file + ": ";
  if (!section.empty()) text += "section " + section + ": ";
  text += message;
  return text;
}

Failure fail(wire::Code code, std::string message, std::string file, std::string section,
             std::optional<FileOffset> offset) {
  return Failure(Error{code, std::move(message), std::move(file), std::move(section), offset});
}

Failure fail(const wire::Error& error, std::string file) {
  return Failure(Error{error.code, error.message, std::move(file), {}, std::nullopt});
}

// No default case: the compiler reports a code that was added without its name.
std::string_view code_name(wire::Code code) {
  using enum wire::Code;
#define FASTBOOT_NAME(name) \
  case name:                \
    return #name;
  switch (code) {
    FASTBOOT_NAME(ok)
    FASTBOOT_NAME(not_found)
    FASTBOOT_NAME(not_readable)
    FASTBOOT_NAME(empty_file)
    FASTBOOT_NAME(truncated)
    FASTBOOT_NAME(not_a_snapshot)
    FASTBOOT_NAME(newer_format)
    FASTBOOT_NAME(corrupt)
    FASTBOOT_NAME(hash_mismatch)
    FASTBOOT_NAME(untrusted)
    FASTBOOT_NAME(not_regular)
    FASTBOOT_NAME(wrong_object_model)
    FASTBOOT_NAME(wrong_ghc_version)
    FASTBOOT_NAME(wrong_rts_way)
    FASTBOOT_NAME(wrong_layout)
    FASTBOOT_NAME(wrong_build)
    FASTBOOT_NAME(wrong_type)
    FASTBOOT_NAME(no_such_root)
    FASTBOOT_NAME(ambiguous_root)
    FASTBOOT_NAME(target_mismatch)
    FASTBOOT_NAME(address_taken)
    FASTBOOT_NAME(address_unreachable)
    FASTBOOT_NAME(unsupported_way)
    FASTBOOT_NAME(mapping_failed)
    FASTBOOT_NAME(no_build_id)
    FASTBOOT_NAME(missing_dependency)
    FASTBOOT_NAME(wrong_dependency)
    FASTBOOT_NAME(circular_dependency)
    FASTBOOT_NAME(collection_needed)
    FASTBOOT_NAME(collection_running)
    FASTBOOT_NAME(not_signed)
    FASTBOOT_NAME(bad_signature)
    FASTBOOT_NAME(other_key)
    FASTBOOT_NAME(binding_not_signed)
    FASTBOOT_NAME(signature_unchecked)
    FASTBOOT_NAME(refused_mutable)
    FASTBOOT_NAME(refused_concurrency)
    FASTBOOT_NAME(refused_weak)
    FASTBOOT_NAME(refused_bytecode)
    FASTBOOT_NAME(refused_under_evaluation)
    FASTBOOT_NAME(refused_compact)
    FASTBOOT_NAME(refused_foreign_memory)
    FASTBOOT_NAME(refused_identity)
    FASTBOOT_NAME(refused_unknown_code)
    FASTBOOT_NAME(refused_lazy)
    FASTBOOT_NAME(refused_function)
    FASTBOOT_NAME(refused_busy)
    FASTBOOT_NAME(refused_root_elsewhere)
    FASTBOOT_NAME(refused_dependency)
    FASTBOOT_NAME(write_failed)
    FASTBOOT_NAME(no_space)
    FASTBOOT_NAME(out_of_memory)
    FASTBOOT_NAME(image_too_large)
    FASTBOOT_NAME(bad_argument)
    FASTBOOT_NAME(program_failed)
    FASTBOOT_NAME(froze_nothing)
    FASTBOOT_NAME(froze_several)
    FASTBOOT_NAME(no_symbols)
    FASTBOOT_NAME(not_executable)
    FASTBOOT_NAME(program_timed_out)
    FASTBOOT_NAME(not_linked)
    FASTBOOT_NAME(not_frozen)
    FASTBOOT_NAME(undefined_image)
    FASTBOOT_NAME(duplicate_root)
    FASTBOOT_NAME(undefined_root)
    FASTBOOT_NAME(inputs_differ)
    FASTBOOT_NAME(no_common_build)
    FASTBOOT_NAME(slots_overlap)
    FASTBOOT_NAME(duplicate_image)
    FASTBOOT_NAME(bad_key)
    FASTBOOT_NAME(key_exists)
  }
#undef FASTBOOT_NAME
  return "unknown";
}

}  // namespace fastboot::format
