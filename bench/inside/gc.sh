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

rm -f points.gc
curve gc 'A major collection with an image, against without' 'image, MB' 'ratio' log-x
for n in 4000 40000 $(pick '' '400000 4000000'); do
  progress "curve, $n entries"
  image "$n"
  rm -f samples.gc.*.txt
  for ((i = 0; i < (pairs + 1) / 2; i++)); do
    ./bench gc "$live" $rounds - >>samples.gc.without.txt
    ./bench gc "$live" $rounds "dictionary-$n.snap" >>samples.gc.with.txt
  done
  size=$(calculate %.1f "$(stat -c %s "dictionary-$n.snap") / 1e6")
  ratio=$(calculate %.3f "$(awk '{ print $2 / $1 }' samples.gc.with.txt | median)")
  without=$(calculate %.3f "$(awk '{ print $2 / $1 }' samples.gc.without.txt | median)")
  row "image of $size MB: after / before the thaw, ratio" "$ratio" -
  row "image of $size MB: the same in a process without an image, ratio" "$without" -
  printf 'after the thaw / before it\t%s\t%s\n' "$size" "$ratio" >>points.gc
  printf 'without an image: later / earlier\t%s\t%s\n' "$size" "$without" >>points.gc
done
sort -t$'\t' -s -k1,1 points.gc >>"$BENCH_RESULTS/gc.curve"
