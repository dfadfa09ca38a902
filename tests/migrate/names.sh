#!/bin/bash
# timeout: 300
# shellcheck disable=SC2015 # wrong never fails
# Code that looks alike: private variables, and local functions whose names GHC gives to others after an edit. Whatever is
# accepted must give what the new program gives.
set -uo pipefail
# shellcheck source=tests/migrate/lib.sh
. "$FASTBOOT_SOURCE/tests/migrate/lib.sh"

# --- two private variables with equal code: which is which cannot be told
mkdir variables
cat >variables/Counters.hs <<'END'
{-# OPTIONS_GHC -fno-cse -fno-full-laziness #-}
module Counters (bumps) where

import Data.IORef
import System.IO.Unsafe (unsafePerformIO)

counterA, counterB :: IORef Int
counterA = unsafePerformIO (newIORef 0)
{-# NOINLINE counterA #-}
counterB = unsafePerformIO (newIORef 0)
{-# NOINLINE counterB #-}

bumpA, bumpB :: Int -> IO Int
bumpA n = atomicModifyIORef' counterA (\c -> (c + n, c + n))
{-# NOINLINE bumpA #-}
bumpB n = atomicModifyIORef' counterB (\c -> (c + n, c + n))
{-# NOINLINE bumpB #-}

bumps :: [Int -> IO Int]
bumps = [bumpA, bumpB]
{-# NOINLINE bumps #-}
END
cat >variables/Main.hs <<'END'
module Main (main) where

import Counters
import Fastboot (freeze, thaw)
import System.Environment (getArgs)

main :: IO ()
main = do
  args <- getArgs
  case args of
    ["freeze", path] -> length bumps `seq` freeze path bumps >>= either (error . show) (const (return ()))
    ["thaw", path] -> thaw path >>= either (error . show) use
    _ -> use bumps
  where
    use list = sequence [f 1 | f <- list ++ bumps] >>= print
END
compile variables
fastboot-freeze -q -o variables.snap variables/program freeze bumps.snap 2>err.txt || fail "cannot freeze: $(cat err.txt)"
mkdir variables_again
cp variables/*.hs variables_again
edit variables_again Main 's/    use list = /    use list = putStrLn "again" >> /'
compile variables_again
status=0
fastboot-migrate -o again.snap variables.snap variables_again/program >plan.txt 2>&1 || status=$?
case $status in
  0) cmp -s <(variables_again/program) <(variables_again/program thaw again.snap) || wrong "variables: WRONG ANSWER $(variables_again/program thaw again.snap 2>&1)" ;;
  1) grep -q '^ambiguous .*reach variables (CAFs) of their own' plan.txt || wrong "variables: $(cat plan.txt)" ;;
  *) wrong "variables: $status $(cat plan.txt)" ;;
esac
[ $status = 1 ] || wrong 'variables: accepted, though nothing tells the two apart'
# The build itself is no question.
fastboot-migrate -q -o same.snap variables.snap variables/program || wrong 'the very build is refused'
cmp -s <(variables/program thaw variables.snap) <(variables/program thaw same.snap) || wrong 'the very build: another value'

# --- local functions of one name, in both orders
mkdir locals
cat >locals/Parts.hs <<'END'
module Parts (first, second) where

first :: Int -> [Int -> Int]
first n = [\y -> helper y + n, \y -> helper (y + n)]
  where
    helper y = y * 3 + 1
    {-# NOINLINE helper #-}

second :: Int -> [Int -> Int]
second n = [\y -> helper y + n, \y -> helper (y + n)]
  where
    helper y = y * 5 + 1
    {-# NOINLINE helper #-}
END
cat >locals/Main.hs <<'END'
module Main (main) where

import Fastboot (freeze, thaw)
import Parts
import System.Environment (getArgs)

table :: Int -> ([Int -> Int], [Int -> Int])
table n = (first n, second (n + 1))

main :: IO ()
main = do
  args <- getArgs
  case args of
    ["freeze", path] -> let t = table (length args) in show' t `seq` freeze path t >>= either (error . show) (const (return ()))
    ["thaw", path] -> thaw path >>= either (error . show) (putStrLn . show')
    _ -> putStrLn (show' (table 2))

show' :: ([Int -> Int], [Int -> Int]) -> String
show' (a, b) = show (map ($ 7) a, map ($ 7) b)
END
for flags in '' -fexpose-all-unfoldings; do
  rm -rf locals/objects locals/program locals.snap swapped
  # shellcheck disable=SC2086 # none or one
  compile locals $flags
  fastboot-freeze -q -o locals.snap locals/program freeze table.snap 2>err.txt || fail "cannot freeze: $(cat err.txt)"
  for edit in order third; do
    rm -rf "$edit" && mkdir "$edit" && cp locals/*.hs "$edit"
    if [ $edit = order ]; then
      python3 - "$edit/Parts.hs" <<'END'
import sys
head, one, two = open(sys.argv[1]).read().split("\n\n", 2)
open(sys.argv[1], "w").write("\n\n".join([head, two.rstrip("\n"), one]) + "\n")
END
    else
      # A third function takes the name that the first one's had.
      edit third Parts 's/(first, second)/(zeroth, first, second)/; s/^first ::/zeroth :: Int -> [Int -> Int]\nzeroth n = [\\y -> helper y + n, \\y -> helper (y + n)]\n  where\n    helper y = y * 7 + 1\n    {-# NOINLINE helper #-}\n\nfirst ::/'
      edit third Main 's/putStrLn (show. (table 2))/putStrLn (show'"'"' (table 2)) >> if null args then return () else print (map ($ 7) (zeroth 1))/'
    fi
    # shellcheck disable=SC2086
    compile "$edit" $flags
    status=0
    fastboot-migrate -q -o "$edit.snap" locals.snap "$edit/program" >plan.txt 2>&1 || status=$?
    echo "$edit $flags: $([ $status = 0 ] && echo 'taken over' || echo refused)"
    if [ $status = 0 ]; then
      cmp -s <("$edit/program") <("$edit/program" thaw "$edit.snap") || wrong "$edit $flags: WRONG ANSWER: $("$edit/program") $("$edit/program" thaw "$edit.snap")"
    elif [ $status != 1 ]; then
      wrong "$edit $flags: $status $(cat plan.txt)"
    fi
    rm -f "$edit.snap"
  done
done
exit $failed
