#!/bin/bash
# A program that carries its snapshot: found without a file, through strip, moved, at other addresses; with the program's
# build-id, and never taken for something else.
set -uo pipefail
# shellcheck source=tests/cli/lib.sh
. "$FASTBOOT_SOURCE/tests/cli/lib.sh"

cat >Main.hs <<'END'
{-# LANGUAGE StaticPointers #-}
module Main (main) where

import qualified Data.Map.Strict as Map
import Fastboot
import Fastboot.Declare
import System.Environment

table :: Map.Map Int Int
table = frozen "dir/table.snap" (return (Map.fromList [(i, i * i) | i <- [1 .. 100000]]))

other :: Map.Map Int Int
other = frozen "other.snap" (return (Map.fromList [(1, 1)]))

names :: [String]
names = rootFrom "no/such/place.snap" (static (declare "names" (getArgs >>= \as -> return (map show [length as .. 1000]))))

main :: IO ()
main = getArgs >>= \arguments -> case arguments of
  ["table"] -> print (sum table)
  ["other"] -> print (sum other)
  ["scoped"] -> withFrozen "table.snap" (\t -> print (sum (t :: Map.Map Int Int))) >>= either print return
  ["wrong-type"] -> thaw "table.snap" >>= either print (print . length . (id :: [Int] -> [Int]))
  _ -> print (length (concat names))
END
cat >Unlike.hs <<'END'
import Fastboot
main :: IO ()
main = print (frozen "table.snap" (return 'x'))
END
# shellcheck disable=SC2046 # words on purpose
ghc -v0 -O1 $(fastboot-config --ghc-flags) -outputdir o -o app Main.hs || exit 1
# shellcheck disable=SC2046
ghc -v0 -O1 $(fastboot-config --ghc-flags) -outputdir ou -o unlike Unlike.hs || exit 1
build_id() { readelf -nW "$1" | sed -n 's/.*Build ID: //p'; }
sum=333338333350000

# thawed PROGRAM ARG...: from the program, with the right answer, in a directory without any file.
mkdir empty
thawed() {
  local program=$1
  shift
  [ "$(cd empty && FASTBOOT_TRACE=1 "../$program" "$@" 2>../trace.txt)" = $sum ] || fail "$program $*: wrong answer"
  grep -qE 'thawed "table" :: Map Int Int, from the program; ' trace.txt || fail "$program $*: $(cat trace.txt)"
  [ -z "$(ls -A empty)" ] || fail "$program $*: writes $(ls empty)"
}

chmod 750 app
"$freeze" --embed carrying ./app -- table 2>err.txt >out.txt || fail "--embed: exit $?: $(cat err.txt)"
grep -q '^fastboot-freeze: note: carrying: image table, ' err.txt || fail "--embed: $(cat err.txt)"
[ "$(stat -c %a carrying)" = 750 ] || fail "the mode is not the program's: $(ls -l carrying)"
{ [ "$(build_id carrying)" = "$(build_id app)" ] && [ -n "$(build_id app)" ]; } || fail "another build-id: $(build_id carrying)"
cmp -n $(($(stat -c %s app) - 64)) -i 64 carrying app || fail "the program's own bytes are changed"
# Large enough for pages of 2 MiB.
readelf -SW carrying | grep -E ' \.fastboot +PROGBITS +0+ [0-9a-f]*[02468ace]00000 .* 2097152$' >/dev/null || fail "section: $(readelf -SW carrying | grep fastboot)"
thawed carrying table
FASTBOOT_REBASE=1 thawed carrying table
FASTBOOT_TRACE=1 ./carrying scoped >out.txt 2>trace.txt
{ [ "$(cat out.txt)" = $sum ] && grep -q 'image "table": unmapped' trace.txt; } || fail "scoped: $(cat out.txt trace.txt)"
./carrying wrong-type | grep '^error 206: table.snap: its root "table" has type Map Int Int' >/dev/null || fail "another type: $(./carrying wrong-type)"

strip --strip-debug -o stripped_debug carrying && thawed stripped_debug table
strip -o stripped carrying && thawed stripped table
objcopy carrying copied && thawed copied table
[ "$(build_id stripped)" = "$(build_id app)" ] || fail "strip changes the build-id: $(build_id stripped)"

# Another image is not taken for it, and a file goes first.
(cd empty && FASTBOOT_TRACE=1 ../carrying other >../out.txt 2>../trace.txt)
grep -q 'other.snap: no such file; .*; built anew' trace.txt || fail "another image: $(cat trace.txt)"
rm -rf empty && mkdir empty
mkdir dir
./app table >/dev/null
FASTBOOT_TRACE=1 ./carrying table 2>trace.txt >/dev/null
{ grep -q thawed trace.txt && ! grep -q 'from the program' trace.txt; } || fail "a file does not go first: $(cat trace.txt)"

# By the name of a root; the snapshot also as a file, and the same.
"$freeze" --json --force nf --root Main.names --embed roots -o roots.snap ./app 2>err.txt >out.txt || fail "--root --embed: $(cat err.txt)"
{ grep -q '"embedded_in": "roots"' out.txt && grep -q '"file": "roots.snap"' out.txt; } || fail "JSON: $(cat out.txt)"
{ objcopy --dump-section .fastboot=dumped.snap roots dumped.elf && cmp dumped.snap roots.snap; } || fail 'the section is not the snapshot'
[ "$(cd empty && FASTBOOT_TRACE=1 ../roots 2>../trace.txt)" = "$(./app)" ] || fail 'roots: wrong answer'
grep -q 'thawed "Main.names" :: \[\[Char\]\], from the program' trace.txt || fail "roots: $(cat trace.txt)"

# The section in another program, and where it cannot be mapped: the value is built.
objcopy --add-section .fastboot=roots.snap unlike wrong
[ "$(cd empty && FASTBOOT_TRACE=1 ../wrong 2>../trace.txt)" = "'x'" ] || fail "in another program: $(cat trace.txt)"
grep -q 'built anew' trace.txt || fail "in another program: not built: $(cat trace.txt)"
rm -f empty/*

# --- failure: the old output stays ------------------------------------------------------------------------------------
echo old >old
refused() { # CODE PATTERN ARG...
  local code=$1 pattern=$2
  shift 2
  "$freeze" --embed old "$@" >out.txt 2>err.txt
  local got=$?
  [ $got = "$code" ] || fail "$*: exit $got, expected $code: $(cat err.txt)"
  grep -qE "$pattern" err.txt || fail "$*: $(cat err.txt)"
  { [ "$(cat old)" = old ] && [ -z "$(find . -name '.*old*' -o -name '.fastboot-freeze.*')" ]; } || fail "$*: leaves $(ls -A)"
}
printf '#!/bin/sh\nexec "%s" "$@"\n' "$PWD/app" >script
chmod +x script
refused 1 'script: ' ./script -- table
refused 2 'carrying: carries a snapshot already; embed into the program as it was linked' ./carrying -- table
refused 5 'app: ended well and froze nothing' ./app
refused 3 'declares no root' --root none ./app
exit $failed
