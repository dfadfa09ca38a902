#!/bin/bash
# Every example compiles without a warning, with the flags that a user is told, and does what its page says.
set -euo pipefail
fail() {
  echo "examples: $*"
  exit 1
}
# Not compiled in place: the source tree stays as it is.
compile() { # EXAMPLE
  local flags
  flags=$(fastboot-config --ghc-flags)
  # shellcheck disable=SC2086 # words on purpose
  ghc -v0 -O -Wall -Werror $flags -i"$FASTBOOT_SOURCE/examples/$1" -outputdir "objects/$1" -o "$1" "$FASTBOOT_SOURCE/examples/$1/Main.hs"
}

for directory in "$FASTBOOT_SOURCE"/examples/*/; do
  name=$(basename "$directory")
  grep -qF "\`$name/\`" "$FASTBOOT_SOURCE/examples/README.md" || fail "examples/README.md does not tell of $name/"
  compile "$name"
done

./hello >hello.out
[[ $(sed -n 1p hello.out) == froze* ]] || fail "hello froze nothing: $(<hello.out)"
[ "$(sed -n 2p hello.out)" = 'fromList [(1,"Ankara"),(2,"Bern"),(3,"Cairo")]' ] || fail "hello thawed something else: $(<hello.out)"
[ -s capitals.snap ] || fail "hello left no capitals.snap"

# ci: program and snapshot go to a prefix, which may be moved; without its snapshot the program gives the same answers.
"$FASTBOOT_SOURCE/examples/ci/build" "$PWD/prefix" >ci.out 2>&1 || fail "ci/build: exit $?: $(<ci.out)"
grep -q '^Main.table  Map \[Char\] Int$' ci.out || fail "ci/build does not list the root: $(<ci.out)"
mv prefix moved
[ "$(stat -c %a moved/share/syllables.snap)" = 444 ] || fail "the snapshot can be written: $(ls -l moved/share)"
with=$(FASTBOOT_TRACE=1 ./moved/bin/syllables zoebeeba diala x 2>ci.trace)
grep -q ': thawed "Main.table"' ci.trace || fail "syllables does not use its snapshot: $(<ci.trace)"
rm -f moved/share/syllables.snap
[ "$with" = "$(./moved/bin/syllables zoebeeba diala x)" ] || fail "syllables without its snapshot: not '$with'"
[ "$with" = 'zoebeeba: 3
diala: 3
x: not in the table' ] || fail "syllables: $with"
[ ! -e moved/share/syllables.snap ] || fail 'syllables wrote its snapshot'

# spell: with a snapshot and without, and with one that is damaged, the same answers; the second time from the snapshot.
[ -r /usr/share/dict/american-english-insane ] || {
  echo "no word list (package wamerican-insane)"
  exit 77
}
words=(recieve teh zzzzqqq)
first=$(FASTBOOT_TRACE=1 ./spell "${words[@]}" 2>first.trace)
second=$(FASTBOOT_TRACE=1 ./spell "${words[@]}" 2>second.trace)
grep -q ': froze ' first.trace || fail "the first start did not freeze: $(<first.trace)"
grep -q ': thawed ' second.trace || fail "the second start did not thaw: $(<second.trace)"
[ "$first" = "$second" ] || fail "the answers differ: '$first' and '$second'"
[[ $first == *"recieve: receive"* && $first == *"teh: the"* && $first == *"zzzzqqq:"* ]] || fail "odd answers: $first"
chmod u+w spell.snap
truncate -s 5000 spell.snap
third=$(FASTBOOT_TRACE=1 ./spell "${words[@]}" 2>third.trace)
[ "$first" = "$third" ] || fail "with a truncated snapshot the answers differ: '$third'"
grep -q ': froze ' third.trace || fail "the truncated snapshot was not replaced: $(<third.trace)"
