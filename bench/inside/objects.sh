#!/bin/bash
# fastboot-inspect's passes over all closures, against reading and hashing the file.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"
bench_program
c++ -std=c++20 -O2 -Wall -Wextra -o xxh3 "$inside/xxh3.cc" -lxxhash

n=$(pick 40000 1500000) count=$(pick 3 11)
image "$n"
file=dictionary-$n.snap
bytes=$(stat -c %s "$file")
echo "objects: whole processes of fastboot-inspect over an image of $(megabytes "$n") MB (a Map Text (Text, Int)) in the page cache, $count rounds in"
echo "turn. 'xxh3' reads the file in pieces of a megabyte and hashes them with XXH3-128; 'cat' only reads it."
echo
head_row "what"
rm -f samples.objects.*.txt
for ((i = 0; i < count; i++)); do
  once cat "$file" >>samples.objects.cat.txt
  once ./xxh3 "$file" >>samples.objects.xxh3.txt
  once fastboot-inspect --objects "$file" >>samples.objects.objects.txt
  once fastboot-inspect --check=data "$file" >>samples.objects.data.txt
done
# These take long, and one is enough to know how long.
once fastboot-inspect --check=structure "$file" >>samples.objects.structure.txt
once fastboot-inspect --sizes "$file" >>samples.objects.sizes.txt
time_of() { medians "samples.objects.$1.txt" 1; }
rate() { calculate %.2f "$bytes / $(time_of "$1") / 1e6"; }
row "cat, GB/s" "$(rate cat)" -
row "xxh3, GB/s" "$(rate xxh3)" -
row "--objects, GB/s" "$(rate objects)" '>= 1'
row "--objects / xxh3, ratio of times" "$(calculate %.2f "$(time_of objects) / $(time_of xxh3)")" '<= 2'
row "--check=data, GB/s" "$(rate data)" -
row "--check=structure, GB/s" "$(rate structure)" -
row "--sizes, GB/s" "$(rate sizes)" -
if command -v valgrind >/dev/null; then
  # The same on any machine.
  small=dictionary-4000.snap
  image 4000
  valgrind --tool=callgrind --callgrind-out-file=objects.callgrind fastboot-inspect --objects "$small" >/dev/null 2>objects.log
  closures=$(fastboot-inspect --json "$small" | sed -n 's/^ *"closures": \([0-9]*\),*/\1/p' | head -n 1)
  row "--objects: instructions for each closure (image of 28,001)" \
    "$(calculate %.1f "$(sed -n 's/.*Collected : *//p' objects.log) / $closures")" -
fi
