#!/bin/bash
# A pass over all of an image, against the same in the heap.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"
bench_program

rounds=21
shapes=("dictionary $(pick 40000 400000)" "list $(pick 500000 3000000)" "numbers $(pick 100000 1500000)" "texts $(pick 100000 1500000)" "records $(pick 100000 1500000)")
pairs=$(pick 3 7)
echo "read: a pass over every closure of a value in the heap (as two major collections left it) and of the same value in its image, in"
echo "turn, $rounds rounds in each of $pairs processes. The first pass over an image maps its pages; it is told apart."
echo "The losing case is 'records': as texts, but their arrays are skipped, which lie elsewhere in the heap and between them in an image."
echo
head_row "what"
for of in "${shapes[@]}"; do
  shape=${of% *} n=${of#* }
  ./bench make "$shape" "$n" read.snap >/dev/null
  rm -f samples.read.*.txt
  for ((i = 0; i < pairs; i++)); do
    ./bench read "$shape" "$n" $rounds read.snap >samples.read.txt
    head -n 1 samples.read.txt >>samples.read.first.txt
    tail -n +2 samples.read.txt >>samples.read.later.txt
  done
  row "$shape of $n: heap, ms" "$(calculate %.2f "$(medians samples.read.later.txt 1) / 1e6")" -
  row "$shape of $n: image, ms" "$(calculate %.2f "$(medians samples.read.later.txt 2) / 1e6")" -
  row "$shape of $n: image / heap, ratio" "$(calculate %.3f "$(awk '{ print $2 / $1 }' samples.read.later.txt | median)")" \
    "$([ "$shape" = records ] && echo - || echo '<= 1.05')"
  row "$shape of $n: the first pass, ratio" "$(calculate %.2f "$(awk '{ print $2 / $1 }' samples.read.first.txt | median)")" -
done
rm -f read.snap
