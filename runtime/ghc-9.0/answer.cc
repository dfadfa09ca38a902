// Answering fastboot-freeze instead of running `main`.
//
// The package's ld-options replace the call of hs_main in a program's `main` by this one (--wrap), so that nothing runs
// at start-up but a look at two environment variables. What lists and builds declared roots is linked into programs
// that declare some; elsewhere it is null, and fastboot-freeze says so before it runs the program.

#include <stdlib.h>

#include "ghc-9.0/rts.h"

extern "C" {

// Fastboot/Declare.hs.
int fastboot_answer_roots(void) __attribute__((weak));
int __real_hs_main(int argc, char** argv, StgClosure* main_closure, RtsConfig config);

// Beside the code that every program runs first: by itself it would cost every program a page fault.
__attribute__((visibility("default"), section(".text.startup"))) int __wrap_hs_main(int argc, char** argv,
                                                                                    StgClosure* main_closure,
                                                                                    RtsConfig config) {
  const bool asked = getenv("FASTBOOT_LIST_ROOTS") != nullptr || getenv("FASTBOOT_ROOTS") != nullptr;
  if (__builtin_expect(!asked || &fastboot_answer_roots == nullptr, 1)) {
    return __real_hs_main(argc, argv, main_closure, config);
  }
  hs_init_ghc(&argc, &argv, config);
  shutdownHaskellAndExit(fastboot_answer_roots(), 0);
}

}  // extern "C"
