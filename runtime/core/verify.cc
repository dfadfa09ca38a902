#include "core/verify.h"

#include <stdlib.h>
#include <string.h>

#include "format/wire/buffer.h"
#include "format/wire/hash.h"
#include "format/wire/placement_of_code.h"

namespace fastboot::runtime {

using wire::Code;
using wire::fail;
using wire::TableKind;

namespace {

using ull = unsigned long long;

// Reads into memory of its own: a mapping faults where somebody cuts the file short.
class Verifier {
 public:
  explicit Verifier(const SnapshotFile& file) : file_(file), view_(file.view()) {}

  bool run(wire::Error* error) {
    const wire::Table& hashes = view_.table(TableKind::chunk_hashes);
    const uint64_t at = view_.cold.offset + (hashes.address - view_.cold.address);
    hashes_.grow(hashes.size);
    piece_.grow(kPiece);
    if (hashes_.failed() || piece_.failed()) return fail(error, Code::out_of_memory, "no memory to check its data in");
    if (!file_.read(at, hashes_.data(), hashes.size, error)) return false;
    uint8_t hash[wire::kHashSize];
    wire::hash128(hashes_.data(), hashes.size, hash);
    if (memcmp(hash, view_.header->data_hash, sizeof hash) != 0) return differs("table of hashes", at, error);
    next_ = hashes_.data();
    return segment(view_.lazy, "lazy closures", error) && segment(view_.data, "data", error) &&
           stream(TableKind::rebase, "rebase stream", error) && stream(TableKind::cross, "cross streams", error);
  }

 private:
  static constexpr uint64_t kPiece = 16 * wire::kChunkSize;

  static bool differs(const char* what, uint64_t offset, wire::Error* error) {
    return fail(error, Code::hash_mismatch,
                "the bytes of its %s at file offset 0x%llx do not match their recorded hash: the file was damaged or "
                "changed; freeze it again",
                what, static_cast<ull>(offset));
  }

  bool segment(const wire::Segment& segment, const char* what, wire::Error* error) {
    return range(segment.offset, segment.file_size, what, error);
  }
  bool stream(TableKind kind, const char* what, wire::Error* error) {
    const wire::Table& table = view_.table(kind);
    return table.size == 0 || range(view_.cold.offset + (table.address - view_.cold.address), table.size, what, error);
  }

  // Each range starts a chunk; its last chunk may be shorter.
  bool range(uint64_t offset, uint64_t size, const char* what, wire::Error* error) {
    for (uint64_t at = 0; at < size; at += kPiece) {
      const uint64_t bytes = size - at < kPiece ? size - at : kPiece;
      if (!file_.read(offset + at, piece_.data(), bytes, error)) return false;
      for (uint64_t chunk = 0; chunk < bytes; chunk += wire::kChunkSize, next_ += wire::kHashSize) {
        uint8_t hash[wire::kHashSize];
        wire::hash128(piece_.data() + chunk, bytes - chunk < wire::kChunkSize ? bytes - chunk : wire::kChunkSize, hash);
        if (memcmp(hash, next_, sizeof hash) != 0) return differs(what, offset + at + chunk, error);
      }
    }
    return true;
  }

  const SnapshotFile& file_;
  const wire::View& view_;
  wire::Buffer hashes_, piece_;
  const uint8_t* next_ = nullptr;  // the hash of the chunk that comes
};

// Apart, so that a thaw without it touches neither this code nor its stack.
[[gnu::noinline, gnu::cold]] bool verify(const SnapshotFile& file, const char* what, Timeline* timeline,
                                         wire::Error* error) {
  if (strcmp(what, "data") != 0) {
    return fail(error, Code::bad_argument, "FASTBOOT_VERIFY is \"%.100s\"; expected metadata or data", what);
  }
  if (!Verifier(file).run(error)) return false;
  timeline->step("verify data");
  return true;
}

}  // namespace

FASTBOOT_EVERY_THAW bool verify_as_asked(const SnapshotFile& file, Timeline* timeline, wire::Error* error) {
  const char* what = getenv("FASTBOOT_VERIFY");
  if (what == nullptr || what[0] == '\0' || strcmp(what, "metadata") == 0) return true;
  return verify(file, what, timeline, error);
}

}  // namespace fastboot::runtime
