# One target for each source directory. New files are picked up; a directory without sources makes no target.

# fastboot_library(NAME DIRECTORY): a static library of DIRECTORY/*.cc; its users include from lib/.
function(fastboot_library name directory)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${directory}/*.cc)
  if(NOT sources)
    message(STATUS "${directory}: no sources, ${name} is left out")
    return()
  endif()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/lib)
  target_include_directories(${name} SYSTEM PUBLIC ${FASTBOOT_XXHASH_INCLUDE})
  target_link_libraries(${name} PRIVATE fastboot_warnings)
endfunction()

# fastboot_link(NAME PUBLIC|PRIVATE LIBRARY...): target_link_libraries for those targets that exist.
function(fastboot_link name)
  if(NOT TARGET ${name})
    return()
  endif()
  set(scope PRIVATE)
  foreach(word ${ARGN})
    if(word MATCHES "^(PUBLIC|PRIVATE|INTERFACE)$")
      set(scope ${word})
    elseif(TARGET ${word})
      target_link_libraries(${name} ${scope} ${word})
    endif()
  endforeach()
endfunction()

# fastboot_tool(NAME): the executable of tools/NAME/*.cc, installed into bin, and its completion scripts, which it prints
# itself.
function(fastboot_tool name)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/${name}/*.cc)
  if(NOT sources)
    message(STATUS "tools/${name}: no sources, left out")
    return()
  endif()
  add_executable(${name} ${sources})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tools)
  fastboot_link(${name} PRIVATE fastboot_warnings fastboot_tools_common fastboot_reloc fastboot_format CLI11::CLI11
    fmt::fmt)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  set_property(GLOBAL APPEND PROPERTY FASTBOOT_TOOLS ${name})
  fastboot_completions(${name} $<TARGET_FILE:${name}>)
  add_custom_command(TARGET ${name} POST_BUILD ${completion_commands} VERBATIM)
endfunction()

# fastboot_completions(NAME COMMAND): installs what `COMMAND --completion SHELL` prints, where the shells look for it;
# leaves the commands that make the files in `completion_commands`.
function(fastboot_completions name command)
  set(directory ${PROJECT_BINARY_DIR}/completions)
  file(MAKE_DIRECTORY ${directory})
  set(commands)
  foreach(shell bash zsh fish)
    list(APPEND commands COMMAND ${command} --completion ${shell} > ${directory}/${name}.${shell})
  endforeach()
  set(completion_commands ${commands} PARENT_SCOPE)
  install(FILES ${directory}/${name}.bash DESTINATION share/bash-completion/completions RENAME ${name})
  install(FILES ${directory}/${name}.zsh DESTINATION share/zsh/site-functions RENAME _${name})
  install(FILES ${directory}/${name}.fish DESTINATION share/fish/vendor_completions.d)
endfunction()
