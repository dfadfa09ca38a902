#!/bin/bash
# Thaw, 100 look-ups and exit, against hello-world.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"

rounds=$(pick 300 2000)
time_pairs
mkdir -p hello
printf 'main :: IO ()\nmain = putStrLn "hello, world"\n' >hello/Plain.hs
echo "lookups: whole processes, as for hello; $rounds rounds in turn. 'lookups' thaws a map of a million texts, looks up 100 of them all over"
echo "the map, and ends; 'hello' prints a line. Page faults are minor ones, of the whole process."
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
  for program in lookups plain; do cp "$program${way// /}" copy && mv copy "$program${way// /}"; done
  rm -f lookups.snap
  expected=$("./lookups${way// /}" make)
  found=$("./lookups${way// /}")
  [ "$found" = "$expected" ] || fail "lookups: the checksum is $found, expected $expected"
  ./time_pairs "$rounds" "./plain${way// /}" "./lookups${way// /}" >samples.lookups.txt
  row "$name: hello, us" "$(sed -n 1p samples.lookups.txt | cut -d' ' -f1)" -
  row "$name: lookups, us" "$(sed -n 2p samples.lookups.txt | cut -d' ' -f1)" -
  row "$name: lookups / hello, ratio" "$(sed -n 2p samples.lookups.txt | cut -d' ' -f3)" '<= 1.3'
  row "$name: page faults more than hello" "$(($(sed -n 2p samples.lookups.txt | cut -d' ' -f4) - $(sed -n 1p samples.lookups.txt | cut -d' ' -f4)))" '<= 200'
done
rm -f lookups.snap
