#!/bin/bash
# Thaw, 100 look-ups and exit, against hello-world.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"

rounds=$(pick 300 2000)
time_processes
mkdir -p hello
printf 'main :: IO ()\nmain = putStrLn "hello, world"\n' >hello/Plain.hs
cat >hello/Pages.hs <<'END'
{-# LANGUAGE ForeignFunctionInterface #-}
import Control.Monad (when)
import Data.Int (Int64)
import Foreign.C.String (CString, withCString)
foreign import ccall "read_pages" readPages :: CString -> IO Int64
main :: IO ()
main = do
  sum <- withCString "lookups.snap" readPages
  when (sum < 0) $ fail "cannot map lookups.snap"
  putStrLn "hello, world"
END
cc -std=gnu11 -O2 -Wall -Wextra -c -o pages.o "$inside/pages.c"
echo "lookups: whole processes, as for hello; $rounds rounds in turn. 'lookups' thaws a map of a million texts, looks up 100 of them all over"
echo "the map, and ends; 'hello' prints a line. Page faults are minor ones, of the whole process. 'pages' is hello and one C function that maps"
echo "the image's data and reads 100 words all over it: what the kernel asks for the pages, without Fastboot."
echo
head_row "what"
for way in '' -threaded '-threaded -with-rtsopts=-V0'; do
  name=${way#-} name=${name%% -*}
  [[ $way != *-V0 ]] || name+=', -V0'
  name=${name:-vanilla}
  # shellcheck disable=SC2086 # several options
  compile "lookups${way// /}" "$inside/Lookups.hs" "${flags[@]}" $way
  # shellcheck disable=SC2086 # several options
  compile "plain${way// /}" hello/Plain.hs $way
  rm -f "pages${way// /}" # compile() does not know of pages.o
  # shellcheck disable=SC2086 # several options
  compile "pages${way// /}" hello/Pages.hs pages.o $way
  for program in lookups plain pages; do cp "$program${way// /}" copy && mv copy "$program${way// /}"; done
  rm -f lookups.snap
  expected=$("./lookups${way// /}" make)
  found=$("./lookups${way// /}")
  [ "$found" = "$expected" ] || fail "lookups: the checksum is $found, expected $expected"
  [ "$("./pages${way// /}")" = 'hello, world' ] || fail "pages: it does not work"
  in_turn "$rounds" "./plain${way// /}" "./lookups${way// /}" "./pages${way// /}" >samples.lookups.txt
  row "$name: hello, us" "$(sed -n 1p samples.lookups.txt | cut -d' ' -f1)" -
  row "$name: lookups, us" "$(sed -n 2p samples.lookups.txt | cut -d' ' -f1)" -
  row "$name: lookups / hello, ratio" "$(sed -n 2p samples.lookups.txt | cut -d' ' -f3)" '<= 1.3'
  row "$name: pages / hello, ratio" "$(sed -n 3p samples.lookups.txt | cut -d' ' -f3)" -
  row "$name: page faults more than hello" "$(($(sed -n 2p samples.lookups.txt | cut -d' ' -f4) - $(sed -n 1p samples.lookups.txt | cut -d' ' -f4)))" '<= 200'
  for ((i = 0; i < 100; i++)); do "./lookups${way// /}" again; done >samples.again.txt
  row "$name: the look-ups again in the same process, us" "$(medians samples.again.txt 1 | awk '{ printf "%.1f", $1 / 1000 }')" -
done
rm -f lookups.snap
