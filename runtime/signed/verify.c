/* Verifying signatures for the runtime: libsodium's Ed25519 and BLAKE2b over what fastboot.h says. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fastboot.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { kNotReadable = 102, kOutOfMemory = 403, kNotSigned = 220, kBadSignature = 221, kOtherKey = 222, kBadKey = 810 };
enum { kKey = crypto_sign_PUBLICKEYBYTES, kSignature = crypto_sign_BYTES, kDigest = 64, kContext = 16, kId = 20 };
enum { kMostKeys = 16 };

static uint8_t keys[kMostKeys][kKey];
static uint32_t key_count = 0;

static uint32_t fail(fastboot_error* error, uint32_t code, const char* what, const char* detail) {
  error->code = code;
  snprintf(error->message, sizeof error->message, "%s%s", what, detail);
  return code;
}

/* --- keys ------------------------------------------------------------------------------------------------------ */

static int read_public_key(const char* path, uint8_t key[kKey]) {
  static const char kind[] = "fastboot-public-key-1 ";
  char text[256];
  struct stat status;
  size_t size = 0;
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return 0;
  /* Whoever can write the file chooses the key. */
  const int trusted = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                      (status.st_uid == 0 || status.st_uid == geteuid()) && (status.st_mode & 022) == 0;
  const ssize_t got = trusted ? read(fd, text, sizeof text - 1) : -1;
  close(fd);
  if (got < (ssize_t)sizeof kind || memcmp(text, kind, sizeof kind - 1) != 0) return 0;
  text[got] = '\0';
  return sodium_hex2bin(key, kKey, text + sizeof kind - 1, (size_t)got - (sizeof kind - 1), "\n", &size, NULL) == 0 &&
         size == kKey;
}

/* Is the key in one of the files that the environment names? 1: it is, or none is named. */
static int allowed_by_environment(const uint8_t* key, fastboot_error* error, uint32_t* code) {
  const char* rest = getenv("FASTBOOT_REQUIRE_SIGNATURE");
  if (rest == NULL || *rest == '\0') return 1;
  while (*rest != '\0') {
    char path[4096];
    uint8_t one[kKey];
    const size_t size = strcspn(rest, ":");
    snprintf(path, sizeof path, "%.*s", (int)size, rest);
    rest += rest[size] == ':' ? size + 1 : size;
    if (!read_public_key(path, one)) {
      *code = fail(error, kBadKey,
                   "FASTBOOT_REQUIRE_SIGNATURE names a file that is no public key, or that others may write: ", path);
      return 0;
    }
    if (memcmp(key, one, kKey) == 0) return 1;
  }
  return 0;
}

static int allowed_by_program(const uint8_t* key) {
  for (uint32_t i = 0; i < key_count; ++i) {
    if (memcmp(key, keys[i], kKey) == 0) return 1;
  }
  return key_count == 0;
}

/* --- what was signed ------------------------------------------------------------------------------------------- */

static uint32_t add_range(int fd, uint64_t offset, uint64_t size, uint8_t* piece, size_t piece_size,
                          crypto_generichash_state* hash, fastboot_error* error) {
  while (size != 0) {
    const ssize_t got = pread(fd, piece, size < piece_size ? (size_t)size : piece_size, (off_t)offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      return fail(error, kNotReadable, "cannot read it to verify its signature: ",
                  got < 0 ? strerror(errno) : "it ends early");
    crypto_generichash_update(hash, piece, (unsigned long long)got);
    offset += (uint64_t)got;
    size -= (uint64_t)got;
  }
  return 0;
}

static uint32_t digest_of(const fastboot_signable* what, uint8_t digest[kDigest], fastboot_error* error) {
  const size_t piece_size = 1 << 20;
  crypto_generichash_state hash;
  uint32_t code = 0;
  crypto_generichash_init(&hash, NULL, 0, kDigest);
  for (uint32_t i = 0; i < what->part_count; ++i) {
    crypto_generichash_update(&hash, (const uint8_t*)&what->parts[i].size, sizeof what->parts[i].size);
    if (what->parts[i].size != 0) crypto_generichash_update(&hash, what->parts[i].bytes, what->parts[i].size);
  }
  uint8_t* piece = malloc(piece_size);
  if (piece == NULL) return fail(error, kOutOfMemory, "no memory to verify its signature", "");
  for (uint32_t i = 0; i < what->range_count && code == 0; ++i)
    code = add_range(what->descriptor, what->ranges[i].offset, what->ranges[i].size, piece, piece_size, &hash, error);
  free(piece);
  crypto_generichash_final(&hash, digest, kDigest);
  return code;
}

static int signs(const uint8_t* signature, const char* context, const void* first, size_t first_size,
                 const void* second, size_t second_size, const uint8_t* key) {
  uint8_t message[kContext + 2 * kDigest];
  memcpy(message, context, kContext);
  memcpy(message + kContext, first, first_size);
  memcpy(message + kContext + first_size, second, second_size);
  return crypto_sign_verify_detached(signature, message, kContext + first_size + second_size, key) == 0;
}

static uint32_t verify(const fastboot_signable* what, fastboot_signed_state* state, fastboot_error* error) {
  static const uint8_t none[kSignature];
  const char* environment = getenv("FASTBOOT_REQUIRE_SIGNATURE");
  uint8_t digest[kDigest], binding[kDigest];
  uint32_t code = kOtherKey;
  *state = FASTBOOT_NOT_DEMANDED;
  if (key_count == 0 && (environment == NULL || *environment == '\0')) return 0;
  if (what->signature == NULL)
    return fail(error, kNotSigned, "it is not signed, and a signature is demanded; sign it by fastboot-freeze --sign KEY", "");
  const uint8_t* key = what->signature;
  fail(error, kOtherKey, "it is signed by another key than those that are demanded; sign it with one of them, or demand its", "");
  if (!allowed_by_program(key) || !allowed_by_environment(key, error, &code)) return code;
  code = digest_of(what, digest, error);
  if (code != 0) return code;
  if (!signs(key + kKey, what->image_context, what->content_id, kId, digest, kDigest, key)) {
    return fail(error, kBadSignature,
                "its signature is not that of its contents: it was changed or damaged after it was signed; get it again", "");
  }
  *state = FASTBOOT_IMAGE_SIGNED;
  const uint8_t* second = key + kKey + kSignature;
  if (memcmp(second, none, kSignature) == 0) return 0;
  crypto_generichash(binding, kDigest, what->binding.bytes, what->binding.size, NULL, 0);
  if (!signs(second, what->binding_context, digest, kDigest, binding, kDigest, key)) {
    return fail(error, kBadSignature,
                "its binding is not what was signed: it was changed or damaged after it was signed; get it again", "");
  }
  *state = FASTBOOT_BINDING_SIGNED;
  return 0;
}

/* `count` keys of 32 bytes; 0: what the environment demands. Gives 0 where there is no room for them. */
uint32_t fastboot_signed_require(const uint8_t* more, uint32_t count) {
  if (count > kMostKeys - key_count || sodium_init() < 0) return 0;
  for (uint32_t i = 0; i < count; ++i) memcpy(keys[key_count++], more + (size_t)i * kKey, kKey);
  fastboot_set_verifier(verify);
  return 1;
}
