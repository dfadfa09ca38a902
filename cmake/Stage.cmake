# What is installed, and the staging prefix: <build>/stage is always an installation like any other, made by the same
# rules, so that tests, demo and benchmarks use what a user would.
if(TARGET package)
  # The installed package holds no absolute path, so it needs no other build for another prefix.
  install(CODE "
    execute_process(
      COMMAND \"${CMAKE_COMMAND}\" -E env \"GHC=${FASTBOOT_GHC}\" \"${PROJECT_SOURCE_DIR}/scripts/build-package\"
        \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\" \"${FASTBOOT_PACKAGE_BUILD}\"
      COMMAND_ERROR_IS_FATAL ANY)")

  set(FASTBOOT_VERSION ${PROJECT_VERSION})
  configure_file(scripts/fastboot-config.in ${PROJECT_BINARY_DIR}/fastboot-config @ONLY)
  configure_file(scripts/fastboot.pc.in ${PROJECT_BINARY_DIR}/fastboot.pc @ONLY)
  install(PROGRAMS ${PROJECT_BINARY_DIR}/fastboot-config DESTINATION bin)
  install(FILES ${PROJECT_BINARY_DIR}/fastboot.pc DESTINATION lib/pkgconfig)
  fastboot_completions(fastboot-config "")
  foreach(shell bash zsh fish)
    execute_process(COMMAND sh ${PROJECT_BINARY_DIR}/fastboot-config --completion ${shell}
      OUTPUT_FILE ${PROJECT_BINARY_DIR}/completions/fastboot-config.${shell} COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
  install(FILES runtime/include/fastboot.h DESTINATION include)
endif()

file(GLOB man_pages CONFIGURE_DEPENDS man/*.1 man/*.5 man/*.7)
foreach(page ${man_pages})
  string(REGEX MATCH "[0-9]$" section ${page})
  install(FILES ${page} DESTINATION share/man/man${section})
endforeach()

file(GLOB documents CONFIGURE_DEPENDS docs/*.md docs/*.schema.json)
install(FILES LICENSE README.md ${documents} DESTINATION share/doc/fastboot)

get_property(staged_tools GLOBAL PROPERTY FASTBOOT_TOOLS)
add_custom_target(stage ALL
  COMMAND ${CMAKE_COMMAND} --install ${PROJECT_BINARY_DIR} --prefix ${FASTBOOT_STAGE}
  COMMENT "Staging prefix" VERBATIM)
if(staged_tools)
  add_dependencies(stage ${staged_tools})
endif()
if(TARGET package)
  add_dependencies(stage package)
endif()
