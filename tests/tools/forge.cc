// What somebody can do who writes a file: changes a word of a snapshot, or of a binding beside one, and makes every
// hash in it fit again. A signature stays as it is.
//   forge IN OUT OFFSET [WORD]    the word at the file offset becomes WORD; without: one bit of its first byte changes
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "format/wire/hash.h"
#include "format/wire/parse.h"

namespace wire = fastboot::wire;

namespace {

using Bytes = std::vector<uint8_t>;

[[noreturn]] void die(const char* message) {
  fprintf(stderr, "forge: %s\n", message);
  exit(2);
}

void hash_chunks(Bytes* file, uint64_t offset, uint64_t size, uint64_t* at) {
  for (uint64_t done = 0; done < size; done += wire::kChunkSize, *at += wire::kHashSize) {
    wire::hash128(file->data() + offset + done, size - done < wire::kChunkSize ? size - done : wire::kChunkSize,
                  file->data() + *at);
  }
}

// `was` is the view of the file before the change, which says where everything is.
void fit_snapshot(const wire::View& was, Bytes* file) {
  const uint64_t header_at = static_cast<uint64_t>(reinterpret_cast<const uint8_t*>(was.header) - was.bytes);
  auto* header = reinterpret_cast<wire::Header*>(file->data() + header_at);
  const wire::Table& hashes = was.table(wire::TableKind::chunk_hashes);
  const auto in_cold = [&](wire::TableKind kind) {
    return was.table(kind).address - was.cold.address + was.cold.offset;
  };
  uint64_t at = in_cold(wire::TableKind::chunk_hashes);
  const uint64_t first = at;
  hash_chunks(file, was.lazy.offset, was.lazy.file_size, &at);
  hash_chunks(file, was.data.offset, was.data.file_size, &at);
  hash_chunks(file, in_cold(wire::TableKind::rebase), was.table(wire::TableKind::rebase).size, &at);
  const uint64_t cross = was.table(wire::TableKind::cross).size;
  if (cross != 0) hash_chunks(file, in_cold(wire::TableKind::cross), cross, &at);
  if (at != first + hashes.size) die("the chunk hashes are not where they should be");
  wire::hash128(file->data() + first, hashes.size, header->data_hash);
  wire::View view;
  wire::Error error;
  // A file that is no snapshot any more has no content id.
  if (wire::parse(file->data(), was.header->hot_size, file->size(), false, &view, &error)) {
    uint8_t old[wire::kContentIdSize];
    memcpy(old, was.header->content_id, sizeof old);
    wire::content_id(view, header->content_id);
    for (uint64_t i = 0; i < header_at; ++i) {  // the build-id's note, before the header's
      if (memcmp(file->data() + i, old, sizeof old) == 0) memcpy(file->data() + i, header->content_id, sizeof old);
    }
  }
  wire::metadata_hash(file->data(), was.header->hot_size, header_at, header->metadata_hash);
}

void fit_sidecar(Bytes* file) {
  constexpr uint64_t kHashed = offsetof(wire::SidecarHeader, content_id);
  wire::hash128(file->data() + kHashed, file->size() - kHashed, file->data() + offsetof(wire::SidecarHeader, hash));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) die("usage: forge IN OUT OFFSET [WORD]");
  std::ifstream in(argv[1], std::ios::binary);
  const Bytes old((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const uint64_t offset = strtoull(argv[3], nullptr, 0);
  if (old.size() < sizeof(wire::SidecarHeader) || offset + 8 > old.size()) die("the file is too short");
  Bytes file = old;
  if (argc == 5) {
    const uint64_t word = strtoull(argv[4], nullptr, 0);
    memcpy(file.data() + offset, &word, sizeof word);
  } else {
    file[offset] ^= 16;
  }
  if (memcmp(old.data(), wire::kSidecarMagic, sizeof wire::kSidecarMagic) == 0) {
    fit_sidecar(&file);
  } else {
    wire::Probe probe;
    wire::View view;
    wire::Error error;
    if (!wire::probe(old.data(), old.size() < wire::kProbeSize ? old.size() : wire::kProbeSize, old.size(), &probe,
                     &error) ||
        !wire::parse(old.data(), probe.hot_size, old.size(), true, &view, &error)) {
      die(error.message);
    }
    fit_snapshot(view, &file);
  }
  std::ofstream out(argv[2], std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
  if (!out.flush()) die("cannot write");
  return 0;
}
