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

# One thread and two, over size. The program is threaded; with two threads it has two capabilities (+RTS -N2).
curves_program
rm -f points.force
curve force 'Forcing lazy closures: of the heap and of an image, by one thread and by two' 'closures' 'ns for each (wall time by number)' log-x
for n in 1000 10000 100000 $(pick '' 1000000); do
  progress "curve, $n closures"
  ./curves lazy "$n" lazy.snap
  for threads in 1 2; do
    rm -f samples.force.txt
    for ((i = 0; i < (count + 1) / 2; i++)); do ./curves force "$n" lazy.snap $threads +RTS -N$threads -A64m >>samples.force.txt; done
    for place in 'heap 1' 'image 2'; do
      each=$(calculate %.1f "$(medians samples.force.txt "${place#* }") / $n")
      row "$n closures, ${place% *}, $threads thread$([ $threads = 1 ] || echo s), ns for each" "$each" -
      printf '%s\t%s\t%s\n' "${place% *}, $threads thread$([ $threads = 1 ] || echo s)" "$n" "$each" >>points.force
    done
  done
done
sort -t$'\t' -s -k1,1 points.force >>"$BENCH_RESULTS/force.curve"
rm -f lazy.snap
