// GHC's Z-encoding of names, undone.
#pragma once

#include <string>
#include <string_view>

namespace fastboot::reloc {

// "zpzp" is "++". Text that is not Z-encoded comes back as it is.
std::string zdecode(std::string_view text);

// A symbol of GHC's as people write the name: "base_GHCziBase_zpzp_closure" is "base:GHC.Base.++". Symbols of another
// form (the RTS's, C's) come back as they are.
std::string decode_symbol(std::string_view symbol);

}  // namespace fastboot::reloc
