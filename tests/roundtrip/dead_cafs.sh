#!/bin/bash
# An image's functions reach CAFs that the program evaluated, and that the collector has freed since.
set -euo pipefail
# shellcheck source=tests/roundtrip/lib.sh
source "$FASTBOOT_SOURCE/tests/roundtrip/lib.sh"
runs=0
try() {
  local program=$1 collections=$2 busy=$3 output
  shift 3
  output=$("./$program" thaw "$collections" "$busy" +RTS "$@" 2>&1) || true
  [ "$output" = ok ] || fail "$program $collections $busy $*: $output"
  runs=$((runs + 1))
}
for way in '' -threaded -debug; do
  program=dead$way
  # shellcheck disable=SC2086 # none or one word
  compile "$program" DeadCafs.hs -package containers $way
  "./$program" make
  for flags in -A64k '-A64k -c' '-A64k -G1' '-A64k -G3' '-A64k --nonmoving-gc'; do
    # The collector's marks alternate. Before the first collection nothing has to be done.
    for collections in 0 1 2; do
      # shellcheck disable=SC2086 # words on purpose
      try "$program" $collections 0 $flags
    done
    # shellcheck disable=SC2086 # words on purpose
    if [ "$way" = -threaded ]; then for busy in 1 2; do try "$program" 2 $busy -N2 $flags; done; fi
  done
done
echo "dead CAFs: $runs runs, all well"
