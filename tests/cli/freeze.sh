#!/bin/bash
# fastboot-freeze with a real Haskell program: success, and each way to fail, which leaves the old file and nothing else.
set -uo pipefail
# shellcheck source=tests/cli/lib.sh
. "$FASTBOOT_SOURCE/tests/cli/lib.sh"

# --- programs ---------------------------------------------------------------------------------------------------------

cat >Table.hs <<'END'
module Main (main) where

import Control.Concurrent (threadDelay)
import Data.IORef
import qualified Data.Map.Strict as Map
import Fastboot
import System.Environment (getArgs)
import System.Exit
import System.IO
import System.Posix.Signals (raiseSignal, sigKILL)

table :: Map.Map Int Int
table = Map.fromList [(i, i * i) | i <- [1 .. 5000]]

save :: FilePath -> IO ()
save path = freeze path table >>= either (die . show) (const (return ()))

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["save"] -> putStrLn "on stdout" >> hPutStrLn stderr "on stderr" >> save "elsewhere/dict.snap"
    ["frozen"] -> print (Map.size (frozen "dict.snap" (return table)))
    ["save-and-fail"] -> save "dict.snap" >> exitWith (ExitFailure 3)
    ["save-and-die"] -> save "dict.snap" >> raiseSignal sigKILL
    ["save-and-hang"] -> save "dict.snap" >> threadDelay 600000000
    ["several"] -> mapM_ save ["b.snap", "a.snap"]
    ["twice"] -> mapM_ save ["x/dict.snap", "y/dict.snap"]
    ["nothing"] -> return ()
    ["frozen-mutable"] -> newIORef 'x' >>= \r -> readIORef (frozen "dict.snap" (return r)) >>= print
    ["save-mutable"] -> newIORef 'x' >>= freeze "dict.snap" >>= either (die . show) (const (return ()))
    ["mutable-then-save"] -> newIORef 'x' >>= freeze "dict.snap" >> save "dict.snap"
    ["mutable-and-other"] -> newIORef 'x' >>= freeze "mutable.snap" >> save "dict.snap"
    ["cat"] -> getContents >>= hPutStr stderr
    ["arguments", "@response", "--", "-q", "a b"] -> save "dict.snap"
    ["thaw", path] -> thaw path >>= \got -> case got of
      Left failure -> die (show failure)
      Right value | value == table -> putStrLn "same"
                  | otherwise -> die "another value"
    _ -> die ("arguments: " ++ show arguments)
END
printf 'main :: IO ()\nmain = return ()\n' >Plain.hs
# shellcheck disable=SC2046 # words on purpose
ghc -v0 $(fastboot-config --ghc-flags) -o table Table.hs || exit 1
ghc -v0 -o plain Plain.hs || exit 1
printf '#!/bin/sh\nexec "%s" "$@"\n' "$PWD/table" >script
printf '#!/no/such/interpreter\n' >orphan
printf 'no program' >text
printf '\x7fELF nonsense' >nonsense
printf '#!/bin/sh\nsleep 600 &\necho $! >grandchild\nwait\n' >parent
chmod +x script orphan text nonsense parent
strip -o stripped table
strip --strip-debug -o no_debug table

# --- helpers ----------------------------------------------------------------------------------------------------------

# run CODE STDERR-PATTERN ARG...: with `out` as the output's directory; standard output goes to out.txt.
run() {
  local code=$1 err=$2 got
  shift 2
  "$freeze" "$@" >out.txt 2>err.txt </dev/null
  got=$?
  [ $got -eq "$code" ] || fail "$*: exit code $got, expected $code: $(head -3 err.txt)"
  [ -z "$err" ] || grep -qE -- "$err" err.txt || fail "$*: stderr is not '$err': $(head -3 err.txt)"
  [ -z "$(find out -name '.fastboot-freeze.*' -o -name '.*.snap.*')" ] || fail "$*: leaves $(ls -A out)"
}

# refused CODE STDERR-PATTERN ARG...: likewise, and the old file stays as it was.
refused() {
  run "$@"
  [ ! -s out.txt ] || fail "$*: prints '$(head -1 out.txt)'"
  [ "$(cat out/old.snap)" = old ] && [ "$(ls -A out)" = old.snap ] || fail "$*: changes out: $(ls -A out)"
}

reset() {
  rm -rf out
  mkdir out
  echo old >out/old.snap
}

# --- success ----------------------------------------------------------------------------------------------------------

mkdir out
run 0 '^fastboot-freeze: note: out/dict.snap: image dict, .* closures' -o out/dict.snap ./table -- save
[ ! -s out.txt ] || fail "the program's output reaches standard output"
grep -q '^on stdout$' err.txt && grep -q '^on stderr$' err.txt || fail "the program's output is lost"
[ "$(ls -A out)" = dict.snap ] && [ "$(stat -c %a out/dict.snap)" = 444 ] || fail "out: $(ls -lA out)"
[ ! -e elsewhere ] || fail 'the program wrote where it wanted'
"$inspect" out/dict.snap >summary.txt || fail 'fastboot-inspect refuses the snapshot'
grep -q 'image  *dict' summary.txt || fail "summary: $(cat summary.txt)"
"$inspect" --objects out/dict.snap >/dev/null || fail 'fastboot-inspect --objects refuses the snapshot'
nm -D out/dict.snap | grep -E ' U containers.*_Bin_con_info$' >/dev/null || fail "no _Bin_con_info: $(nm -D out/dict.snap)"
# Every target whose address has a symbol has its name: what nm says of the program.
nm table | awk '{ print $3 }' | sort -u >program.txt
nm -D out/dict.snap | awk '$1 == "U" && $2 !~ /^fb\.t\./ { print $2 }' | sort -u >targets.txt
[ -s targets.txt ] && [ -z "$(comm -23 targets.txt program.txt)" ] || fail "strange symbols: $(comm -23 targets.txt program.txt)"
[ "$(./table thaw out/dict.snap)" = same ] || fail 'the program does not thaw what was frozen'

cp out/dict.snap first.snap
run 0 '' -q -o out/dict.snap ./table -- save
cmp first.snap out/dict.snap || fail 'freezing twice gives two files'
grep -q fastboot-freeze err.txt && fail "-q: $(cat err.txt)"
(cd out && "$freeze" -q -o dict.snap ../script -- save 2>/dev/null) && cmp first.snap out/dict.snap || fail 'a script'
PATH=$PWD:$PATH run 0 '' -o out/dict.snap table -- frozen
[ "$(./table thaw out/dict.snap)" = same ] || fail 'a value of frozen'
FASTBOOT_DISABLE=1 run 0 '' -o out/dict.snap ./table -- frozen
run 0 '' -o out/dict.snap ./table -- twice
run 0 '' -o out/dict.snap ./table -- mutable-then-save
run 0 '' -o out/dict.snap --image dict ./table -- mutable-and-other
echo '-q' >response
run 0 '' @response -o out/dict.snap ./table -- arguments @response -- -q 'a b'
echo input | "$freeze" -o out/x.snap ./table -- cat 2>err.txt
grep -q '^input$' err.txt || fail "standard input: $(cat err.txt)"
run 0 'image b, ' -o out/b.snap --image b ./table -- several
rm -f out/b.snap
for _ in 1 2 3; do "$freeze" -q -o out/p.snap ./table -- save 2>/dev/null & done
wait
cmp first.snap out/p.snap && [ "$(ls -A out | tr '\n' ' ')" = 'dict.snap p.snap ' ] || fail "three at once: $(ls -A out)"

run 0 '' --timeout 100.5 --json -o out/dict.snap ./table -- save
if command -v python3 >/dev/null; then
  python3 - out.txt <<'END' || fail "JSON: $(cat out.txt)"
import json, sys
run = json.load(open(sys.argv[1]))
assert run["schema"] == "fastboot-freeze" and run["schema_version"] == 1 and run["ok"] and not run["problems"]
snapshot = run["snapshot"]
assert snapshot["image"] == "dict" and snapshot["closures"] >= 10000
assert int(snapshot["slot_address"], 16) % (1 << 30) == 0 and len(snapshot["content_id"]) == 40
assert 0 < snapshot["symbols_found"] <= snapshot["target_count"]
assert [r["name"] for r in snapshot["roots"]] == ["dict"] and len(snapshot["modules"]) == 1
END
fi
run 0 'warning: .*stripped: stripped of its symbol table' -o out/dict.snap ./stripped -- save
[ "$(./stripped thaw out/dict.snap)" = same ] || fail 'a stripped program'
run 0 '' -o out/dict.snap ./no_debug -- save
grep -q warning err.txt && fail "strip --strip-debug: $(cat err.txt)"
# The path of the program is part of the file, and not of what the file holds.
cmp <("$inspect" -n first.snap | grep 'Build ID') <("$inspect" -n out/dict.snap | grep 'Build ID') ||
  fail 'strip --strip-debug changes the snapshot'

# --- failure ----------------------------------------------------------------------------------------------------------

reset
refused 3 '/?table: ended with exit status 3, expected 0' -o out/old.snap ./table -- save-and-fail
refused 3 'table: was killed by signal 9 ' -o out/old.snap ./table -- save-and-die
refused 4 'table: did not end within 0.5 seconds' --timeout 0.5 -o out/old.snap ./table -- save-and-hang
refused 4 'script: did not end within 1 seconds' --timeout 1 -o out/old.snap ./script -- save-and-hang
refused 4 'parent: did not end within 1 seconds' --timeout 1 -o out/old.snap ./parent
case $(ps -o stat= -p "$(cat grandchild)" 2>/dev/null) in
  '' | Z*) ;;
  *) fail 'what the program started runs on' ;;
esac
refused 5 'table: ended well and froze nothing; it has to call' -o out/old.snap ./table -- nothing
# A program goes on without its snapshot; whoever collects it does not.
mutable="image 'dict' could not be frozen: error 301: cannot freeze a MUT_VAR.*path: root"
refused 7 "table: ended well, but $mutable" -o out/old.snap ./table -- frozen-mutable
refused 3 "table: ended with exit status 1, expected 0; nothing was written; $mutable" -o out/old.snap ./table -- save-mutable
refused 7 "table: ended well, but image 'mutable' could not be frozen" -o out/old.snap ./table -- mutable-and-other
refused 5 'script: ended well and froze nothing; whether .* script' -o out/old.snap ./script -- nothing
refused 5 'stripped: ended well and froze nothing; whether .* strip --strip-debug' -o out/old.snap ./stripped -- nothing
refused 6 'plain: is not linked with .*fastboot-config --ghc-flags' -o out/old.snap ./plain
refused 1 'table: froze 2 images \(a, b\), expected one; choose with --image' -o out/old.snap ./table -- several
refused 5 "table: froze a, b, and no image 'c'" -o out/old.snap --image c ./table -- several
refused 2 'no-such-program: no such program in PATH' -o out/old.snap no-such-program
refused 2 'Plain.hs: no such program in PATH; .* \./Plain.hs' -o out/old.snap Plain.hs
refused 2 '\./none: cannot be run: No such file' -o out/old.snap ./none
refused 2 '\./Plain.hs: its mode 0?[0-7]+ does not let you' -o out/old.snap ./Plain.hs
refused 2 '\./out: is a directory' -o out/old.snap ./out
refused 2 'orphan: its interpreter' -o out/old.snap ./orphan
refused 2 'text: is no program' -o out/old.snap ./text
refused 2 'nonsense: is no program' -o out/old.snap ./nonsense
refused 2 'out/none/x.snap: cannot write to its directory' -o out/none/x.snap ./table -- save
refused 2 'out/: names a directory' -o out/ ./table -- save
refused 2 'out: exists and is not a regular file' -o out ./table -- save
refused 2 'no -o OUT.snap' ./table -- save
refused 2 'no program to run' -o out/old.snap
refused 2 "unknown option '--imgae', did you mean '--image'" --imgae=x -o out/old.snap ./table
refused 2 '--timeout takes' --timeout -1 -o out/old.snap ./table
refused 2 'timeout' --timeout soon -o out/old.snap ./table
run 1 'froze 2 images' --json -o out/old.snap ./table -- several
grep -q '"name": "froze_several"' out.txt && grep -q '"ok": false' out.txt || fail "JSON: $(cat out.txt)"
if [ "$(id -u)" != 0 ]; then
  chmod a-w out
  refused 2 'out/old.snap: cannot make a temporary directory beside it' -o out/old.snap ./table -- save
  chmod u+w out
fi

# Replaced by another build while it runs: its symbols are those of something else.
printf '#!/bin/sh\n./moving save\ncp plain moving.new\nmv moving.new moving\n' >replaced
cp table moving
chmod +x replaced
refused 1 'moving: its build-id is [0-9a-f]+, but the program that froze had' -o out/old.snap ./replaced

# Interrupted: the program ends too, and we end by the signal.
# SIGINT is ignored in the background jobs of scripts; env --default-signal gives it back where it can.
for signal in TERM HUP INT; do
  if [ $signal = INT ]; then env --default-signal=INT true 2>/dev/null || continue; fi
  env --default-signal=$signal "$freeze" -o out/old.snap ./table -- save-and-hang 2>err.txt &
  child=$!
  for _ in $(seq 200); do
    compgen -G 'out/.fastboot-freeze.*/dict.snap' >/dev/null && break
    sleep 0.05
  done
  program=$(ps -o pid= --ppid $child 2>/dev/null | tr -d ' ')
  kill -s $signal $child
  wait $child 2>/dev/null
  got=$?
  [ $got = $((128 + $(kill -l $signal))) ] || fail "SIG$signal: exit code $got: $(cat err.txt)"
  [ "$(ls -A out)" = old.snap ] || fail "SIG$signal: leaves $(ls -A out)"
  [ -z "$program" ] || ! kill -0 "$program" 2>/dev/null || fail "SIG$signal: the program runs on"
  grep -qE 'stopped because signal' err.txt || fail "SIG$signal: $(cat err.txt)"
done
exit $failed
