#!/bin/bash
# withFrozen: an image goes with its last scope, unless something still refers to it. Each way in which something may is tried
# under each collector: where one were overlooked, the value would be gone and the program die.
set -euo pipefail
# shellcheck source=tests/roundtrip/lib.sh
source "$FASTBOOT_SOURCE/tests/roundtrip/lib.sh"

build_program scope Scope.hs
gone='plain many exception replaced missing type nested scopes-at-once'
kept='result part thunk ioref stable name weak caf thread permanent'
# expect WANTED CASE COMMAND...: the case prints WANTED, under FASTBOOT_TRACE with the reason.
expect() {
  local wanted=$1 case=$2
  shift 2
  FASTBOOT_TRACE=1 timeout 60 "$@" >out 2>trace || fail "$case: $*: exit $?: $(tail -n 5 out trace)"
  [ "$(cat out)" = "$case: $wanted" ] || fail "$case: $*: expected $wanted: $(cat out trace)"
}
for way in 'scope' 'scope_threaded -N2'; do
  # shellcheck disable=SC2086 # program and flags
  set -- $way
  rm -f ./*.snap
  "./$1" freeze || fail "$way cannot freeze"
  for flag in '-A1m' '-A64k -c' '-A64k -G1' '-A64k -G3'; do
    # shellcheck disable=SC2086
    for case in $gone; do expect unmapped "$case" "./$1" "$case" +RTS -V0 "${@:2}" $flag; done
    # shellcheck disable=SC2086
    for case in $kept; do
      expect mapped "$case" "./$1" "$case" +RTS -V0 "${@:2}" $flag
      [ "$case" = permanent ] || grep -q 'image "map" stays mapped: something in the heap still refers to it' trace ||
        fail "$case: not told: $(cat trace)"
    done
    # shellcheck disable=SC2086
    expect mapped small "./$1" small +RTS -V0 "${@:2}" $flag
    # shellcheck disable=SC2086
    expect mapped literals "./$1" literals +RTS -V0 "${@:2}" $flag
    grep -q 'image "types" stays mapped: it holds string literals' trace || fail "literals: not told: $(cat trace)"
    # What is forced in a scope may refer to the image or not; a spark may be run or not: right answers are asked for.
    # shellcheck disable=SC2086
    for case in lazy spark; do timeout 60 "./$1" $case +RTS -V0 "${@:2}" $flag >out 2>&1 || fail "$case: $way $flag: exit $?: $(cat out)"; done
  done
  expect mapped plain "./$1" plain +RTS -V0 "${@:2}" --nonmoving-gc
  grep -q 'stays mapped: the non-moving collector' trace || fail "non-moving: not told: $(cat trace)"
  # At other addresses than its own, and beyond the heap's reservation.
  FASTBOOT_REBASE=1 expect unmapped many "./$1" many +RTS -V0 "${@:2}"
  FASTBOOT_REBASE=1 expect mapped part "./$1" part +RTS -V0 "${@:2}"
  (ulimit -v 4000000 && expect unmapped many "./$1" many +RTS -V0 "${@:2}") || exit 1
  echo "$way: every scope well"
done
