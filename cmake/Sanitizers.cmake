# FASTBOOT_SANITIZE=address,undefined and FASTBOOT_FUZZ=ON. They apply to the libraries, the tools and the unit tests;
# the Haskell package is built by GHC and never instrumented.
if(FASTBOOT_SANITIZE)
  add_compile_options(-fsanitize=${FASTBOOT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FASTBOOT_SANITIZE})
  if(FASTBOOT_SANITIZE MATCHES "undefined")
    # vptr checks need the type information that LLVM's libraries do not have.
    add_compile_options(-fno-sanitize=vptr)
  endif()
endif()

if(FASTBOOT_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "FASTBOOT_FUZZ needs clang, not ${CMAKE_CXX_COMPILER_ID}; use the preset \"fuzz\"")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
