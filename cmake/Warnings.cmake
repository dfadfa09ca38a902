# Warnings for our own targets: link fastboot_warnings PRIVATE. They are errors, with gcc 12 and clang 14 alike.
add_library(fastboot_warnings INTERFACE)
target_compile_options(fastboot_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wcast-qual -Wformat=2 -Wimplicit-fallthrough -Wundef
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wduplicated-cond -Wlogical-op>)
if(FASTBOOT_WERROR)
  target_compile_options(fastboot_warnings INTERFACE -Werror)
endif()

# How the runtime is compiled, into every program: without the C++ library. The same words are in fastboot.cabal
# (tests/house/package_sources.sh compares them).
set(FASTBOOT_FREESTANDING -fno-exceptions -fno-rtti -fno-threadsafe-statics -fvisibility=hidden)
