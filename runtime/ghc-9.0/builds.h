// Which builds of a program may have an image.
#pragma once

#include <cstdint>

#include "fastboot.h"

namespace fastboot::ghc {

// Besides the build that froze it and those that fastboot-migrate has bound it to.
enum class Builds : uint32_t {
  bound = FASTBOOT_BOUND_BUILDS,  // no others
  // where all its targets are constructors of libraries and closures of the RTS: their names tell what they are
  same_types = FASTBOOT_SAME_TYPES,
  // constructors of the program's own modules, too, though their fields may have changed
  any = FASTBOOT_ANY_BUILD,
};

}  // namespace fastboot::ghc
