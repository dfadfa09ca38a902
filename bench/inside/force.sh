#!/bin/bash
# Lazy closures of an image and of the heap.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"
bench_program

n=$(pick 100000 1000000) count=$(pick 5 21)
./bench lazy "$n" lazy.snap >/dev/null
rm -f samples.force.txt
for ((i = 0; i < count; i++)); do ./bench force "$n" lazy.snap >>samples.force.txt; done
echo "force: $n lazy closures in an array, forced one after the other, in the heap and then in an image; $count processes. Page faults and"
echo "collections that this causes are in it. 'again' reads the evaluated closures once more."
echo
head_row "what"
row "heap, ns for each" "$(calculate %.1f "$(medians samples.force.txt 1) / $n")" -
row "image, ns for each" "$(calculate %.1f "$(medians samples.force.txt 2) / $n")" -
row "image - heap, ns for each" "$(calculate %.1f "$(awk '{ print $2 - $1 }' samples.force.txt | median) / $n")" '<= 150'
row "again: heap, ns for each" "$(calculate %.1f "$(medians samples.force.txt 3) / $n")" -
row "again: image, ns for each" "$(calculate %.1f "$(medians samples.force.txt 4) / $n")" -
rm -f lazy.snap
