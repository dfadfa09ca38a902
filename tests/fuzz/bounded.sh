#!/bin/bash
# Builds the fuzz targets (as ./dev fuzz does, but in half the time: without optimisation, in build/fuzz-bounded) and gives
# each a fixed number of inputs, regressions first.
# timeout: 2400
set -euo pipefail
command -v clang++-14 >/dev/null || { echo "clang 14 is not installed (scripts/install-deps clang)"; exit 1; }
build=$FASTBOOT_SOURCE/build/fuzz-bounded
exec 9>"$FASTBOOT_SOURCE/build/fuzz.lock"
flock 9
cmake -S "$FASTBOOT_SOURCE" --preset fuzz -B "$build" -DCMAKE_C_FLAGS_RELWITHDEBINFO="-O0 -gline-tables-only" \
  -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O0 -gline-tables-only" >configure.log 2>&1 || { cat configure.log; exit 1; }
cmake --build "$build" --target fuzzers >build.log 2>&1 || { tail -n 50 build.log; exit 1; }
echo "built in $SECONDS s"
FUZZ_BUILD=$build "$FASTBOOT_SOURCE/tests/fuzz/run" --bounded
