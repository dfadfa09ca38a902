#!/bin/bash
# A plan's work grows with the number of targets, and no faster: counted in instructions, for 4,000 and 16,000 functions
# without names, all of which have moved.
set -uo pipefail
# shellcheck source=tests/migrate/lib.sh
. "$FASTBOOT_SOURCE/tests/migrate/lib.sh"

export FASTBOOT_CACHE=$PWD/cache
# program NAME SED-SCRIPT: Big.hs with 20,000 functions, edited.
program() {
  sed "s/rept 100000/rept 20000/; $2" "$FASTBOOT_SOURCE/tests/roundtrip/many_targets.S" >"$1.S"
  gcc -c -o "$1.o" "$1.S" || fail "$1.S does not assemble"
  ghc -v0 -O1 "${ghc_flags[@]}" -outputdir objects "$FASTBOOT_SOURCE/tests/roundtrip/Big.hs" "$1.o" -o "$1" || fail "$1 does not compile"
}
program old ''
program moved '0,/\.section/s//.text\n.space 4096\n&/'
for count in 1 4000 16000; do
  fastboot-freeze -q -o $count.snap ./old freeze functions $count x.snap 2>err.txt || fail "cannot freeze $count: $(cat err.txt)"
done

fastboot-migrate --dry-run 1.snap moved >/dev/null 2>&1 # makes the index
instructions() { # COUNT
  local status=0
  valgrind --tool=callgrind --callgrind-out-file=callgrind.out fastboot-migrate --dry-run "$1.snap" moved >plan.txt 2>counted.txt || status=$?
  [ $status = 0 ] && [ "$(grep -c '^  moved  *function ' plan.txt)" = "$1" ] || fail "$1 functions: $status: $(tail -n 2 plan.txt)" >&2
  sed -n 's/.*Collected : \([0-9]*\).*/\1/p' counted.txt
}
least=$(instructions 1) && few=$(instructions 4000) && many=$(instructions 16000) || exit 1
echo "$((least / 1000000)), $((few / 1000000)) and $((many / 1000000)) million instructions for 1, 4,000 and 16,000 functions"
# Four times as many targets take four times the work, beyond what one takes.
[ $((many - least)) -le $((6 * (few - least))) ] || wrong "four times as many targets take $(((many - least) / (few - least))) times the work"
exit $failed
