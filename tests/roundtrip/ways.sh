#!/bin/bash
# Every runtime system and link mode: those that work freeze and thaw, the others are refused by name.
# timeout: 600
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
works debugged_threaded '-debug -threaded' '-N2 -DS' 'threaded debug'
works logged '-eventlog' '-l -olvanilla.eventlog' eventlog
works logged_threaded '-eventlog -threaded' '-N2 -l -olthreaded.eventlog' 'threaded eventlog'
for log in vanilla threaded; do [ -s $log.eventlog ] || fail "no $log.eventlog"; done

# GHC's runtime system in a shared library.
cat >Main.hs <<'END'
module Main (main) where
import Fastboot
import System.Environment (getArgs)
table :: [Int]
table = frozen "dynamic.snap" (return [1 .. 100])
main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["freeze"] -> freeze "dynamic.snap" "text" >>= either (\e -> print (freezeErrorCode e) >> putStrLn (freezeErrorMessage e)) print
    ["thaw"] -> (thaw "dynamic.snap" :: IO (Either ThawError String)) >>= either (\e -> print (thawErrorCode e) >> putStrLn (thawErrorMessage e)) print
    _ -> print (sum table)
END
# refused NAME REGEX: the program of that name in all three ways of asking
refused() {
  local name=$1 regex=$2 call
  for call in freeze thaw; do
    "./$name" $call >out 2>&1 || fail "$name: $call: exit $?: $(head -c 500 out)"
    { [ "$(sed -n 1p out)" = 212 ] && sed -n 2p out | grep -qE "$regex"; } || fail "$name: $call: expected error 212: $(head -c 500 out)"
  done
  FASTBOOT_TRACE=1 "./$name" >out 2>err || fail "$name: frozen: exit $?: $(head -c 500 err)"
  [ "$(cat out)" = 5050 ] || fail "$name: frozen gave $(cat out)"
  grep -qE "$regex" err || fail "$name: frozen does not say why it built: $(cat err)"
  [ ! -e dynamic.snap ] || fail "$name left a file"
  echo "$name: refused by name"
}
ghc -v0 -dynamic "${ghc_flags[@]}" -outputdir objects_dynamic Main.hs -o dynamic || fail "-dynamic does not link"
refused dynamic 'without -dynamic'

# Position-independent executables: Debian's runtime system is not compiled for them, so that GHC's linking fails, with or without us.
printf 'main :: IO ()\nmain = return ()\n' >Empty.hs
if ghc -v0 -fPIC -optl-pie -outputdir objects_empty Empty.hs -o empty >out 2>&1 && readelf -hW empty | grep -q 'DYN'; then
  ghc -v0 -fPIC -optl-pie "${ghc_flags[@]}" -outputdir objects_pie Main.hs -o pie || fail "another program links with -pie, this one does not"
  ./pie freeze >out 2>&1 && ./pie thaw >>out 2>&1 && [ "$(tail -n 1 out)" = '"text"' ] || fail "-pie: $(head -c 500 out)"
  echo "PIE: works"
else
  echo "PIE: this GHC cannot link any ($(head -n 1 out | cut -c1-100))"
fi
# Profiling has other closures; its library is a package of its own.
if [ -e "$(dirname "$(ghc --print-libdir)")/ghc/base-4.15.1.0/libHSbase-4.15.1.0_p.a" ]; then
  echo "NOT COVERED: profiling (the package is built without it; error 212 in runtime/ghc-9.0/facts.cc)"
fi
