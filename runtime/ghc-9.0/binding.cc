#include "ghc-9.0/binding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <new>

#include "core/file.h"
#include "core/path.h"
#include "format/wire/placement_of_code.h"
#include "ghc-9.0/lazy.h"
#include "ghc-9.0/resolve.h"
#include "ghc-9.0/rts.h"
#include "ghc-9.0/shape.h"

namespace fastboot::ghc {

using runtime::Module;
using runtime::Modules;
using wire::Code;
using wire::Error;
using wire::fail;
using wire::TargetKind;
using wire::View;

namespace {

using ull = unsigned long long;

// Where the executable is not all: made when that is first so, and kept. Under thaw.cc's lock. Not here in full, for it
// would lie between what every thaw writes to.
Modules* modules = nullptr;

bool load_modules(Error* error) {
  if (modules == nullptr) {
    void* memory = malloc(sizeof(Modules));
    if (memory == nullptr) return fail(error, Code::out_of_memory, "no memory for the list of this program's modules");
    modules = new (memory) Modules;
  }
  modules->load();
  return true;
}

void print_build_id(const uint8_t* id, uint32_t size, char* out) {
  for (uint32_t i = 0; i < size; ++i) snprintf(out + 2 * i, 3, "%02x", id[i]);
  out[2 * size] = '\0';
}

// Finds the binding's modules in this process; the first that is missing, or module_count.
uint32_t find_modules(Bound* bound) {
  const wire::Binding& binding = bound->binding;
  for (uint32_t i = 0; i < binding.header->module_count; ++i) {
    bound->modules[i] = modules->find_build_id(binding.modules[i].build_id, binding.modules[i].build_id_size);
    if (bound->modules[i] == nullptr) return i;
  }
  return binding.header->module_count;
}

bool wrong_build(const char* path, const Bound& bound, uint32_t missing, const char* why, Error* error) {
  const wire::BindingModule& wanted = bound.binding.modules[missing];
  char theirs[2 * wire::kMaxBuildId + 1];
  char ours[2 * wire::kMaxBuildId + 1] = "none";
  print_build_id(wanted.build_id, wanted.build_id_size, theirs);
  if (modules->size() != 0 && (*modules)[0].build_id_size != 0)
    print_build_id((*modules)[0].build_id, (*modules)[0].build_id_size, ours);
  char program[1024] = "PROGRAM";
  const ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
  if (n > 0) program[n] = '\0';
  return fail(error, Code::wrong_build,
              "it is bound to another build: build-id %s (%.1000s), and this program has %s%s%s; carry it over by "
              "fastboot-migrate --add '%.1000s' '%s', or freeze it again with this build",
              theirs, bound.binding.strings + wanted.path, ours, *why == '\0' ? "" : "; ", why, path, program);
}

// The sidecar that binds the snapshot to this program, if there is one: DIRECTORY/CONTENT-ID/BUILD-ID.bind.
bool sidecar_path(const char* path, const View& view, char* out, uint64_t size) {
  if (modules->size() == 0 || (*modules)[0].build_id_size == 0) return false;
  char content[2 * wire::kContentIdSize + 1];
  char build[2 * wire::kMaxBuildId + 1];
  print_build_id(view.header->content_id, wire::kContentIdSize, content);
  print_build_id((*modules)[0].build_id, (*modules)[0].build_id_size, build);
  const int directory = static_cast<int>(runtime::file_name(path) - path);
  return static_cast<uint64_t>(snprintf(out, size, "%.*s%s/%s.bind", directory, path, content, build)) < size;
}

// Where target `i` lies in this process; 0 where the file names an impossible place.
FASTBOOT_EVERY_THAW uint64_t bound_address(const View& view, const Bound& bound, uint64_t i) {
  const wire::BindingEntry& entry = bound.binding.entries[i];
  if (entry.module == wire::kNoModule) return 0;
  const Module& module = *bound.modules[entry.module];
  const uint64_t address = module.bias + entry.offset;
  const auto kind = static_cast<TargetKind>(view.targets[i].kind);
  const bool code = kind == TargetKind::constructor || kind == TargetKind::function || kind == TargetKind::rts ||
                    kind == TargetKind::thunk || kind == TargetKind::slow_entry || kind == TargetKind::trampoline;
  if (code && (!module.is_code(address) || (kind != TargetKind::slow_entry && address % 8 != 0))) return 0;
  if (!module.contains(address)) return 0;
  // This also makes that every program has them, whatever parts of the runtime it uses itself.
  if (kind == TargetKind::trampoline && !is_lazy_entry(address) && !is_forced_entry(address)) return 0;
  return address;
}

// A static root of the snapshot that this program's code does not need.
bool not_needed(const View& view, const Bound& bound, uint64_t i) {
  return view.targets[i].kind == static_cast<uint16_t>(TargetKind::static_root) &&
         bound.binding.entries[i].module == wire::kNoModule;
}

bool target_matches(const View& view, const Bound& bound, uint64_t i, const Module& module, uint64_t address) {
  const wire::Target& target = view.targets[i];
  switch (static_cast<TargetKind>(target.kind)) {
    case TargetKind::static_closure:
    case TargetKind::static_root:
      return is_static_closure(module, modules, address);
    case TargetKind::slow_entry:
      return address == slow_entry_of(bound_address(view, bound, target.parent));
    default:
      return matches(view, i, module, address);
  }
}

// A binding beside the snapshot. `found`: there is one for this program, so that the error is about it.
bool bind_by_sidecar(const char* path, const View& view, wire::Buffer* memory, Bound* bound, bool* found,
                     Error* error) {
  char name[4096];
  Error trouble;
  *found = false;
  if (!sidecar_path(path, view, name, sizeof name)) return false;
  if (!runtime::read_trusted(name, memory, found, &trouble) ||
      !wire::parse_sidecar(memory->data(), memory->size(), view.header->content_id, view.target_count, &bound->binding,
                           &trouble)) {
    return *found && fail(error, Code::wrong_build, "%.500s is no help: %.600s", name, trouble.message);
  }
  if (bound->binding.header->module_count > kMostModules || find_modules(bound) != bound->binding.header->module_count)
    return fail(error, Code::wrong_build, "its binding for this program names another one");
  if (check_targets(view, *bound, &trouble)) return true;
  return fail(error, Code::target_mismatch, "%.500s: %.600s; remove that file and run fastboot-migrate --add again",
              name, trouble.message);
}

// For a program that the snapshot itself is not bound to. Apart from bind(), whose callers need none of this memory:
// each page of the stack that is touched for the first time costs as much as a system call.
[[gnu::noinline]] bool bind_otherwise(const char* path, const View& view, Builds builds, uint32_t missing,
                                      wire::Buffer* memory, Bound* bound, Error* error) {
  Error why;
  bool found = false;
  Bound other;
  other.builds = Builds::bound;
  if (bind_by_sidecar(path, view, memory, &other, &found, &why)) {
    *bound = other;
    return true;
  }
  if (why.code == Code::target_mismatch) {
    *error = why;
    return false;
  }
  if (!found && builds != Builds::bound &&
      resolve_by_name(view, (*modules)[0], builds, memory, &other.binding, &other.builds, &why)) {
    other.modules[0] = &(*modules)[0];
    *bound = other;
    runtime::trace("%s: bound to another build; its %llu targets found here by name", path,
                   static_cast<ull>(view.target_count));
    return true;
  }
  return wrong_build(path, *bound, missing, why.code == Code::ok ? "" : why.message, error);
}

}  // namespace

FASTBOOT_EVERY_THAW bool link_targets(const View& view, const Bound& bound, uint64_t* words, Error* error) {
  for (uint64_t i = 0; i < view.target_count; ++i) {
    words[i] = bound_address(view, bound, i);
    if (words[i] != 0 || not_needed(view, bound, i)) continue;
    return fail(error, Code::corrupt, "target %llu is bound to offset 0x%llx, where this program has no such thing",
                static_cast<ull>(i), static_cast<ull>(bound.binding.entries[i].offset));
  }
  return true;
}

bool check_targets(const View& view, const Bound& bound, Error* error) {
  for (uint64_t i = 0; i < bound.binding.header->entry_count; ++i) {
    const bool known = i < view.target_count;
    const wire::BindingEntry& entry = bound.binding.entries[i];
    const uint64_t address = known                             ? bound_address(view, bound, i)
                             : entry.module == wire::kNoModule ? 0
                                                               : bound.modules[entry.module]->bias + entry.offset;
    if (address == 0) continue;  // link_targets() and check_further_roots() say whether it may be
    const Module& module = *bound.modules[entry.module];
    const bool same =
        known ? target_matches(view, bound, i, module, address) : is_static_closure(module, modules, address);
    if (same) continue;
    return fail(error, Code::target_mismatch,
                "target %llu (%.200s) is bound to 0x%llx, where this program has something of another shape",
                static_cast<ull>(i),
                known ? view.string(view.symbols[view.targets[i].symbol].st_name) : "a static root",
                static_cast<ull>(address));
  }
  return true;
}

FASTBOOT_EVERY_THAW bool check_further_roots(const View& view, const Bound& bound, Error* error) {
  for (uint64_t i = view.target_count; i < bound.binding.header->entry_count; ++i) {
    const wire::BindingEntry& entry = bound.binding.entries[i];
    const Module& module = *bound.modules[entry.module];
    if (module.contains(module.bias + entry.offset) && entry.offset % 8 == 0) continue;
    return fail(error, Code::corrupt,
                "static root %llu is bound to offset 0x%llx, where this program has no such thing", static_cast<ull>(i),
                static_cast<ull>(entry.offset));
  }
  return true;
}

FASTBOOT_EVERY_THAW bool bind(const char* path, const View& view, Builds builds, wire::Buffer* memory, Bound* bound,
                              Error* error) {
  bound->binding = view.own_binding();
  bound->builds = Builds::bound;
  if (bound->binding.header->module_count > kMostModules) {
    return fail(error, Code::corrupt, "it is bound to %u modules; expected at most %u",
                bound->binding.header->module_count, kMostModules);
  }
  // Most images need the executable only: looking at the notes of every shared library would take longer than the rest.
  const uint32_t count = bound->binding.header->module_count;
  runtime::describe_executable(&bound->executable);
  if (count == 1 && bound->executable.is(bound->binding.modules[0].build_id, bound->binding.modules[0].build_id_size)) {
    bound->modules[0] = &bound->executable;
    return true;
  }
  if (!load_modules(error)) return false;
  const uint32_t missing = find_modules(bound);
  return missing == count || bind_otherwise(path, view, builds, missing, memory, bound, error);
}

}  // namespace fastboot::ghc
