#!/bin/bash
# A program that names the package's source in its cabal.project is built by cabal-install, offline and with no package
# index, and works.
# timeout: 900
set -euo pipefail
mkdir -p home/.cabal project
export HOME=$PWD/home CABAL_DIR=$PWD/home/.cabal
# No repository at all: nothing to download from.
echo 'jobs: 2' >"$CABAL_DIR/config"

cd project
# A link, because cabal.project cannot quote a directory with a space.
ln -s "$FASTBOOT_SOURCE" fastboot
cat >cabal.project <<'END'
packages: . fastboot/fastboot.cabal
END
cat >consumer.cabal <<'END'
cabal-version: 3.0
name:          consumer
version:       0

executable consumer
  main-is:          Main.hs
  build-depends:    base, containers, fastboot
  default-language: Haskell2010
END
cat >Main.hs <<'END'
module Main (main) where

import qualified Data.Map.Strict as Map
import Fastboot
import System.Exit (die)

-- Strings of numbers, fully evaluated: lazy closures are not this test's matter.
table :: Map.Map Int String
table = Map.fromList [(i, force (show (i * i))) | i <- [1 .. 10000]]
  where
    force text = length text `seq` foldr seq text text

main :: IO ()
main = do
  report <- freeze "table.snap" table
  either (die . ("freeze: " ++) . show) (const (pure ())) report
  thawed <- thaw "table.snap"
  case thawed of
    Left failure -> die ("thaw: " ++ show failure)
    Right again
      | again == table -> putStrLn ("same: " ++ show (Map.size again))
      | otherwise -> die "the thawed table differs"
END
cabal v2-build --offline -v1 consumer >build.log 2>&1 || {
  cat build.log
  exit 1
}
program=$(cabal v2-exec --offline -v0 -- sh -c 'command -v consumer' || true)
[ -n "$program" ] || program=$(find dist-newstyle -type f -name consumer -perm -u+x | head -n 1)
output=$("$program")
[ "$output" = "same: 10000" ] || {
  echo "printed: $output"
  exit 1
}

# The same with GHC's runtime system and all packages in shared libraries.
rm -f table.snap
cabal v2-build --offline -v1 --enable-executable-dynamic consumer >build.log 2>&1 || {
  cat build.log
  exit 1
}
program=$(find dist-newstyle -type f -name consumer -perm -u+x | head -n 1)
readelf -dW "$program" | grep 'NEEDED.*libHSrts' >/dev/null || {
  echo "$program is not linked dynamically"
  exit 1
}
output=$("$program")
[ "$output" = "same: 10000" ] || {
  echo "dynamic: printed: $output"
  exit 1
}
