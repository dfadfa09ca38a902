#!/bin/bash
# Page faults and look-ups by the order in which closures lie in the image.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"
curves_program
count=$(pick 3 15)

# FASTBOOT_CLUSTER is the walker's own switch for this bench: words of a cluster.
orders=('depth first:1' 'clusters of 512 bytes:64' 'clusters of a page (the default):512' 'clusters of 8 pages:4096' 'breadth first:1000000000000')
drop() { dd if="$1" iflag=nocache count=0 status=none; }

echo "placement: 100 look-ups all over a map, after the thaw, in a fresh process each ($count for each line): nanoseconds and page faults of the"
echo "look-ups alone. Warm: the file is in the page cache, in pieces of 2 MiB where the system makes them; 'small pages': copied by 4 KiB writes,"
echo "as package managers do; cold: dropped from the page cache before (posix_fadvise), with major faults."
echo
head_row
curve placement-time '100 look-ups by placement: page cache warm, small pages' 'entries of the map' 'microseconds' log-x
curve placement-faults 'Page faults of 100 look-ups by placement: page cache warm, small pages' 'entries of the map' 'page faults' log-x
curve placement-cold '100 look-ups by placement: file not in the page cache' 'entries of the map' 'milliseconds' log-x
for order in "${orders[@]}"; do
  words=${order##*:} order=${order%:*}
  for n in 10000 100000 $(pick '' 1000000); do
    progress "$order, $n entries"
    FASTBOOT_CLUSTER=$words ./curves freeze dictionary "$n" placed.snap >/dev/null
    rm -f small.snap samples.placement.*
    dd if=placed.snap of=small.snap bs=4k conv=fsync status=none
    chmod 0444 small.snap
    for ((i = 0; i < count; i++)); do
      ./curves look placed.snap >>samples.placement.warm
      ./curves look small.snap >>samples.placement.small
    done
    for ((i = 0; i < (count + 2) / 3; i++)); do
      drop placed.snap
      ./curves look placed.snap >>samples.placement.cold
    done
    row "$order, $n: warm, us" "$(calculate %.1f "$(medians samples.placement.warm 1) / 1e3")" -
    row "$order, $n: warm, page faults" "$(medians samples.placement.warm 2)" -
    row "$order, $n: small pages, us" "$(calculate %.1f "$(medians samples.placement.small 1) / 1e3")" -
    row "$order, $n: small pages, page faults" "$(medians samples.placement.small 2)" -
    row "$order, $n: cold, ms" "$(calculate %.2f "$(medians samples.placement.cold 1) / 1e6")" -
    row "$order, $n: cold, major page faults" "$(medians samples.placement.cold 3)" -
    point placement-time "$order" "$n" "$(calculate %.2f "$(medians samples.placement.small 1) / 1e3")"
    point placement-faults "$order" "$n" "$(medians samples.placement.small 2)"
    point placement-cold "$order" "$n" "$(calculate %.3f "$(medians samples.placement.cold 1) / 1e6")"
  done
done
rm -f placed.snap small.snap
