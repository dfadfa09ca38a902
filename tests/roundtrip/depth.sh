#!/bin/bash
# freezeWith: nothing, the outermost constructor, or everything is evaluated before a value is frozen. In normal form no thunk
# is left in data, whatever its type, and what data does not need is not evaluated; exceptions and endless values show; and
# the values are right.
set -euo pipefail
# shellcheck source=tests/roundtrip/lib.sh
source "$FASTBOOT_SOURCE/tests/roundtrip/lib.sh"

build_program depth Depth.hs
for way in depth 'depth_threaded -N2'; do
  # shellcheck disable=SC2086 # program and flags
  set -- $way
  run() { timeout 60 "./$1" "${@:2}"; }
  for case in list tree map boxes caf root knot prefix memo; do
    for depth in AsIs WHNF NF; do
      rm -f $case.snap
      run "$1" freeze $depth $case +RTS -V0 "${@:2}" >out 2>err || fail "$way: $case $depth: exit $?: $(cat out err)"
      read -r closures lazy <out
      echo "$way $case $depth: $closures closures, $lazy thunks"
      case $case.$depth in
        # A function keeps what it holds.
        memo.NF | boxes.NF) [ "$lazy" -gt 0 ] || fail "$case: what a function holds was evaluated" ;;
        *.NF) [ "$lazy" = 0 ] || fail "$case: $lazy thunks are left in normal form" ;;
        list.* | tree.* | map.* | boxes.* | knot.*) [ "$lazy" -gt 0 ] || fail "$case $depth: nothing is left to evaluate" ;;
      esac
      # The root itself: a thunk, a constructor, one with an evaluated field.
      case $case.$depth in
        root.AsIs | root.WHNF) [ "$lazy" = 1 ] || fail "$case $depth: $lazy thunks, expected one" ;;
      esac
      run "$1" thaw $case +RTS -V0 "${@:2}" || fail "$way: $case $depth: wrong when thawed"
    done
  done
  status=0
  run "$1" freeze NF bottom +RTS -V0 "${@:2}" >out 2>&1 || status=$?
  { [ $status = 3 ] && grep -q 'exception user error (on purpose)' out; } || fail "$way: bottom: exit $status: $(cat out)"
  [ ! -e bottom.snap ] || fail "$way: bottom.snap was written"
  run "$1" freeze WHNF bottom +RTS -V0 "${@:2}" >out 2>&1 || fail "$way: bottom, WHNF: $(cat out)"
  run "$1" thaw bottom || fail "$way: what is not evaluated is no harm"
  rm -f bottom.snap
  status=0
  run "$1" freeze NF mutable +RTS -V0 "${@:2}" >out 2>&1 || status=$?
  { [ $status = 1 ] && grep -q '^error 301: cannot freeze a MUT_VAR' out; } || fail "$way: mutable: exit $status: $(cat out)"
done
# Work without an end says so, from the second second on.
status=0
./depth freeze NF endless +RTS -M2g >out 2>err || status=$?
{ [ $status = 4 ] || [ $status = 251 ]; } || fail "endless: exit $status: $(cat out err)"
grep -qE '^fastboot: endless.snap: evaluating what is to be frozen: [0-9]+ thunks in [2-9] s, not finished yet$' err ||
  fail "endless: says nothing of its progress: $(cat err)"
