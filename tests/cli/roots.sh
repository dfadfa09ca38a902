#!/bin/bash
# Declared roots: listed and built without running main, one or several to a snapshot, to a given depth, name and address;
# and each way to fail.
set -uo pipefail
# shellcheck source=tests/cli/lib.sh
. "$FASTBOOT_SOURCE/tests/cli/lib.sh"

mkdir Data
cat >Data/Words.hs <<'END'
{-# LANGUAGE StaticPointers #-}
module Data.Words (table, lazies, broken, slow, mutable) where

import Control.Concurrent
import Control.Exception
import Data.IORef
import qualified Data.Map.Strict as Map
import Fastboot.Declare
import System.Environment

table :: Map.Map Int String
table = rootFrom "out.snap" (static (declare "table" (getArgs >>= \as -> return (Map.fromList [(i, show i ++ concat as) | i <- [1 .. 1000]]))))

lazies :: [Integer]
lazies = rootFrom "out.snap" (static (declare "lazies'" (getArgs >>= \as -> return (scanl (+) 0 (map fromIntegral [length as .. 500])))))

broken, slow :: Int
broken = rootFrom "out.snap" (static (declare "broken" (throwIO (userError "no words"))))
slow = rootFrom "out.snap" (static (declare "slow" (threadDelay 600000000 >> return 1)))

mutable :: IORef Int
mutable = rootFrom "out.snap" (static (declare "mutable" (newIORef 1)))
END
cat >Main.hs <<'END'
{-# LANGUAGE StaticPointers #-}
module Main (main, other) where

import qualified Data.Map.Strict as Map
import Data.Words
import Fastboot.Declare
import GHC.StaticPtr

-- Static forms that are none of ours: a function, and one whose evaluation fails.
other :: [StaticPtr (Int -> Int)]
other = [static (+ 1), static (error "evaluated for its type only")]

named :: StaticPtr (Root Bool)
named = static (declare "named" (return True))

main :: IO ()
main = do
  writeFile "main.ran" ""
  putStrLn (unwords [show (Map.size table), show (sum lazies), rootName named])
END
cat >Plain.hs <<'END'
import Fastboot
main :: IO ()
main = writeFile "main.ran" "" >> (thaw "none.snap" >>= either (const (return ())) (\x -> print (x :: Int)))
END
cat >Frozen.hs <<'END'
import Fastboot
main :: IO ()
main = print (sum (frozen "main.snap" (return (map (* 2) [1 .. 1000 :: Int]))))
END
compile() { # OUTPUT MAIN FLAG...
  # shellcheck disable=SC2046 # words on purpose
  ghc -v0 $(fastboot-config --ghc-flags) -outputdir "o_$1" -o "$1" "${@:2}" || exit 1
}
compile roots Main.hs -O1
compile roots_threaded Main.hs -O1 -threaded
compile plain Plain.hs -O1
compile frozen Frozen.hs -O0

# run CODE STDERR-PATTERN ARG...: standard output goes to out.txt, and main is not run.
run() {
  local code=$1 err=$2 got
  shift 2
  rm -f main.ran
  "$freeze" "$@" >out.txt 2>err.txt </dev/null
  got=$?
  [ $got -eq "$code" ] || fail "$*: exit code $got, expected $code: $(head -3 err.txt)"
  [ -z "$err" ] || grep -qE -- "$err" err.txt || fail "$*: stderr is not '$err': $(head -3 err.txt)"
  [ ! -e main.ran ] || fail "$*: main was run"
  [ -z "$(find . -name '.fastboot-freeze.*')" ] || fail "$*: leaves $(find . -name '.fastboot-freeze.*')"
}
value() { FASTBOOT_TRACE=1 "./$1" 2>trace.txt; }
thunks() { "$inspect" --json "$1" | sed -n 's/.*"lazy_closures": \([0-9]*\).*/\1/p' | head -1; }

mkdir scratch
export TMPDIR=$PWD/scratch
for program in roots roots_threaded; do
  # --- listing
  run 0 '' --list-roots ./$program
  diff - out.txt <<'END' || fail "$program: --list-roots"
Data.Words.broken   Int
Data.Words.lazies_  [Integer]
Data.Words.mutable  IORef Int
Data.Words.slow     Int
Data.Words.table    Map Int [Char]
Main.named          Bool
END
  run 0 '' --list-roots --json ./$program
  python3 - out.txt <<'END' || fail "JSON: $(cat out.txt)"
import json, sys
run = json.load(open(sys.argv[1]))
assert run["schema_version"] == 1 and run["ok"] and run["snapshot"] is None and not run["problems"]
assert run["declared"][4] == {"name": "Data.Words.table", "type": "Map Int [Char]"}
assert len(run["declared"]) == 6
END

  # --- building
  rm -f out.snap
  expected='1000 20958500 Main.named'
  [ "$(value $program)" = "$expected" ] || fail "$program without a snapshot: $(value $program)"
  [ "$(grep -c 'no such file.*; built anew' trace.txt)" = 2 ] || fail "$program without a snapshot: not told: $(cat trace.txt)"
  [ ! -e out.snap ] || fail 'rootFrom wrote the snapshot'
  run 0 'image out, ' --root Data.Words.table --root Data.Words.lazies_ -o out.snap ./$program
  [ "$("$inspect" --json --roots out.snap | grep -c '"name": "Data.Words')" = 2 ] || fail "roots: $("$inspect" --roots out.snap)"
  [ "$(value $program)" = "$expected" ] || fail "$program with the snapshot: $(value $program)"
  { grep -q 'thawed "Data.Words.table"' trace.txt && grep -q 'thawed "Data.Words.lazies_"' trace.txt && ! grep -q built trace.txt; } ||
    fail "$program: not thawed: $(cat trace.txt)"
  cp out.snap first.snap
  run 0 '' -q --root Data.Words.table --root Data.Words.lazies_ -o out.snap ./$program
  cmp first.snap out.snap || fail "$program: building twice gives two files"
  # The arguments are there for what builds the roots.
  run 0 '' -q --root Data.Words.table -o plain.snap ./$program
  run 0 '' -q --root Data.Words.table -o args.snap ./$program -- one two
  cmp -s <("$inspect" -n plain.snap | grep 'Build ID') <("$inspect" -n args.snap | grep 'Build ID') &&
    fail "$program: arguments make no difference"

  # --- depth
  for depth in none whnf nf; do
    run 0 '' -q --force $depth --root Data.Words.lazies_ -o $depth.snap ./$program
  done
  [ "$(thunks nf.snap)" = 0 ] || fail "--force nf leaves $(thunks nf.snap) thunks"
  { [ "$(thunks none.snap)" -gt 0 ] && [ "$(thunks whnf.snap)" -gt 0 ]; } || fail '--force none, whnf: no thunks are left'

  # --- name and address
  run 0 'image lookup-1, ' --soname lookup-1 --va 0x12340000000 --root Data.Words.table --root Data.Words.lazies_ \
    -o out.snap ./$program
  readelf -dW out.snap | grep 'SONAME.*\[lookup-1\]' >/dev/null || fail "SONAME: $(readelf -dW out.snap)"
  "$inspect" -h out.snap | grep 0x12340000000 >/dev/null || fail "--va: $("$inspect" -h out.snap)"
  [ "$(value $program)" = "$expected" ] || fail "$program, --va: $(value $program)"
  grep -qE 'built|rebased' trace.txt && fail "$program, --va: $(cat trace.txt)"
done
# --force, --soname and --va of an image that main freezes.
run 0 'image mine, ' --force nf --soname mine --va 0x12380000000 -o main.snap ./frozen
[ "$(thunks main.snap)" = 0 ] || fail "--force nf of what main freezes: $(thunks main.snap) thunks"
{ [ "$(value frozen)" = 1001000 ] && grep -q thawed trace.txt; } || fail "--va of what main freezes: $(cat trace.txt)"

# --- failure
echo old >old.snap
refused() {
  run "$@"
  [ "$(cat old.snap)" = old ] || fail "$*: changes the old file"
}
refused 3 "declares no root 'table'; it declares Data.Words.broken, .*Main.named" --root table -o old.snap ./roots
refused 3 "image 'old' could not be frozen: an exception while building: user error \(no words\)" \
  --root Data.Words.broken -o old.snap ./roots
refused 3 'could not be frozen: error 301: cannot freeze a MUT_VAR' --root Data.Words.mutable -o old.snap ./roots
refused 4 'did not end within 0.5 seconds' --timeout 0.5 --root Data.Words.slow -o old.snap ./roots
refused 6 'plain: declares no roots .*so it was not run; import Fastboot.Declare' --list-roots ./plain
refused 6 'plain: declares no roots .*so it was not run' --root x -o old.snap ./plain
refused 2 'takes no -o' --list-roots -o old.snap ./roots
refused 2 'main does not run' --root x --image y -o old.snap ./roots
refused 2 '--force takes none, whnf or nf' --force deep -o old.snap ./roots
refused 2 '--soname takes letters' --soname a/b -o old.snap ./roots
refused 2 '--va takes a multiple' --va 0x12340001000 -o old.snap ./roots
refused 2 '--root takes the name' --root a,b -o old.snap ./roots
[ -z "$(ls -A scratch)" ] || fail "leaves in TMPDIR: $(ls -A scratch)"

# A program that declares nothing runs its main, whatever it is asked.
rm -f main.ran
FASTBOOT_LIST_ROOTS=list.txt ./plain
{ [ -e main.ran ] && [ ! -e list.txt ]; } || fail 'a program without roots does not run'
exit $failed
