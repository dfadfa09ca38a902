#!/bin/bash
# What linking the runtime in costs a program that does not use it.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"

rounds=$(pick 300 2000)
mkdir -p hello
printf 'main :: IO ()\nmain = putStrLn "hello, world"\n' >hello/Plain.hs
cat >hello/With.hs <<'HASKELL'
import Fastboot
import System.Environment (getArgs)

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    [file] -> freeze file 'x' >>= print
    _ -> putStrLn "hello, world"
HASKELL
sed 's/^import Fastboot$//; s/^    \[file\].*/    [file] -> putStrLn file/' hello/With.hs >hello/Without.hs
time_pairs

echo "hello: whole processes from before posix_spawn to after waitpid, $rounds rounds in turn. 'with' imports Fastboot and calls it in a"
echo "branch that is not taken; 'without' is the same program less that branch; 'again' is a copy of 'without': the noise."
echo
head_row "what"
for way in '' -threaded; do
  compile "with$way" hello/With.hs "${flags[@]}" $way
  compile "without$way" hello/Without.hs $way
  # A linker leaves a file in the page cache in other pieces than a copy does, as an installed program is: copies of all.
  for program in with without; do cp "$program$way" copy && mv copy "$program$way"; done
  cp "without$way" "again$way"
  ./time_pairs "$rounds" "./without$way" "./with$way" "./again$way" >samples.hello.txt
  name=${way:-vanilla}
  row "${name#-}: without, us" "$(sed -n 1p samples.hello.txt | cut -d' ' -f1)" -
  row "${name#-}: with, us" "$(sed -n 2p samples.hello.txt | cut -d' ' -f1)" -
  row "${name#-}: with / without, ratio" "$(sed -n 2p samples.hello.txt | cut -d' ' -f3)" '<= 1.02'
  row "${name#-}: again / without, ratio" "$(sed -n 3p samples.hello.txt | cut -d' ' -f3)" -
  row "${name#-}: shared libraries that 'with' adds" \
    "$(comm -13 <(needed "without$way") <(needed "with$way") | wc -l)" '<= 0'
  row "${name#-}: size that 'with' adds, KiB" \
    "$(calculate %.0f "($(stat -c %s "with$way") - $(stat -c %s "without$way")) / 1024")" -
done
