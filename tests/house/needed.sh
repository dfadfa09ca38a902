#!/bin/bash
# The runtime adds no shared library to a program: a program that uses the package needs the same ones as hello world,
# in both RTS ways.
set -euo pipefail
[ -x "$FASTBOOT_STAGE/bin/fastboot-config" ] || exit 77 # built without the Haskell package
flags=$(fastboot-config --ghc-flags)

echo 'main :: IO ()
main = putStrLn "hello"' >Hello.hs
cat >Uses.hs <<'END'
import Fastboot

main :: IO ()
main = do
  result <- thaw "missing.snap" :: IO (Either ThawError Int)
  putStrLn (either (const "no") show result)
END
needed() { readelf -dW "$1" | awk '$2 == "(NEEDED)" { print $NF }'; }
for way in "" -threaded; do
  # shellcheck disable=SC2086 # words on purpose
  ghc -v0 -fforce-recomp $way -outputdir "hello$way.d" -o "hello$way" Hello.hs
  # shellcheck disable=SC2086
  ghc -v0 -fforce-recomp $way $flags -outputdir "uses$way.d" -o "uses$way" Uses.hs
  if ! diff <(needed "hello$way") <(needed "uses$way"); then
    echo "ghc $way: the package adds shared libraries (>)"
    exit 1
  fi
  # The C ABI must really be inside, or the comparison says nothing. (awk reads all: nm must not meet a closed pipe.)
  nm "uses$way" | awk '$3 ~ /^fastboot_/ { found = 1 } END { exit !found }' ||
    { echo "uses$way holds no fastboot_ symbol"; exit 1; }
done
