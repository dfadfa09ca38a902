#!/bin/bash
# A plan's work grows with the number of targets, and no faster: counted in instructions, for 4,000 and 16,000 functions
# without names, all of which have moved, and all of which are lost.
set -uo pipefail
# shellcheck source=tests/migrate/lib.sh
. "$FASTBOOT_SOURCE/tests/migrate/lib.sh"

export FASTBOOT_CACHE=$PWD/cache
# program NAME SED-SCRIPT: Big.hs with 20,000 functions, edited. (Functions that give 4 or 8 are in base, too.)
program() {
  sed "s/rept 100000/rept 20000/; s/quad   k$/quad k + 1000000/; $2" "$FASTBOOT_SOURCE/tests/roundtrip/many_targets.S" >"$1.S"
  gcc -c -o "$1.o" "$1.S" || fail "$1.S does not assemble"
  ghc -v0 -O1 "${ghc_flags[@]}" -outputdir objects "$FASTBOOT_SOURCE/tests/roundtrip/Big.hs" "$1.o" -o "$1" || fail "$1 does not compile"
}
program old ''
program lost 's/%ebx/%ecx/'
program moved '0,/\.section/s//.text\n.space 4096\n&/'
for count in 1 4000 16000; do
  fastboot-freeze -q -o $count.snap ./old freeze functions $count x.snap 2>err.txt || fail "cannot freeze $count: $(cat err.txt)"
done

# instructions PROGRAM COUNT STATUS PATTERN: those of the plan, which has so many lines of this pattern.
instructions() {
  local status=0
  valgrind --tool=callgrind --callgrind-out-file=callgrind.out fastboot-migrate --dry-run "$2.snap" "$1" >plan.txt 2>counted.txt || status=$?
  [ $status = "$3" ] && [ "$(grep -c "$4" plan.txt)" = "$2" ] || fail "$1, $2 functions: $status: $(tail -n 2 plan.txt)" >&2
  sed -n 's/.*Collected : \([0-9]*\).*/\1/p' counted.txt
}
# linear PROGRAM STATUS PATTERN
linear() {
  local least few many
  fastboot-migrate --dry-run 1.snap "$1" >/dev/null 2>&1 # makes the index
  least=$(instructions "$1" 1 "${@:2}") && few=$(instructions "$1" 4000 "${@:2}") && many=$(instructions "$1" 16000 "${@:2}") || exit 1
  echo "$1: $((least / 1000000)), $((few / 1000000)) and $((many / 1000000)) million instructions for 1, 4,000 and 16,000 functions"
  # Four times as many targets take four times the work, beyond what one takes.
  [ $((many - least)) -le $((6 * (few - least))) ] ||
    wrong "$1: four times as many targets take $(((many - least) / (few - least))) times the work"
}
linear moved 0 '^  moved  *function '
linear lost 1 '^  gone  *function '
exit $failed
