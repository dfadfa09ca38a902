// --objects by module and by package: what constructors and code of one module take together.
#pragma once

#include <string>
#include <vector>

#include "format/heap.h"
#include "format/reader.h"

namespace fastboot::inspect {

struct ObjectGroup {
  std::string name;  // of a module with its package before it, or of a package
  format::Census::Count count;
};

struct ObjectGroups {
  std::vector<ObjectGroup> modules, packages;  // the largest first
};

ObjectGroups object_groups(const format::Reader& reader, const format::Census& census);

}  // namespace fastboot::inspect
