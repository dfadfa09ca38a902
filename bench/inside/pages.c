// What the kernel asks for the pages of an image, without anything of Fastboot: maps a file's largest segment as a thaw
// does, and reads 100 words all over it.
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

// The sum of the words, or -1.
int64_t read_pages(const char* path) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  Elf64_Ehdr header;
  Elf64_Phdr segments[16], *largest = segments;
  if (file < 0 || read(file, &header, sizeof header) != sizeof header || header.e_phnum > 16) return -1;
  const ssize_t size = header.e_phnum * (ssize_t)sizeof *segments;
  if (pread(file, segments, size, (off_t)header.e_phoff) != size) return -1;
  for (int i = 1; i < header.e_phnum; i++) {
    if (segments[i].p_type == PT_LOAD && segments[i].p_filesz > largest->p_filesz) largest = &segments[i];
  }
  // Where a thaw puts it: within what the runtime system has reserved for its heap.
  const char* data = mmap((void*)largest->p_vaddr, largest->p_filesz, PROT_READ, MAP_PRIVATE | MAP_FIXED, file,
                          (off_t)largest->p_offset);
  close(file);
  if (data == MAP_FAILED) return -1;
  madvise((void*)data, largest->p_filesz, MADV_HUGEPAGE);
  uint64_t state = 4711, sum = 0;
  for (int i = 0; i < 100; i++) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    sum += *(const uint64_t*)(data + (state >> 16) % (largest->p_filesz / 8) * 8);
  }
  return (int64_t)(sum >> 1);
}
