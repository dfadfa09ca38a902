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

# Over size: the pass, later ones, for one element.
rm -f points.read
curve read 'Reading all of a Map of texts: heap and image' 'entries' 'ns for each entry' log-x
for n in 1000 10000 $(pick 100000 '100000 400000 1500000'); do
  progress "curve, $n entries"
  ./bench make dictionary "$n" read.snap >/dev/null
  ./bench read dictionary "$n" 7 read.snap >samples.read.txt
  printf 'image, first pass\t%s\t%s\n' "$n" "$(calculate %.2f "$(head -n 1 samples.read.txt | cut -d' ' -f2) / $n")" >>points.read
  tail -n +2 samples.read.txt >samples.read.later.txt
  for place in 'heap 1' 'image 2'; do
    each=$(calculate %.2f "$(medians samples.read.later.txt "${place#* }") / $n")
    row "dictionary of $n: ${place% *}, ns for each" "$each" -
    printf '%s\t%s\t%s\n' "${place% *}" "$n" "$each" >>points.read
  done
done
sort -t$'\t' -s -k1,1 points.read >>"$BENCH_RESULTS/read.curve"
rm -f read.snap
