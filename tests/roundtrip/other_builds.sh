#!/bin/bash
# timeout: 300
# A snapshot in another build of its program, and in another program, without fastboot-migrate: plain data of libraries' types
# thaws where its constructors are found by name; the program's own types only under unsafeFrozen; functions never. `frozen`
# builds anew whenever the build is another.
set -uo pipefail
# shellcheck source=tests/roundtrip/lib.sh
. "$FASTBOOT_SOURCE/tests/roundtrip/lib.sh"
failed=0
wrong() {
  echo "WRONG: $*"
  failed=1
}

cat >Types.hs <<'END_OF_FILE'
{-# LANGUAGE CPP #-}
module Types (Shape (..), area) where

#ifdef SHAPES_WIDER
data Shape = Circle Int Int | Square Int Int
#elif defined SHAPES_OTHER_ORDER
data Shape = Square Int Int | Circle Int
#else
data Shape = Circle Int | Square Int Int
#endif

area :: Shape -> Int
#ifdef SHAPES_WIDER
area (Circle r s) = r + s
#else
area (Circle r) = r
#endif
area (Square a b) = a * b
END_OF_FILE
cat >Main.hs <<'END_OF_FILE'
{-# LANGUAGE CPP #-}
{-# LANGUAGE ScopedTypeVariables #-}
module Main (main) where

import qualified Data.Map.Strict as Map
import qualified Data.Sequence as Seq
import qualified Data.Text as Text
import qualified Data.ByteString as B
import qualified Data.Vector.Unboxed as U
import Data.Ratio ((%))
import Fastboot
import System.Environment (getArgs)
import Types

-- So that values tell which build made them.
factor :: Int
#ifdef OTHER_BUILD
factor = 4
#else
factor = 3
#endif

type Plain = Map.Map Int (Text.Text, [Double], Seq.Seq Integer, Maybe (Either () Rational), U.Vector Int)

plain :: Plain
plain = Map.fromList
  [ (i, (Text.pack (show i), [fromIntegral i, 2.5], Seq.fromList [2 ^ i, 7], if even i then Nothing else Just (Right (toInteger i % 7)), U.fromList [i, i + 1]))
  | i <- [1 .. 100 * factor] ]

shapes :: [Shape]
#ifdef SHAPES_WIDER
shapes = [Circle i i | i <- [1 .. factor]]
#else
shapes = [if even i then Circle i else Square i (i + factor) | i <- [1 .. 10 * factor]]
#endif

functions :: [Int -> Int]
functions = [\x -> x + i + factor | i <- [1 .. 5]]

bytes :: [B.ByteString]
bytes = [B.replicate i 7 | i <- [1 .. factor]]

say :: Show b => (a -> b) -> IO (Either ThawError a) -> IO ()
say look act = act >>= either (putStrLn . ("error " ++) . show . thawErrorCode) (print . look)

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["fresh", "plain"] -> print plain
    ["fresh", "shapes"] -> print (map area shapes)
    ["frozen", path] -> print (frozen path (return plain))
    ["unsafe", "plain", path] -> print (unsafeFrozen path (return plain))
    ["unsafe", "shapes", path] -> print (map area (unsafeFrozen path (return shapes)))
    ["unsafe", "functions", path] -> print (map ($ 1) (unsafeFrozen path (return functions)))
    "keyed" : path : keys -> mapM_ (print . frozenFor path (\key -> return [key, key ++ "!"])) (keys :: [String])
    ["thaw", "plain", path] -> say (id :: Plain -> Plain) (thaw path)
    ["thaw", "shapes", path] -> say (map area) (thaw path)
    ["thaw", "functions", path] -> say (map ($ (1 :: Int)) :: [Int -> Int] -> [Int]) (thaw path)
    ["thaw", "bytes", path] -> say (map B.length) (thaw path)
    ["freeze", "plain", path] -> freezeWith NF path plain >>= either (error . show) (const (return ()))
    ["freeze", "shapes", path] -> freezeWith NF path shapes >>= either (error . show) (const (return ()))
    ["freeze", "functions", path] -> freezeWith NF path functions >>= either (error . show) (const (return ()))
    ["freeze", "bytes", path] -> freezeWith NF path bytes >>= either (error . show) (const (return ()))
    -- What one caller takes, another need not: in one process.
    ["thaw-then-frozen", path] -> do
      say Map.size (thaw path :: IO (Either ThawError Plain))
      print (Map.size (frozen path (return plain)))
    ["unsafe-then-thaw", "plain", path] -> do
      print (Map.size (unsafeFrozen path (return plain)))
      say Map.size (thaw path :: IO (Either ThawError Plain))
    ["unsafe-then-thaw", "shapes", path] -> do
      print (length (unsafeFrozen path (return shapes)))
      say length (thaw path :: IO (Either ThawError [Shape]))
    _ -> error "see tests/roundtrip/other_builds.sh"
END_OF_FILE
cat >Other.hs <<'END_OF_FILE'
module Main (main) where

import qualified Data.Map.Strict as Map
import qualified Data.Sequence as Seq
import qualified Data.Text as Text
import qualified Data.Vector.Unboxed as U
import Data.Ratio ((%))
import Fastboot
import System.Environment (getArgs)

-- Linkers leave out the constructors that a program never makes; this one makes all.
type Plain = Map.Map Int (Text.Text, [Double], Seq.Seq Integer, Maybe (Either () Rational), U.Vector Int)

more :: Int -> Plain -> Plain
more i = Map.insert i (Text.pack (show i), [fromIntegral i], Seq.fromList [1 .. toInteger i], Just (Right (toInteger i % 3)), U.fromList [i])

main :: IO ()
main = do
  path : add <- getArgs
  thaw path >>= either (putStrLn . ("error " ++) . show . thawErrorCode) (\table -> print (foldr (more . read) table add))
END_OF_FILE
build() { # OUTPUT SOURCE FLAG...
  local output=$1 source=$2
  shift 2
  ghc -v0 -O1 "${ghc_flags[@]}" -outputdir "objects_$output" "$@" "$source" -o "$output" || fail "$output does not compile"
}
build one Main.hs
build two Main.hs -DOTHER_BUILD
build wider Main.hs -DSHAPES_WIDER
build other_order Main.hs -DSHAPES_OTHER_ORDER
build other Other.hs

# expect OUTPUT STDERR-PATTERN PROGRAM ARGUMENT...
expect() {
  local output=$1 pattern=$2 program=$3 found
  shift 3
  found=$(FASTBOOT_TRACE=1 "./$program" "$@" 2>trace.txt) || wrong "$program $*: exit $?: $(cat trace.txt)"
  [ "$found" = "$output" ] || wrong "$program $*: '${found:0:300}', expected '${output:0:300}': $(cut -c1-600 trace.txt)"
  grep -qE -- "$pattern" trace.txt || wrong "$program $*: nothing says '$pattern': $(cut -c1-900 trace.txt)"
}
by_name='bound to another build; its [0-9]+ targets found here by name'
plain=$(./one fresh plain) plain_two=$(./two fresh plain) shapes=$(./one fresh shapes)
[ "$plain" != "$plain_two" ] || fail 'the two builds build the same'

# --- plain data of libraries' types: in another build and in another program
./one freeze plain plain.snap
expect "$plain" thawed one thaw plain plain.snap
expect "$plain" "$by_name" two thaw plain plain.snap
expect "$plain" "$by_name" other plain.snap
FASTBOOT_REBASE=1 expect "$plain" "$by_name" two thaw plain plain.snap
./one freeze bytes bytes.snap
expect '[1,2,3]' "$by_name" two thaw bytes bytes.snap

# --- frozen asks for the same build: the value that it would build is another
cp plain.snap mine.snap
expect "$plain_two" 'bound to another build: .*fastboot-migrate --add .*; built anew' two frozen mine.snap
cp plain.snap mine.snap
expect $'300\n400' 'only in use in this process because its targets were found by name.*; built anew' two thaw-then-frozen mine.snap

# --- a value for each key: keys whose file names begin alike, and names that no file could have
built='(built anew: froze .*){3}' thawn='(thawed "keys-.*){3}'
keys=('a b' 'a_b' "../$(printf 'x%.0s' {1..300})")
values=$(printf '["%s","%s!"]\n' "${keys[0]}" "${keys[0]}" "${keys[1]}" "${keys[1]}" "${keys[2]}" "${keys[2]}")
for pattern in "$built" "$thawn"; do
  found=$(FASTBOOT_TRACE=1 ./one keyed keys.snap "${keys[@]}" 2>trace.txt) || wrong "keyed: $(cat trace.txt)"
  [ "$found" = "$values" ] || wrong "keyed: $found"
  tr '\n' ' ' <trace.txt | grep -E -- "$pattern" >/dev/null || wrong "keyed: expected '$pattern': $(cut -c1-200 trace.txt)"
done
[ "$(find . -maxdepth 1 -name 'keys-*-????????????????.snap' | wc -l)" = 3 ] || wrong "keyed: $(ls)"

# --- unsafeFrozen does not
expect "$plain" 'no such file.*built anew' one unsafe plain kept.snap
expect "$plain" "$by_name" two unsafe plain kept.snap
expect "$shapes" 'no such file.*built anew' one unsafe shapes shapes.snap
expect "$shapes" "$by_name" two unsafe shapes shapes.snap
# What one caller allows is not asked of the next, if it was not needed.
expect $'300\n300' "$by_name" two unsafe-then-thaw plain kept.snap
expect $'30\nerror 205' "$by_name" two unsafe-then-thaw shapes shapes.snap
# A constructor with another layout or number is seen, and the value built anew.
for program in wider other_order; do
  cp shapes.snap changed.snap && chmod 600 changed.snap
  expect "$(./$program fresh shapes)" 'Types_(Circle|Square)_con_info has another shape in this program.*built anew' $program unsafe shapes changed.snap
done

# --- the program's own types are for fastboot-migrate, elsewhere
expect 'error 205' 'whether main:Types\.(Circle|Square) has the same fields in both is for fastboot-migrate to tell; carry it over by fastboot-migrate --add .shapes.snap. ./.*/two' \
  two thaw shapes shapes.snap
# --- and so are functions, for everybody
expect '[5,6,7,8,9]' 'no such file.*built anew' one unsafe functions functions.snap
expect 'error 205' 'holds functions or unevaluated parts, and which code is the same is for fastboot-migrate to tell' two thaw functions functions.snap
expect '[6,7,8,9,10]' 'holds functions or unevaluated parts.*built anew' two unsafe functions functions.snap

# --- no symbols, no names
strip -o stripped two
expect 'error 205' 'this program has no symbols to find its targets by \(strip took them\); carry it over by' stripped thaw plain plain.snap
strip --strip-debug -o no_debug two
expect "$plain" "$by_name" no_debug thaw plain plain.snap

exit $failed
