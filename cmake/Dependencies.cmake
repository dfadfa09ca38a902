# Everything comes from the distribution's packages (scripts/install-deps); nothing is downloaded.
find_package(fmt 9 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(doctest REQUIRED)

find_path(FASTBOOT_XXHASH_INCLUDE xxhash.h REQUIRED)
find_path(FASTBOOT_EXPECTED_INCLUDE tl/expected.hpp REQUIRED)
add_library(fastboot_expected INTERFACE)
target_include_directories(fastboot_expected SYSTEM INTERFACE ${FASTBOOT_EXPECTED_INCLUDE})

# libsodium: Ed25519 and BLAKE2b, statically, so that the tools need no library that a machine may not have.
find_path(FASTBOOT_SODIUM_INCLUDE sodium.h REQUIRED)
find_library(FASTBOOT_SODIUM_LIBRARY NAMES libsodium.a REQUIRED)
add_library(fastboot_sodium INTERFACE)
target_include_directories(fastboot_sodium SYSTEM INTERFACE ${FASTBOOT_SODIUM_INCLUDE})
target_link_libraries(fastboot_sodium INTERFACE ${FASTBOOT_SODIUM_LIBRARY})

# LLVM's own CMake package wants every LLVM target to be installed; llvm-config tells what a few components need.
find_program(FASTBOOT_LLVM_CONFIG NAMES llvm-config-14 REQUIRED)
function(fastboot_llvm_config out)
  execute_process(COMMAND ${FASTBOOT_LLVM_CONFIG} --link-static ${ARGN}
    OUTPUT_VARIABLE words OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(words UNIX_COMMAND "${words}")
  set(${out} ${words} PARENT_SCOPE)
endfunction()
# object: symbols; the others: decoding x86 instructions (no code generator, no assembler).
set(llvm_components object x86info x86desc x86disassembler mc mcdisassembler support)
fastboot_llvm_config(llvm_include --includedir)
fastboot_llvm_config(llvm_libdir --libdir)
fastboot_llvm_config(llvm_libs --libs ${llvm_components})
fastboot_llvm_config(llvm_system_libs --system-libs ${llvm_components})
add_library(fastboot_llvm INTERFACE)
target_include_directories(fastboot_llvm SYSTEM INTERFACE ${llvm_include})
target_compile_definitions(fastboot_llvm INTERFACE
  __STDC_CONSTANT_MACROS __STDC_FORMAT_MACROS __STDC_LIMIT_MACROS)
target_link_directories(fastboot_llvm INTERFACE ${llvm_libdir})
target_link_libraries(fastboot_llvm INTERFACE ${llvm_libs} -Wl,--as-needed ${llvm_system_libs})

# GHC: found even where FASTBOOT_PACKAGE is off, since the runtime's C++ is checked against its headers.
find_program(FASTBOOT_GHC NAMES ghc-9.0.2 ghc)
set(FASTBOOT_GHC_WANTED 9.0.2)
if(FASTBOOT_GHC)
  execute_process(COMMAND ${FASTBOOT_GHC} --numeric-version
    OUTPUT_VARIABLE FASTBOOT_GHC_VERSION OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${FASTBOOT_GHC} --print-libdir
    OUTPUT_VARIABLE FASTBOOT_GHC_LIBDIR OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endif()
if(FASTBOOT_PACKAGE AND NOT FASTBOOT_GHC_VERSION STREQUAL FASTBOOT_GHC_WANTED)
  message(FATAL_ERROR "the Haskell package needs GHC ${FASTBOOT_GHC_WANTED}, found \"${FASTBOOT_GHC_VERSION}\"; "
    "install it (scripts/install-deps), or set -DFASTBOOT_PACKAGE=OFF to build the tools alone")
endif()
