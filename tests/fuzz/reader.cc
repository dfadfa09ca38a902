// lib/format's reader, strict and lenient (salvage), and validate(): everything that tools do with a file that may be
// damaged.
#include "format/reader.h"

#include "format/heap.h"
#include "format/signature.h"
#include "fuzz/support/seed.h"
#include "fuzz/support/snapshot_mutator.h"

using namespace fastboot;
using format::Mode;
using format::Reader;

namespace {

void look_at(const Reader& reader) {
  const wire::View& view = reader.view();
  for (uint64_t i = 0; i < view.symbol_count; ++i) static_cast<void>(reader.symbol_name(i));
  for (uint64_t i = 0; i < view.target_count; ++i) static_cast<void>(reader.target_name(i));
  for (uint64_t i = 0; i < view.root_count; ++i) static_cast<void>(reader.string(view.roots[i].name));
  for (uint32_t i = 0; view.binding != nullptr && i < view.binding->module_count; ++i) {
    static_cast<void>(reader.binding_string(view.modules[i].path));
  }
  static_cast<void>(reader.sections());
  static_cast<void>(reader.content_id());
  format::RebaseCursor cursor = reader.rebase_cursor();
  for (auto next = cursor.next(); next && *next; next = cursor.next()) {
  }
  static_cast<void>(format::validate(reader));
}

const format::PublicKey& key() {
  static const format::PublicKey kKey = fuzz::seed_key();
  return kKey;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::MemoryFile file;
  file.set(fuzz::unpack(data, size));
  const auto strict = Reader::open(file.path());
  const auto lenient = Reader::open(file.path(), Mode::lenient);
  if (strict) {
    fuzz::require(lenient.has_value() && lenient->sound(), "what opens strictly is sound leniently");
    look_at(*strict);
    static_cast<void>(strict->model());
    if (strict->view().signature != nullptr) static_cast<void>(format::verify(*strict, key()));
  } else {
    fuzz::require(!strict.error().message.empty(), "a refusal says why");
    fuzz::require(!lenient || !lenient->sound(), "what is refused is not sound");
    if (lenient) look_at(*lenient);
  }
  return 0;
}

FASTBOOT_MUTATE_SNAPSHOTS(metadata)
