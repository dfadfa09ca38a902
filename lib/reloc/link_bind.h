// Linking, the build: where the targets of all inputs lie in one program.
#pragma once

#include <vector>

#include "format/sidecar.h"
#include "reloc/link.h"

namespace fastboot::reloc {

struct CommonBuild {
  std::vector<uint8_t> build_id;               // empty: no input is bound to any
  std::vector<format::ModelBinding> bindings;  // for each input
};

// The build of `build_id`, or else the first input's, or else another's, that all inputs are bound to: by their own
// bindings, or by those that lie beside them (`fastboot-migrate --add`). Error: no_common_build; corrupt,
// hash_mismatch: a binding that lies there is damaged.
format::Result<CommonBuild> find_common_build(const std::vector<LinkInput>& inputs, const LinkOptions& options);

}  // namespace fastboot::reloc
