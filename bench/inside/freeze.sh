#!/bin/bash
# The walk of a freeze, against performMajorGC of the same data.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"
bench_program

rounds=7
shapes=("dictionary $(pick 100000 400000)" "numbers $(pick 300000 1500000)" "texts $(pick 300000 1500000)" "list $(pick 500000 3000000)")
[ -n "$quick" ] || shapes+=("dictionary 2000000")
echo "freeze: the walk, for which the world stands still (FreezeReport; no file is written),"
echo "against performMajorGC of the same live data in the same process, in turn, $rounds rounds. Rates are image bytes and live bytes"
echo "a second by the clock; the ratio is given by processor time too, which a machine with other work on it disturbs less."
echo "The first walk in a process is told apart."
echo
head_row "what"
for shape in "${shapes[@]}"; do
  n=${shape#* }
  ./bench freeze "${shape% *}" "$n" $rounds >samples.freeze.txt
  tail -n +2 samples.freeze.txt >samples.later.txt
  ratio=%.2f
  image=$(medians samples.freeze.txt 1) live=$(medians samples.freeze.txt 2)
  walk=$(medians samples.later.txt 3) collection=$(medians samples.later.txt 4)
  walk_cpu=$(medians samples.later.txt 5) collection_cpu=$(medians samples.later.txt 6)
  first=$(sed -n 1p samples.freeze.txt | cut -d' ' -f3)
  name="${shape% *} of $n ($(calculate %.0f "$image / 1e6") MB)"
  row "$name: performMajorGC, GB/s" "$(calculate $ratio "$live / $collection")" -
  row "$name: walk, GB/s" "$(calculate $ratio "$image / $walk")" -
  row "$name: walk against performMajorGC" "$(calculate $ratio "$image / $walk / ($live / $collection)")" '>= 0.5'
  row "$name: the same, processor time" "$(calculate $ratio "$image / $walk_cpu / ($live / $collection_cpu)")" -
  row "$name: the first walk, GB/s" "$(calculate $ratio "$image / $first")" -
done
