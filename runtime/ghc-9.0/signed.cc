#include "ghc-9.0/signed.h"

#include <stdlib.h>
#include <string.h>

#include "fastboot.h"
#include "format/wire/placement_of_code.h"
#include "format/wire/signature.h"
#include "ghc-9.0/rts.h"

namespace fastboot::ghc {

using wire::Code;
using wire::Error;
using wire::fail;
using wire::TargetKind;
using wire::View;

namespace {

fastboot_verifier verifier = nullptr;

FASTBOOT_EVERY_THAW bool demanded_by_environment() {
  const char* keys = getenv("FASTBOOT_REQUIRE_SIGNATURE");
  return keys != nullptr && keys[0] != '\0';
}

void fill(const runtime::SnapshotFile& file, wire::SignedBytes* bytes, fastboot_signable* out) {
  const View& view = file.view();
  wire::signed_bytes(view, bytes);
  memset(out, 0, sizeof *out);
  out->signature = reinterpret_cast<const uint8_t*>(view.signature);
  out->content_id = view.header->content_id;
  out->image_context = wire::kImageContext;
  out->binding_context = wire::kBindingContext;
  static_assert(sizeof out->parts / sizeof out->parts[0] == sizeof bytes->parts / sizeof bytes->parts[0]);
  static_assert(sizeof out->ranges / sizeof out->ranges[0] == sizeof bytes->ranges / sizeof bytes->ranges[0]);
  for (uint32_t i = 0; i < bytes->part_count; ++i) out->parts[i] = {bytes->parts[i].bytes, bytes->parts[i].size};
  out->part_count = bytes->part_count;
  out->descriptor = file.descriptor();
  for (uint32_t i = 0; i < bytes->range_count; ++i) {
    out->ranges[i].offset = bytes->ranges[i].offset;
    out->ranges[i].size = bytes->ranges[i].size;
  }
  out->range_count = bytes->range_count;
  out->binding = {bytes->binding.bytes, bytes->binding.size};
}

// Everything that is bound is told by the program itself: what a constructor is by its name, what the RTS's closures
// are by their type.
bool needs_no_trust(const View& view, const Bound& bound, Error* error) {
  for (uint64_t i = 0; i < view.target_count; ++i) {
    const auto kind = static_cast<TargetKind>(view.targets[i].kind);
    if (kind == TargetKind::constructor || kind == TargetKind::rts || kind == TargetKind::trampoline) continue;
    return fail(error, Code::binding_not_signed,
                "it is signed, but where its functions and unevaluated parts lie in this program is not; sign it again "
                "for this program: fastboot-migrate --sign KEY, or fastboot-freeze --sign KEY");
  }
  if (bound.binding.header->entry_count != view.target_count)
    return fail(error, Code::binding_not_signed, "it is signed, but the static roots of its binding are not");
  return check_targets(view, bound, error);
}

[[gnu::noinline]] bool verify(const runtime::SnapshotFile& file, const Bound& bound, Error* error) {
  fastboot_signable what;
  wire::SignedBytes bytes;
  fastboot_error trouble;
  fastboot_signed_state state = FASTBOOT_NOT_DEMANDED;
  fill(file, &bytes, &what);
  trouble.message[0] = '\0';
  const uint32_t code = verifier(&what, &state, &trouble);
  if (code != 0) return fail(error, static_cast<Code>(code), "%.2000s", trouble.message);
  if (state == FASTBOOT_NOT_DEMANDED) return true;
  const bool own = bound.binding.entries == file.view().entries;
  return (own && state == FASTBOOT_BINDING_SIGNED) || needs_no_trust(file.view(), bound, error);
}

}  // namespace

FASTBOOT_EVERY_THAW bool signatures_matter() { return verifier != nullptr || demanded_by_environment(); }

FASTBOOT_EVERY_THAW bool check_signature(const runtime::SnapshotFile& file, const Bound& bound, bool* demanded,
                                         Error* error) {
  *demanded = signatures_matter();
  if (!*demanded || file.embedded()) return true;
  if (verifier != nullptr) return verify(file, bound, error);
  return fail(error, Code::signature_unchecked,
              "FASTBOOT_REQUIRE_SIGNATURE demands a signature, and this program cannot verify any; build it with the "
              "package fastboot-signed, and call requireSignature");
}

}  // namespace fastboot::ghc

extern "C" void fastboot_set_verifier(fastboot_verifier verifier) { fastboot::ghc::verifier = verifier; }
