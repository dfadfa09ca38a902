// Signed snapshots: Ed25519 by libsodium, over a BLAKE2b hash of all that an image is (format/wire/signature.h).
#pragma once

#include <array>
#include <functional>
#include <span>
#include <string>

#include "format/error.h"
#include "format/reader.h"
#include "format/wire/signature.h"

namespace fastboot::format {

using PublicKey = std::array<uint8_t, wire::kPublicKeySize>;

// A secret key, which is wiped from memory in the end.
class SecretKey {
 public:
  // Errors: bad_key for a file that is none, or that others may read; not_found, not_readable.
  static Result<SecretKey> read(const std::string& path);
  SecretKey(SecretKey&& other) noexcept;
  SecretKey& operator=(SecretKey&&) = delete;
  ~SecretKey();
  PublicKey public_key() const;

 private:
  friend Result<wire::Signature> sign(const wire::View&,
                                      const std::function<Result<void>(uint64_t, std::span<uint8_t>)>&,
                                      const SecretKey&);
  SecretKey() = default;
  std::array<uint8_t, 64> bytes_ = {};
};

// Errors: bad_key, not_found, not_readable.
Result<PublicKey> read_public_key(const std::string& path);

// Makes a pair: NAME.key (mode 0600) and NAME.pub. Errors: key_exists where there is one of them; what writing gives.
Result<void> make_keys(const std::string& name);

// Reads bytes of the snapshot's file.
using ReadBytes = std::function<Result<void>(uint64_t offset, std::span<uint8_t> out)>;

// Signs image and binding.
Result<wire::Signature> sign(const wire::View& view, const ReadBytes& read, const SecretKey& key);

// Reads the whole file. True: image and binding are signed by that key; false: the image is, and the binding was made
// by somebody else. Errors: not_signed, other_key, bad_signature, and what reading gives.
Result<bool> verify(const Reader& reader, const PublicKey& key);

}  // namespace fastboot::format
