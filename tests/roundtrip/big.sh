#!/bin/bash
# Large graphs (Big.hs): a list of ten million cells, an array of ten megabytes, 100,000 targets; with BIG=1 an array of a gigabyte, too.
# timeout: 600
set -euo pipefail
# shellcheck source=tests/roundtrip/lib.sh
source "$FASTBOOT_SOURCE/tests/roundtrip/lib.sh"

gcc -c -o many_targets.o "$sources/many_targets.S"
compile big Big.hs many_targets.o
compile big_threaded Big.hs many_targets.o -threaded

# round_trip KIND SIZE RTS-FLAGS-OF-THE-FREEZE...
round_trip() {
  local kind=$1 size=$2 start=$SECONDS
  shift 2
  ./big freeze "$kind" "$size" "$kind.snap" +RTS "$@" >out 2>&1 || fail "$kind: freeze: exit $?: $(head -c 1000 out)"
  local targets
  targets=$(sed -n 's/.* that need \([0-9]*\) things.*/\1/p' out)
  # A small C stack: nothing may recurse with the graph's depth.
  for flags in '' '-A64k --nonmoving-gc' '-c'; do
    # shellcheck disable=SC2086 # several flags
    (ulimit -s 256 && timeout 200 ./big thaw "$kind" "$size" "$kind.snap" +RTS $flags) >out 2>&1 ||
      fail "$kind $flags: thaw: exit $?: $(head -c 1000 out)"
  done
  FASTBOOT_REBASE=1 timeout 200 ./big thaw "$kind" "$size" "$kind.snap" >out 2>&1 || fail "$kind, rebased: exit $?: $(head -c 1000 out)"
  echo "$kind of $size: $(($(stat -c %s "$kind.snap") / 1000000)) MB, $targets targets, in $((SECONDS - start)) s"
  [ "$kind" != functions ] || [ "$targets" -ge "$size" ] || fail "only $targets targets"
  rm "$kind.snap"
}

round_trip functions 100000
round_trip bytes 10000000
round_trip list 10000000
# With several capabilities, when the world is stopped.
./big_threaded freeze list 3000000 list.snap +RTS -N2 >out 2>&1 || fail "threaded: freeze: $(head -c 1000 out)"
timeout 200 ./big_threaded thaw list 3000000 list.snap +RTS -N2 >out 2>&1 || fail "threaded: thaw: $(head -c 1000 out)"
[ -z "${BIG:-}" ] || round_trip bytes 1000000000
