// The system calls of a thaw, made directly. Each function of libc that a process calls for the first time is looked up
// by the dynamic linker, which takes longer than most of these calls; and a thaw is often the only one that needs it.
// Nothing else may differ from libc's functions of these names but the result: an error is the negative errno.
#pragma once

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include <cstdint>

namespace fastboot::runtime::sys {

#if defined(__x86_64__)
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  long result = number;
  asm volatile("syscall" : "+a"(result) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}
#else
#error "system calls are written for x86-64; another architecture adds its own call() here"
#endif

// The kernel's struct stat is libc's on this architecture.
static_assert(sizeof(struct stat) == 144 && __builtin_offsetof(struct stat, st_size) == 48);

inline long of(const void* pointer) { return static_cast<long>(reinterpret_cast<intptr_t>(pointer)); }

inline long open(const char* path, int flags) { return call(SYS_open, of(path), flags); }
inline long close(int fd) { return call(SYS_close, fd); }
inline long fstat(int fd, struct stat* out) { return call(SYS_fstat, fd, of(out)); }
inline long pread(int fd, void* out, uint64_t size, uint64_t offset) {
  return call(SYS_pread64, fd, of(out), static_cast<long>(size), static_cast<long>(offset));
}
// Gives 0, not the address.
inline long map_at(uint64_t address, uint64_t size, int protection, int flags, int fd, uint64_t offset) {
  const long result = call(SYS_mmap, static_cast<long>(address), static_cast<long>(size), protection, flags, fd,
                           static_cast<long>(offset));
  return result < 0 && result > -4096 ? result : 0;
}
inline long protect(uint64_t address, uint64_t size, int protection) {
  return call(SYS_mprotect, static_cast<long>(address), static_cast<long>(size), protection);
}
inline long advise(uint64_t address, uint64_t size, int advice) {
  return call(SYS_madvise, static_cast<long>(address), static_cast<long>(size), advice);
}
inline int process_id() { return static_cast<int>(call(SYS_getpid)); }
inline unsigned user_id() { return static_cast<unsigned>(call(SYS_geteuid)); }
inline void yield() { (void)call(SYS_sched_yield); }

}  // namespace fastboot::runtime::sys
