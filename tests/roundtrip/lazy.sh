#!/bin/bash
# Graphs with thunks, functions and byte strings (Lazy.hs), as data.sh does with data: frozen by one process, thawed by another
# and compared there, before and after collections, and while two threads force them. And tables that only frozen code reaches.
#   LAZY_FLAGS='-A1m|-A64k -c' overrides the collectors, GRAPHS='primes partials' the graphs.
# timeout: 900
set -euo pipefail
# shellcheck source=tests/roundtrip/lib.sh
source "$FASTBOOT_SOURCE/tests/roundtrip/lib.sh"

build_program lazy LazyMain.hs
for probe in root_thunk_inside root_function; do
  ./lazy freeze $probe probe.snap 2>probe.err && continue
  grep -qE 'error 31[01]:' probe.err || fail "the probe $probe: $(cat probe.err)"
  echo "SKIPPED: this runtime refuses lazy closures or functions: $(cat probe.err)"
  exit 77
done

read -ra graphs <<<"${GRAPHS:-$(./lazy list | tr '\n' ' ')}"
flags=(
  '-A1m' '-A64k' '-A1m -c' '-A64k -c' '-A1m --nonmoving-gc' '-A64k --nonmoving-gc' '-A1m -G1' '-A64k -G1' '-A1m -G3'
  '-A64k -G3'
)
[ -z "${LAZY_FLAGS:-}" ] || IFS='|' read -ra flags <<<"$LAZY_FLAGS"
freeze_each lazy vanilla
freeze_each lazy_threaded threaded -N2
thaw_each early late threads
thaw_elsewhere early late threads
[ -n "${GRAPHS:-}" ] || thaw_together

[ -z "${GRAPHS:-}" ] || exit 0
build_program caf Caf.hs
for way in caf 'caf_threaded -N2'; do
  # shellcheck disable=SC2086 # program and flags
  set -- $way
  "./$1" freeze caf.snap caf.txt +RTS -V0 "${@:2}" >out 2>&1 || fail "$way: $(cat out)"
  for flag in "${flags[@]}"; do
    # shellcheck disable=SC2086 # several flags
    timeout 120 "./$1" thaw caf.snap caf.txt +RTS -V0 "${@:2}" $flag >out 2>&1 ||
      fail "$way $flag: exit $?: tables that frozen code reaches: $(head -c 1000 out)"
  done
  rm caf.snap
done
echo "tables that only frozen code reaches: alive under ${#flags[@]} collectors"
