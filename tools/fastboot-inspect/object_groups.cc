#include "fastboot-inspect/object_groups.h"

#include <algorithm>
#include <map>

#include "fastboot-inspect/closure_names.h"

namespace fastboot::inspect {
namespace {

using Counts = std::map<std::string, format::Census::Count>;

void add(const std::string& name, const format::Census::Count& count, Counts* counts) {
  format::Census::Count& sum = (*counts)[name];
  sum.closures += count.closures;
  sum.bytes += count.bytes;
}

std::vector<ObjectGroup> largest_first(const Counts& counts) {
  std::vector<ObjectGroup> groups;
  for (const auto& [name, count] : counts) groups.push_back({name, count});
  std::stable_sort(groups.begin(), groups.end(),
                   [](const ObjectGroup& a, const ObjectGroup& b) { return a.count.bytes > b.count.bytes; });
  return groups;
}

}  // namespace

ObjectGroups object_groups(const format::Reader& reader, const format::Census& census) {
  Counts modules, packages;
  for (uint32_t i = 0; i < census.by_target.size(); ++i) {
    const format::Census::Count& count = census.by_target[i];
    if (count.closures == 0) continue;
    const ClosureName name = closure_name(reader, i);
    add(name.module.empty() ? name.package : name.package + ":" + name.module, count, &modules);
    add(name.package, count, &packages);
  }
  return {largest_first(modules), largest_first(packages)};
}

}  // namespace fastboot::inspect
