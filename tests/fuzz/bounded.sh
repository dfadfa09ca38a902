#!/bin/bash
# Builds the fuzz targets (build/fuzz, as ./dev fuzz does) and gives each a fixed number of inputs, regressions first.
# timeout: 2400
set -euo pipefail
command -v clang++-14 >/dev/null || { echo "clang 14 is not installed (scripts/install-deps clang)"; exit 1; }
build=$FASTBOOT_SOURCE/build/fuzz
exec 9>"$FASTBOOT_SOURCE/build/fuzz.lock"
flock 9
cmake -S "$FASTBOOT_SOURCE" --preset fuzz >configure.log 2>&1 || { cat configure.log; exit 1; }
cmake --build "$build" --target fuzzers >build.log 2>&1 || { tail -n 50 build.log; exit 1; }
FUZZ_BUILD=$build "$FASTBOOT_SOURCE/tests/fuzz/run" --bounded
