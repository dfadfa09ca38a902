// xxh3 FILE: reads the file in pieces of a megabyte and prints its XXH3-128: what reading every byte of it costs at
// least, for a program that does something with each.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include <xxhash.h>

int main(int argc, char** argv) {
  const int file = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return 2;
  std::vector<char> piece(1 << 20);
  XXH3_state_t* state = XXH3_createState();
  XXH3_128bits_reset(state);
  ssize_t got = 0;
  while ((got = read(file, piece.data(), piece.size())) > 0)
    XXH3_128bits_update(state, piece.data(), static_cast<size_t>(got));
  const XXH128_hash_t hash = XXH3_128bits_digest(state);
  XXH3_freeState(state);
  close(file);
  printf("%016lx%016lx\n", hash.high64, hash.low64);
  return got == 0 ? 0 : 2;
}
