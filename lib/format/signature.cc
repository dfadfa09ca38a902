#include "format/signature.h"

#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "format/file.h"
#include "format/temporary_file.h"

namespace fastboot::format {

using wire::Code;

namespace {

static_assert(crypto_sign_PUBLICKEYBYTES == wire::kPublicKeySize && crypto_sign_SECRETKEYBYTES == 64 &&
              crypto_sign_BYTES == sizeof wire::Signature::image && crypto_generichash_BYTES_MAX == wire::kDigestSize);

constexpr std::string_view kPublicKind = "fastboot-public-key-1";
constexpr std::string_view kSecretKind = "fastboot-secret-key-1";
constexpr size_t kContextSize = sizeof wire::kImageContext - 1;

using Digest = std::array<uint8_t, wire::kDigestSize>;

bool ready() { return sodium_init() >= 0; }

class Hash {
 public:
  Hash() { crypto_generichash_init(&state_, nullptr, 0, wire::kDigestSize); }
  void add(const void* bytes, size_t size) {
    if (size != 0) crypto_generichash_update(&state_, static_cast<const uint8_t*>(bytes), size);
  }
  Digest finish() {
    Digest digest;
    crypto_generichash_final(&state_, digest.data(), digest.size());
    return digest;
  }

 private:
  crypto_generichash_state state_;
};

Result<Digest> image_digest(const wire::SignedBytes& what, const ReadBytes& read) {
  Hash hash;
  for (uint32_t i = 0; i < what.part_count; ++i) {
    hash.add(&what.parts[i].size, sizeof what.parts[i].size);
    hash.add(what.parts[i].bytes, what.parts[i].size);
  }
  std::vector<uint8_t> piece(uint64_t{1} << 20);
  for (uint32_t i = 0; i < what.range_count; ++i) {
    const wire::SignedRange& range = what.ranges[i];
    for (uint64_t at = 0; at < range.size; at += piece.size()) {
      const std::span<uint8_t> bytes(piece.data(), std::min<uint64_t>(piece.size(), range.size - at));
      if (auto done = read(range.offset + at, bytes); !done) return tl::unexpected(done.error());
      hash.add(bytes.data(), bytes.size());
    }
  }
  return hash.finish();
}

template <class... Parts>
std::vector<uint8_t> message(const char* context, const Parts&... parts) {
  std::vector<uint8_t> bytes(context, context + kContextSize);
  (bytes.insert(bytes.end(), std::begin(parts), std::end(parts)), ...);
  return bytes;
}

struct Messages {
  std::vector<uint8_t> image, binding;
};

Result<Messages> messages(const wire::View& view, const ReadBytes& read) {
  wire::SignedBytes what;
  wire::signed_bytes(view, &what);
  const auto digest = image_digest(what, read);
  if (!digest) return tl::unexpected(digest.error());
  Hash binding;
  binding.add(what.binding.bytes, what.binding.size);
  return Messages{message(wire::kImageContext, view.header->content_id, *digest),
                  message(wire::kBindingContext, *digest, binding.finish())};
}

// "KIND HEX", one line.
template <size_t N>
Result<void> read_key(const std::string& path, std::string_view kind, std::array<uint8_t, N>* key) {
  const auto file = File::open(path);
  if (!file) return tl::unexpected(file.error());
  const auto bad = [&](std::string what) { return fail(Code::bad_key, std::move(what), path); };
  std::string text(std::min<uint64_t>((*file)->size(), 4096), '\0');
  if (auto read = (*file)->read(FileOffset(0), {reinterpret_cast<uint8_t*>(text.data()), text.size()}); !read)
    return read;
  size_t size = 0;
  const bool is_key = text.starts_with(kind) && text.size() > kind.size() && text[kind.size()] == ' ' &&
                      sodium_hex2bin(key->data(), N, text.data() + kind.size() + 1, text.size() - kind.size() - 1, "\n",
                                     &size, nullptr) == 0 &&
                      size == N;
  sodium_memzero(text.data(), text.size());
  if (!is_key) {
    return bad(
        fmt::format("is not a key; expected a line '{}' and {} hexadecimal digits, as fastboot-freeze --make-key "
                    "writes them",
                    kind, 2 * N));
  }
  return {};
}

template <size_t N>
Result<void> write_key(const std::string& path, std::string_view kind, const std::array<uint8_t, N>& key,
                       unsigned mode) {
  std::string text = fmt::format("{} {}\n", kind, to_hex(key.data(), N));
  auto file = TemporaryFile::create(path);
  if (!file) return tl::unexpected(file.error());
  auto written = file->write(FileOffset(0), {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  sodium_memzero(text.data(), text.size());
  return written ? file->commit(mode) : written;
}

bool verified(const uint8_t (&signature)[64], const std::vector<uint8_t>& what, const PublicKey& key) {
  return crypto_sign_verify_detached(signature, what.data(), what.size(), key.data()) == 0;
}

Failure no_library(const std::string& path) {
  return fail(Code::bad_key, "the cryptographic library cannot be initialised: no source of random numbers", path);
}

}  // namespace

Result<SecretKey> SecretKey::read(const std::string& path) {
  if (!ready()) return no_library(path);
  struct stat status = {};
  if (stat(path.c_str(), &status) == 0 && (status.st_mode & 077) != 0) {
    return fail(
        Code::bad_key,
        fmt::format("its mode is {:04o}, so others can use it; chmod 600 it, or make another key if others could "
                    "read it",
                    status.st_mode & 07777u),
        path);
  }
  SecretKey key;
  if (auto done = read_key(path, kSecretKind, &key.bytes_); !done) return tl::unexpected(done.error());
  return key;
}

SecretKey::SecretKey(SecretKey&& other) noexcept : bytes_(other.bytes_) {
  sodium_memzero(other.bytes_.data(), other.bytes_.size());
}

SecretKey::~SecretKey() { sodium_memzero(bytes_.data(), bytes_.size()); }

PublicKey SecretKey::public_key() const {
  PublicKey key;
  crypto_sign_ed25519_sk_to_pk(key.data(), bytes_.data());
  return key;
}

Result<PublicKey> read_public_key(const std::string& path) {
  PublicKey key = {};
  if (!ready()) return no_library(path);
  if (auto done = read_key(path, kPublicKind, &key); !done) return tl::unexpected(done.error());
  return key;
}

Result<void> make_keys(const std::string& name) {
  if (!ready()) return no_library(name);
  const std::string secret_path = name + ".key";
  const std::string public_path = name + ".pub";
  for (const std::string& path : {secret_path, public_path}) {
    if (access(path.c_str(), F_OK) == 0)
      return fail(Code::key_exists, "exists, and a key is never overwritten; name another one, or move it away", path);
  }
  PublicKey shown = {};
  std::array<uint8_t, 64> secret = {};
  crypto_sign_keypair(shown.data(), secret.data());
  auto written = write_key(public_path, kPublicKind, shown, 0644);
  if (written) {
    written = write_key(secret_path, kSecretKind, secret, 0600);
    if (!written) unlink(public_path.c_str());
  }
  sodium_memzero(secret.data(), secret.size());
  return written;
}

Result<wire::Signature> sign(const wire::View& view, const ReadBytes& read, const SecretKey& key) {
  const auto what = messages(view, read);
  if (!what) return tl::unexpected(what.error());
  wire::Signature signature = {};
  const PublicKey shown = key.public_key();
  std::copy(shown.begin(), shown.end(), signature.public_key);
  crypto_sign_detached(signature.image, nullptr, what->image.data(), what->image.size(), key.bytes_.data());
  crypto_sign_detached(signature.binding, nullptr, what->binding.data(), what->binding.size(), key.bytes_.data());
  return signature;
}

Result<bool> verify(const Reader& reader, const PublicKey& key) {
  const wire::Signature* signature = reader.view().signature;
  if (!reader.sound()) return tl::unexpected(reader.damage().front());
  if (signature == nullptr)
    return fail(Code::not_signed, "it is not signed; sign it by fastboot-freeze --sign KEY", reader.path());
  if (memcmp(signature->public_key, key.data(), key.size()) != 0) {
    return fail(
        Code::other_key,
        fmt::format("it is signed by the key {}, expected {}",
                    to_hex(signature->public_key, sizeof signature->public_key), to_hex(key.data(), key.size())),
        reader.path());
  }
  const auto what = messages(reader.view(), [&](uint64_t offset, std::span<uint8_t> out) {
    return reader.bytes(FileOffset(offset), out.size()).read(0, out);
  });
  if (!what) return tl::unexpected(what.error());
  if (!verified(signature->image, what->image, key)) {
    return fail(
        Code::bad_signature,
        "its signature is not that of its contents: it was changed or damaged after it was signed; get it again",
        reader.path());
  }
  static constexpr uint8_t kNone[sizeof signature->binding] = {};
  if (memcmp(signature->binding, kNone, sizeof kNone) == 0) return false;
  if (!verified(signature->binding, what->binding, key)) {
    return fail(Code::bad_signature,
                "its binding is not what was signed: it was changed or damaged after it was signed; get it again",
                reader.path(), ".fastboot.binding");
  }
  return true;
}

}  // namespace fastboot::format
