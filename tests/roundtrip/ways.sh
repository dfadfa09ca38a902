#!/bin/bash
# Every runtime system and link mode: those that work freeze and thaw, the others are refused by name.
# timeout: 900
set -euo pipefail
# shellcheck source=tests/roundtrip/lib.sh
source "$FASTBOOT_SOURCE/tests/roundtrip/lib.sh"

# The RTS flags of a way, and what a snapshot says of it.
works() { # NAME 'GHC FLAGS' 'RTS FLAGS' 'WAY'
  local name=$1 graph said
  read -ra ghc_way <<<"$2"
  read -ra rts <<<"$3"
  compile "$name" LazyMain.hs "${ghc_way[@]}"
  program=$name
  mkdir -p "$name.d"
  for graph in primes memo lazy_map functions dictionaries partials byte_strings caf_users; do
    "./$name" freeze $graph "$name.d/$graph.snap" +RTS "${rts[@]}" >out 2>&1 || fail "$name: freeze $graph: $(head -c 500 out)"
    : >failures
    for mode in early threads; do thaw_one "$name" "$name.d" $mode $graph "${rts[@]}"; done
    [ ! -s failures ] || fail "$(cat failures)"
  done
  said=$(fastboot-inspect "$name.d/primes.snap" | sed -n '1s/.*ghc 9.0.2 //p')
  [ "$said" = "$4" ] || fail "$name: fastboot-inspect says '$said', expected '$4'"
  echo "$4: 8 graphs"
}
works vanilla '' '-A1m' vanilla
works threaded '-threaded' '-N2' threaded
works debugged '-debug' '-DS' debug
# Without -DS where there are threads: its checkTSO() follows the global_link of threads that have ended, to others that were collected,
# and faults once in some thousand runs (with one generation in a program without an image, too). Assertions are on all the same.
works debugged_threaded '-debug -threaded' '-N2' 'threaded debug'
works logged '-eventlog' '-l -olvanilla.eventlog' eventlog
works logged_threaded '-eventlog -threaded' '-N2 -l -olthreaded.eventlog' 'threaded eventlog'
for log in vanilla threaded; do [ -s $log.eventlog ] || fail "no $log.eventlog"; done

# GHC's runtime system and its packages in shared libraries. The dynamic RTS hides what stops the other capabilities, so a walk
# with several takes them one by one.
dynamic='-dynamic -outputdir objects_dynamic'
works dynamic "$dynamic" '-A1m' dynamic
works dynamic_threaded "$dynamic -threaded" '-N2' 'threaded dynamic'
works dynamic_debugged "$dynamic -debug -threaded" '-N2' 'threaded debug dynamic'
works dynamic_logged "$dynamic -eventlog" '-l -oldynamic.eventlog' 'eventlog dynamic'
for program in dynamic dynamic_threaded; do
  flags=(-A1m)
  [ $program = dynamic ] || flags=(-A1m -N2)
  for graph in primes dictionaries byte_strings; do
    mkdir -p again # an image is named after its file
    "./$program" freeze $graph again/$graph.snap +RTS "${flags[@]}" -V0 || fail "$program: cannot freeze $graph again"
    cmp again/$graph.snap $program.d/$graph.snap || fail "$program: freezing $graph twice gives different files"
  done
  # Every collector, and where the image's address is not to be had.
  : >failures
  for flag in '-A64k -c' '-A64k --nonmoving-gc' '-A64k -G1' '-A1m -G3'; do
    # shellcheck disable=SC2086 # several flags
    for graph in primes dictionaries functions caf_users; do thaw_one $program $program.d late $graph "${flags[@]}" $flag; done
  done
  for situation in asked base; do thaw_one_elsewhere $situation $program $program.d early lazy_map "${flags[@]}"; done
  # A small range has room or not, but cannot be raised.
  (ulimit -v 8000000 && thaw_one $program $program.d early lazy_map "${flags[@]}")
  if (ulimit -v 3000000 && "./$program" thaw early lazy_map $program.d/lazy_map.snap +RTS "${flags[@]}") >out 2>&1; then fail "$program: ulimit -v: not refused"; fi
  grep -q 'error 211: .*heap range .* has no room for it; raise .ulimit -v' out || fail "$program: ulimit -v: $(head -c 500 out)"
  [ ! -s failures ] || fail "$(cat failures)"
done

# A static program's snapshot is not a dynamic one's, and the other way round.
for pair in 'vanilla dynamic' 'dynamic vanilla'; do
  read -r from to <<<"$pair"
  if "./$to" thaw early primes "$from.d/primes.snap" >out 2>&1; then fail "$to thaws the snapshot of $from"; fi
  grep -q 'error 203: ' out || fail "$to, snapshot of $from: $(head -c 500 out)"
done

# While other threads run and collect, and where the program has given up capabilities.
cat >Busy.hs <<'END'
module Main (main) where
import Control.Concurrent
import Control.Exception (evaluate)
import Control.Monad
import qualified Data.Map.Strict as Map
import Fastboot
import System.Environment (getArgs)
import System.Exit
main :: IO ()
main = do
  [what] <- getArgs
  when (what == "lowered") $ setNumCapabilities 2 >> setNumCapabilities 1 >> setNumCapabilities 3 >> setNumCapabilities 2
  stop <- newEmptyMVar
  forM_ [1 .. 4 :: Int] $ \i -> forkIO $ forever $ do
    _ <- evaluate (sum [x * i | x <- [1 .. 20000 :: Int]])
    running <- isEmptyMVar stop
    unless running $ threadDelay 1000000
  let table = Map.fromList [(i, show i) | i <- [1 .. 20000 :: Int]]
  forM_ [1 .. 3 :: Int] $ \_ -> freezeWith NF "busy.snap" table >>= either (\e -> print (freezeErrorCode e) >> putStrLn (freezeErrorMessage e) >> exitFailure) (const (return ()))
  thawed <- thaw "busy.snap" :: IO (Either ThawError (Map.Map Int String))
  putMVar stop ()
  unless (either (const False) (== table) thawed) exitFailure
  putStrLn "busy"
END
ghc -v0 "${ghc_flags[@]}" -dynamic -threaded -rtsopts -outputdir objects_busy Busy.hs -o busy || fail "Busy.hs does not compile"
for flags in '-N2' '-N3 -A256k' '-N2 --nonmoving-gc'; do
  # shellcheck disable=SC2086 # several flags
  timeout 120 ./busy run +RTS $flags >out 2>&1 || fail "freezing among busy threads, $flags: exit $?: $(head -c 500 out)"
  [ "$(cat out)" = busy ] || fail "freezing among busy threads, $flags: $(cat out)"
done
if timeout 60 ./busy lowered +RTS -N2 >out 2>&1; then fail 'freezing with a capability that is given up: not refused'; fi
{ [ "$(sed -n 1p out)" = 212 ] && grep -q 'setNumCapabilities has lowered' out; } || fail "lowered: $(head -c 500 out)"
echo "dynamic: busy threads, and refused by name with fewer capabilities"

# Position-independent executables: Debian's runtime system is not compiled for them, so that GHC's linking fails, with or without us.
printf 'main :: IO ()\nmain = return ()\n' >Empty.hs
if ghc -v0 -fPIC -optl-pie -outputdir objects_empty Empty.hs -o empty >out 2>&1 && readelf -hW empty | grep 'DYN' >/dev/null; then
  works pie '-fPIC -optl-pie -outputdir objects_pie' '-A1m' vanilla
  echo "PIE: works"
else
  echo "PIE: this GHC cannot link any ($(head -n 1 out | cut -c1-100))"
fi
# Profiling has other closures; its library is a package of its own.
if [ -e "$(dirname "$(ghc --print-libdir)")/ghc/base-4.15.1.0/libHSbase-4.15.1.0_p.a" ]; then
  echo "NOT COVERED: profiling (the package is built without it; error 212 in runtime/ghc-9.0/facts.cc)"
fi
