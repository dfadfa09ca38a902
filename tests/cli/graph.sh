#!/bin/bash
# What fastboot-inspect tells about values of real programs: --show, --why, --sizes, --lazy, --treemap, --graph, --diff, and
# that --check=structure finds what is changed in an image.
# timeout: 900
set -uo pipefail
# shellcheck source=tests/cli/lib.sh
. "$FASTBOOT_SOURCE/tests/cli/lib.sh"
export FASTBOOT_PREFIX=$FASTBOOT_STAGE
mutate=$FASTBOOT_BUILD/tests/tools/mutate_snapshot

cat >Main.hs <<'END'
module Main (main) where

import qualified Data.ByteString.Char8 as Bytes
import Data.Char (toUpper)
import qualified Data.IntMap.Strict as IntMap
import Data.List.NonEmpty (NonEmpty (..))
import qualified Data.Map.Strict as Map
import Data.Ratio ((%))
import qualified Data.Set as Set
import qualified Data.Text as Text
import Fastboot
import System.Environment (getArgs)

data Shape = Circle {-# UNPACK #-} !Double | Poly [(Int, Int)] !Bool | Empty

data Tree = Leaf | Node Tree Int Tree

data Scalars = Scalars Int Word Double Float Char Integer Integer Integer Rational Bool ()

scalars :: Scalars
scalars = Scalars (-5) 7 2.5 0.25 'x' 12 (2 ^ (100 :: Int)) (negate (10 ^ (30 :: Int))) (3 % 4) True ()

texts :: (String, Text.Text, Bytes.ByteString, String, [String])
texts = ("plain", Text.pack "gr\252n \8364 \119070", Bytes.pack "bytes\n\0", "quote\"\\\t", ["", "a"])

containers :: (Map.Map Int String, Set.Set Char, IntMap.IntMap Bool, Map.Map () (), NonEmpty Int)
containers = (Map.fromList (zip [1 ..] ["one", "two", "three"]), Set.fromList "cab", IntMap.fromList [(-3, True), (9, False)], Map.empty, 1 :| [2])

shapes :: [Shape]
shapes = [Circle 1.5, Poly [(0, 1), (2, 3)] True, Empty]

-- A list that leads back to its start, one that meets it on its way, and a value that is met twice.
cyclic :: ([Int], [Int], ((Int, String), (Int, String)))
cyclic = (ones, 7 : ones, (pair, pair))
  where
    ones = 1 : 2 : ones
    pair = (300, "shared")

tree :: Int -> Int -> Tree
tree from to
  | from > to = Leaf
  | otherwise = let middle = (from + to) `div` 2 in Node (tree from (middle - 1)) middle (tree (middle + 1) to)

lazy :: Int -> (Int, [Int], Int -> Int, Map.Map Int (Maybe Int))
lazy n = (length (filter even [n .. 1000]), map (* n) [1, 2, 3], \x -> x + n, Map.fromList [(i, Just (i * n)) | i <- [1 .. 5]])
{-# NOINLINE lazy #-}

sized :: (Tree, [String])
sized = (tree 1 500, [replicate 40 c | c <- ['a' .. 'e']])

words' :: Int -> Map.Map String Int
words' n = Map.fromList [(show i, i) | i <- [1 .. 200 + n]]

save :: Bool -> String -> IO (Either FreezeError FreezeReport) -> IO ()
save _ name action = action >>= either (\e -> ioError (userError (name ++ ": " ++ show e))) (const (return ()))

main :: IO ()
main = do
  n <- length <$> getArgs
  save True "scalars" (freezeWith NF "scalars.snap" scalars)
  save True "texts" (freezeWith NF "texts.snap" texts)
  save True "containers" (freezeWith NF "containers.snap" containers)
  save True "shapes" (freezeWith NF "shapes.snap" shapes)
  save True "cyclic" (freezeWith NF "cyclic.snap" cyclic)
  save True "lazy" (freeze "lazy.snap" (lazy (n + 3)))
  save True "sized" (freezeWith NF "sized.snap" sized)
  save True "old" (freezeWith NF "old.snap" (words' 0, map toUpper "same", tree 1 50))
  save True "new" (freezeWith NF "new.snap" (words' 0, map toUpper "same", tree 1 50))
  save True "changed" (freezeWith NF "changed.snap" (Map.insert "7" 8 (words' 0), map toUpper "sane", tree 1 50))
END
read -ra flags <<<"$("$FASTBOOT_STAGE/bin/fastboot-config" --ghc-flags)"
ghc -v0 -O "${flags[@]}" -package containers -package text -package bytestring -outputdir objects -o make Main.hs ||
  { echo 'FAIL: the program does not compile'; exit 1; }
./make || { echo 'FAIL: no snapshots'; exit 1; }

# shows ROOT EXPECTED [OPTION...]: what --show prints for the root's file, in one line, without the type.
shows() {
  local root=$1 expected=$2 got
  shift 2
  got=$("$inspect" --show "$root" -W "$@" "$root.snap" | tail -n 1)
  [ "$got" = "$root = $expected" ] || fail "--show $root $*:
  got      $got
  expected $root = $expected"
}
shows scalars "Scalars (-5) 7 2.5 0.25 'x' 12 1267650600228229401496703205376 (-1000000000000000000000000000000) (3 :% 4) True ()"
shows texts '("plain", "grün € 𝄞", "bytes\n\0", "quote\"\\\t", ["", "a"])'
shows containers '(fromList [(1, "one"), (2, "two"), (3, "three")], fromList ['"'a', 'b', 'c'"'], fromList [(-3, True), (9, False)], fromList [], 1 :| [2])'
shows shapes '[Circle 4609434218613702656#, Poly [(0, 1), (2, 3)] True, Empty]'
shows cyclic '(x1@(1 : 2 : x1), 7 : x1, (x2@(300, "shared"), x2))'
shows shapes '[Circle 4609434218613702656#, ...]' --width 1
got=$("$inspect" --show lazy -W lazy.snap | tail -n 1)
[[ $got =~ ^'lazy = (<thunk '.*'>, '.*'<function '.*'>, '.*')'$ ]] || fail "--show lazy: $got"
"$inspect" --show nothing texts.snap >out.txt 2>err.txt
[ $? -eq 1 ] && grep -q "no root is called 'nothing'; the roots are texts; an address starts with 0x" err.txt || fail "no such root: $(cat err.txt)"
"$inspect" --show 0x10 texts.snap >out.txt 2>err.txt
[ $? -eq 1 ] && grep -q 'no closure starts at 0x10' err.txt || fail "no closure there: $(cat err.txt)"
address=$("$inspect" --roots texts.snap | awk '/ texts / { print "0x" $1 }')
[ "$("$inspect" --show "$address" -W texts.snap | tail -n 1)" = "$("$inspect" --show texts -W texts.snap | tail -n 1)" ] || fail '--show ADDR'

# The path to a constructor, and to an address in the middle of a closure.
"$inspect" --why Bin containers.snap >why.txt || fail '--why Bin'
grep -q '^Root containers leads to Bin in 1 step:$' why.txt && grep -q 'GHC.Tuple.(,,,,), field [12]$' why.txt && grep -q 'Bin$' why.txt || fail "--why: $(cat why.txt)"
"$inspect" --why Data.Map.Internal.Bin containers.snap | grep 'GHC.Tuple.(,,,,), field 1$' >/dev/null || fail '--why Module.Constructor'
leaf=$(awk '/Bin$/ { print $1 }' why.txt)
"$inspect" --why "$(printf '0x%x' $((leaf + 9)))" containers.snap | grep "^  $leaf " >/dev/null || fail '--why ADDR'
"$inspect" --why Bim containers.snap 2>err.txt && fail '--why of what is not there'
grep -q "did you mean 'Bin'" err.txt || fail "--why: $(cat err.txt)"

# The tree's nodes keep one another and the numbers; each string keeps its cells.
"$inspect" --sizes -W sized.snap >sizes.txt || fail '--sizes'
grep -qE '^ +[0-9,]+ +100\.0 % +sized :: ' sizes.txt || fail "--sizes, root: $(cat sizes.txt)"
grep -qE '^ +500 +16,000 +[0-9,]+ +[0-9.]+ % +main:Main.Node$' sizes.txt || fail "--sizes, Node: $(cat sizes.txt)"
"$inspect" --json --sizes --objects sized.snap >sizes.json
python3 - <<'PYTHON' || fail 'the sums of --sizes'
import json
run = json.load(open("sizes.json"))["files"][0]
sizes, objects = run["sizes"], run["objects"]
assert sizes["closures"] == objects["closures"] and sizes["bytes"] == objects["bytes"] and sizes["unreachable_closures"] == 0
assert sum(row["bytes"] for row in sizes["by_constructor"]) == objects["bytes"]
assert all(row["bytes"] <= row["retained_bytes"] <= sizes["bytes"] for row in sizes["by_constructor"])
assert sizes["by_root"][0]["retained_bytes"] == sizes["bytes"]
for key in ("by_constructor", "by_module", "by_package"):
  assert sum(row["bytes"] for row in objects[key]) == objects["bytes"], key
  assert sum(row["closures"] for row in objects[key]) == objects["closures"], key
assert any(row["name"] == "main:Main" for row in objects["by_module"])
PYTHON
"$inspect" --lazy -W lazy.snap >lazy.txt || fail '--lazy'
grep -qE '^[0-9,]+ lazy closures, by their code:$' lazy.txt && [ "$(wc -l <lazy.txt)" -ge 4 ] || fail "--lazy: $(cat lazy.txt)"

# Pictures are well-formed, and hold what they should.
"$inspect" --treemap out.svg sized.snap >/dev/null || fail '--treemap'
python3 - <<'PYTHON' || fail 'the treemap'
import xml.etree.ElementTree as tree
root = tree.parse("out.svg").getroot()
titles = [t.text for t in root.iter("{http://www.w3.org/2000/svg}title")]
assert any("Main.Node" in t and "500 closures" in t for t in titles), titles[:5]
boxes = [(float(r.get("x")), float(r.get("y")), float(r.get("width")), float(r.get("height"))) for r in root.iter("{http://www.w3.org/2000/svg}rect") if r.get("x")]
assert len(boxes) > 5 and all(x >= 0 and y >= 0 and w >= 0 and h >= 0 and x + w <= 1600.2 and y + h <= 1000.2 for x, y, w, h in boxes)
PYTHON
"$inspect" --graph out.dot --depth 3 cyclic.snap >/dev/null || fail '--graph'
dot -Tsvg out.dot >graph.svg || fail 'dot does not take the graph'
[ "$(grep -c ' -> ' out.dot)" -gt 8 ] || fail "--graph: $(cat out.dot)"
"$inspect" --graph out.snap cyclic.snap 2>err.txt && fail 'a snapshot is overwritten'
grep -q 'would overwrite a snapshot' err.txt || fail "$(cat err.txt)"

# Equal values are equal wherever they lie; a change is found with its place.
"$inspect" --diff old.snap new.snap >diff.txt || fail "equal values differ: $(cat diff.txt)"
grep -q 'hold the same$' diff.txt || fail "--diff: $(cat diff.txt)"
"$inspect" --diff old.snap changed.snap >diff.txt
[ $? -eq 1 ] && grep -q '^  changed  changed, in 2 places$' diff.txt && grep -A 2 'Bin field 2$' diff.txt | grep '^    - 7$' >/dev/null && grep -q '^    + 8$' diff.txt &&
  grep -q "^    - 'M'$" diff.txt && grep -q "^    + 'N'$" diff.txt || fail "--diff: $(cat diff.txt)"
"$inspect" --json --diff old.snap changed.snap >diff.json
python3 -c '
import json
diff = json.load(open("diff.json"))["files"][0]["diff"]
assert not diff["same"] and diff["place_count"] == 2 and len(diff["places"]) == 2
assert diff["same_closures"] >= 960
' || fail '--diff --json'
"$inspect" --diff old.snap sized.snap >diff.txt
[ $? -eq 1 ] && grep -q '^  retyped  sized: was ((Map ' diff.txt || fail "--diff of other types: $(cat diff.txt)"
"$inspect" --diff old.snap >/dev/null 2>err.txt
[ $? -eq 2 ] && grep -q -- '--diff takes two files' err.txt || fail "--diff of one file: $(cat err.txt)"

# Every image is as FORMAT.md says, and what is changed in one is found.
for each in *.snap; do
  "$inspect" --check=structure "$each" >check.txt || fail "$each: $(cat check.txt)"
done
for each in containers texts lazy cyclic; do
  "$mutate" $each.snap 3 || fail "mutations of $each.snap"
done
exit $failed
