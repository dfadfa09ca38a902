// Where the things of the program that an image needs lie in this process: by the snapshot's own binding, by one beside
// it, or by their names.
#pragma once

#include "core/modules.h"
#include "format/wire/buffer.h"
#include "format/wire/parse.h"
#include "ghc-9.0/builds.h"

namespace fastboot::ghc {

constexpr uint32_t kMostModules = 64;  // that one image is bound to

// The binding that this process uses, and the modules that it names, in this process.
// Stays where it was made.
struct Bound {
  wire::Binding binding;
  Builds builds;  // what a caller has to allow for it
  const runtime::Module* modules[kMostModules];
  runtime::Module executable;  // where one of them may point
};

// Chooses the binding. Where it is not the snapshot's own, its bytes lie in `memory`, which must live as long as it is
// used. To be called under thaw.cc's lock.
bool bind(const char* path, const wire::View& view, Builds builds, wire::Buffer* memory, Bound* bound,
          wire::Error* error);

// Fills the link table. A static root that this program does not need is 0 in it.
bool link_targets(const wire::View& view, const Bound& bound, uint64_t* words, wire::Error* error);

// Checks the static roots that this program's code needs and the snapshot does not know.
bool check_further_roots(const wire::View& view, const Bound& bound, wire::Error* error);

// A binding chooses what code an image runs, but only by place: does the program's own info table at process address
// `address` say what the snapshot's record of target `i` says?
bool matches(const wire::View& view, uint64_t i, uint64_t address);

}  // namespace fastboot::ghc
