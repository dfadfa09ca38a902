#!/bin/bash
# Random graphs (Properties.hs), frozen, thawed and compared with what is built afresh.
#   PROPERTY_CASES=2000 for more than 200, PROPERTY_SEED=17 for other ones than those of seed 1.
# timeout: 600
set -euo pipefail
source "$FASTBOOT_SOURCE/tests/roundtrip/lib.sh"

cases=${PROPERTY_CASES:-200} seed=${PROPERTY_SEED:-1}
# Images stay mapped while their process lives.
each=10
compile properties Properties.hs
compile properties_threaded Properties.hs -threaded

ways=(
  'properties -A1m' 'properties_threaded -A64k -N2' 'properties -A64k -c' 'properties_threaded -A1m -N2 --nonmoving-gc'
  'properties -A64k -G3' 'properties_threaded -G1 -A1m -N2' 'properties -A64k --nonmoving-gc'
)
if [ -n "${PROPERTY_DEBUG:-}" ]; then
  compile properties_debug Properties.hs -debug
  ways+=('properties_debug -A64k -DS' 'properties_debug -A1m -c -DS')
fi

# One process: SEED PROGRAM FLAG...
properties_one() {
  local number=$1 program=$2 status=0 found
  shift 2
  mkdir -p "graphs/$number"
  found=$(timeout 120 "./$program" "$number" "$each" "graphs/$number" +RTS -V0 "$@" 2>"graphs/$number/err") || status=$?
  if [ $status = 0 ]; then
    echo "$found" >>sums
    rm -rf "graphs/$number"
    return
  fi
  echo "seed $number: ./$program $number $each DIRECTORY +RTS -V0 $* (exit $status): $(head -c 3000 "graphs/$number/err")" >>failures
}
export -f properties_one
export each
: >failures
: >sums
processes=$(((cases + each - 1) / each))
for ((i = 0; i < processes; i++)); do echo "$((seed * 100000 + i)) ${ways[i % ${#ways[@]}]}"; done >list
# shellcheck disable=SC2016 # the inner shell's words
tr '\n' '\0' <list | xargs -0 -P"$(nproc)" -n1 bash -c 'read -ra words <<<"$1"; properties_one "${words[@]}"' properties_one ||
  fail "the list of $processes processes did not run"
if [ -s failures ]; then
  head -c 6000 failures
  fail "$(wc -l <sums) of $processes processes were well"
fi
awk -v ways=${#ways[@]} '{ n += $1; lazy += $2; full += $3; closures += $4 }
  END { printf "%d random graphs (%d with thunks, %d fully evaluated, %d closures) under %d combinations of collector and runtime system\n", n, lazy, full, closures, ways
        exit n == 0 || lazy == 0 || full == 0 }' sums || fail "the graphs are too much alike"
