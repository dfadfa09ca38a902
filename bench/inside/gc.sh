#!/bin/bash
# Major collections with and without an image.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"
bench_program

rounds=9
n=$(pick 400000 4000000) live=$(pick 100000 400000) pairs=$(pick 5 11)
image "$n"
rm -f samples.gc.*.txt
for ((i = 0; i < pairs; i++)); do
  ./bench gc "$live" $rounds - >>samples.gc.without.txt
  ./bench gc "$live" $rounds "dictionary-$n.snap" >>samples.gc.with.txt
done
echo "gc: performMajorGC of a process with $live live entries (a dictionary), with and without an image of $(megabytes "$n") MB; $pairs pairs of"
echo "processes in turn, in each the median of $rounds collections before the thaw and of $rounds after (or at that place, without one)."
echo
head_row "what"
row "before the thaw, ms" "$(calculate %.2f "$(medians samples.gc.with.txt 1) / 1e6")" -
row "after it, ms" "$(calculate %.2f "$(medians samples.gc.with.txt 2) / 1e6")" -
row "after / before, in one process, ratio" "$(calculate %.3f "$(awk '{ print $2 / $1 }' samples.gc.with.txt | median)")" '<= 1.05'
row "the same in a process without an image, ratio" "$(calculate %.3f "$(awk '{ print $2 / $1 }' samples.gc.without.txt | median)")" -
row "with / without, process against process, ratio" \
  "$(calculate %.3f "$(paste samples.gc.with.txt samples.gc.without.txt | awk '{ print $2 / $4 }' | median)")" '<= 1.05'
