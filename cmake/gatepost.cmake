# How every target of the project is made. One function per kind of target.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(gatepost_options INTERFACE)
target_include_directories(gatepost_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(gatepost_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor
                       -Wno-missing-field-initializers)
# GCC 12 sees overlapping copies inside std::string where there are none (GCC bug 105651).
target_compile_options(gatepost_options INTERFACE
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-restrict>)
target_link_options(gatepost_options INTERFACE
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-stringop-overflow>)
target_compile_definitions(gatepost_options INTERFACE GATEPOST_VERSION="${PROJECT_VERSION}")
add_library(gatepost_test_options INTERFACE)
target_compile_definitions(gatepost_test_options INTERFACE
  GATEPOST_SOURCE_DIR="${CMAKE_SOURCE_DIR}" GATEPOST_BINARY_DIR="${CMAKE_BINARY_DIR}")
target_link_libraries(gatepost_options INTERFACE Threads::Threads)
if(GATEPOST_SANITIZE)
  target_compile_options(gatepost_options INTERFACE
    -fsanitize=${GATEPOST_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(gatepost_options INTERFACE -fsanitize=${GATEPOST_SANITIZE})
endif()

# gatepost_library(NAME core_base SOURCES a.cc b.cc [DEPS room…] [LIBS lib…] [PKG pkg-config-name…])
# Makes the static library gatepost_NAME of the room in the current folder. DEPS are other rooms and
# the only ones this room may #include (tests/layering.py reads them); LIBS and PKG are third parties.
function(gatepost_library)
  cmake_parse_arguments(A "" "NAME" "SOURCES;DEPS;LIBS;PKG" ${ARGN})
  set(target gatepost_${A_NAME})
  add_library(${target} STATIC ${A_SOURCES})
  target_link_libraries(${target} PUBLIC gatepost_options ${A_LIBS})
  foreach(dep IN LISTS A_DEPS)
    target_link_libraries(${target} PUBLIC gatepost_${dep})
  endforeach()
  gatepost_use_packages(${target} ${A_PKG})
  gatepost_note_room(${A_NAME} ${A_DEPS})
endfunction()

# Notes a target and its arrows for the layering test.
function(gatepost_note_room name)
  file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  string(REPLACE ";" " " deps "${ARGN}")
  set_property(GLOBAL APPEND PROPERTY GATEPOST_ROOMS "${name} ${folder} ${deps}")
endfunction()

# gatepost_room(NAME drive DEPS room…): a folder of a program, for the layering test; libraries are
# rooms by themselves.
function(gatepost_room)
  cmake_parse_arguments(A "" "NAME" "DEPS" ${ARGN})
  file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  string(REPLACE ";" " " deps "${A_DEPS}")
  set_property(GLOBAL APPEND PROPERTY GATEPOST_ROOMS "${A_NAME} ${folder} ${deps}")
endfunction()

function(gatepost_use_packages target)
  foreach(package IN LISTS ARGN)
    if(NOT TARGET PkgConfig::${package})
      pkg_check_modules(${package} REQUIRED IMPORTED_TARGET GLOBAL ${package})
    endif()
    target_link_libraries(${target} PUBLIC PkgConfig::${package})
  endforeach()
endfunction()

# gatepost_executable(NAME gatepostd SOURCES … DEPS room… [LIBS …] [PKG …])
function(gatepost_executable)
  cmake_parse_arguments(A "" "NAME" "SOURCES;DEPS;LIBS;PKG" ${ARGN})
  add_executable(${A_NAME} ${A_SOURCES})
  target_link_libraries(${A_NAME} PRIVATE gatepost_options ${A_LIBS})
  foreach(dep IN LISTS A_DEPS)
    target_link_libraries(${A_NAME} PRIVATE gatepost_${dep})
  endforeach()
  gatepost_use_packages(${A_NAME} ${A_PKG})
  set_target_properties(${A_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  # Programs of the product are part of their room; a test program may use any room.
  if(NOT CMAKE_CURRENT_SOURCE_DIR MATCHES "^${CMAKE_SOURCE_DIR}/tests(/|$)")
    gatepost_note_room(${A_NAME} ${A_DEPS})
  endif()
endfunction()

# What the label tsan marks: the tests that the preset tsan builds and runs.
add_custom_target(tsan_tests)

# gatepost_test(NAME spf_test SOURCES … DEPS room… [LIBS …] [LABELS …] [TIMEOUT s]): one GoogleTest
# program; every case becomes a test of ctest, so that a skipped one is seen as skipped.
function(gatepost_test)
  cmake_parse_arguments(A "" "NAME;TIMEOUT" "SOURCES;DEPS;LIBS;LABELS;PKG" ${ARGN})
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 120)
  endif()
  gatepost_executable(NAME ${A_NAME} SOURCES ${A_SOURCES} DEPS ${A_DEPS} LIBS ${A_LIBS}
                      gatepost_test_options GTest::gtest_main GTest::gmock PKG ${A_PKG})
  if("tsan" IN_LIST A_LABELS)
    add_dependencies(tsan_tests ${A_NAME})
  endif()
  gtest_discover_tests(${A_NAME} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    PROPERTIES TIMEOUT ${A_TIMEOUT} LABELS "${A_LABELS}")
endfunction()

# gatepost_fuzzer(NAME address SOURCES fuzz_address.cc DEPS …): a fuzzer of tests/fuzz. The source
# defines LLVMFuzzerTestOneInput. By default it is linked with a main that replays its corpus
# (tests/fuzz/corpus/NAME) and mutations of it, as a test; with GATEPOST_LIBFUZZER it is a libFuzzer.
function(gatepost_fuzzer)
  cmake_parse_arguments(A "" "NAME" "SOURCES;DEPS;LIBS" ${ARGN})
  set(target fuzz_${A_NAME})
  if(GATEPOST_LIBFUZZER)
    gatepost_executable(NAME ${target} SOURCES ${A_SOURCES} DEPS ${A_DEPS} LIBS ${A_LIBS})
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${target} COMMAND ${target} -runs=20000 -max_total_time=20
             ${CMAKE_BINARY_DIR}/fuzz-${A_NAME} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${A_NAME})
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz-${A_NAME})
  else()
    gatepost_executable(NAME ${target} SOURCES ${A_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc
                        DEPS ${A_DEPS} LIBS ${A_LIBS})
    add_test(NAME ${target} COMMAND ${target} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${A_NAME})
  endif()
  set_tests_properties(${target} PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()

# Writes the rooms and their arrows for the layering test.
function(gatepost_write_rooms)
  get_property(rooms GLOBAL PROPERTY GATEPOST_ROOMS)
  string(REPLACE ";" "\n" text "${rooms}")
  file(WRITE ${CMAKE_BINARY_DIR}/rooms.txt "${text}\n")
endfunction()
