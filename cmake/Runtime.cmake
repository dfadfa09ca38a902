# The runtime, twice: as objects that only prove that it compiles without a warning under this preset's compiler (and
# that give clang-tidy its command lines), and as the Haskell package, which GHC and Cabal build (scripts/build-package).
set(FASTBOOT_STAGE ${PROJECT_BINARY_DIR}/stage)
set(FASTBOOT_PACKAGE_BUILD ${PROJECT_BINARY_DIR}/package)

file(GLOB runtime_sources CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/runtime/core/*.cc ${PROJECT_SOURCE_DIR}/runtime/ghc-9.0/*.cc)
if(runtime_sources AND FASTBOOT_GHC)
  add_library(fastboot_runtime_check OBJECT ${runtime_sources})
  target_include_directories(fastboot_runtime_check
    PRIVATE ${PROJECT_SOURCE_DIR}/runtime/include ${PROJECT_SOURCE_DIR}/runtime ${PROJECT_SOURCE_DIR}/lib)
  target_include_directories(fastboot_runtime_check SYSTEM
    PRIVATE ${FASTBOOT_GHC_LIBDIR}/include ${FASTBOOT_XXHASH_INCLUDE})
  target_compile_options(fastboot_runtime_check PRIVATE ${FASTBOOT_FREESTANDING})
  target_link_libraries(fastboot_runtime_check PRIVATE fastboot_warnings)
endif()

if(FASTBOOT_PACKAGE AND EXISTS ${PROJECT_SOURCE_DIR}/runtime/haskell/Fastboot.hs)
  add_custom_target(package ALL
    COMMAND ${CMAKE_COMMAND} -E env GHC=${FASTBOOT_GHC}
      ${PROJECT_SOURCE_DIR}/scripts/build-package ${FASTBOOT_STAGE} ${FASTBOOT_PACKAGE_BUILD}
    COMMENT "Haskell package" USES_TERMINAL VERBATIM)
endif()
