#!/bin/bash
# An image of more than 4 GB.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"
bench_program

n=$(pick 1000000 105000000) count=$(pick 5 11)
memory=$(awk '/^MemAvailable/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)
disk=$(df --output=avail -BG . | tail -n 1 | tr -dc 0-9)
echo "big: a list of $n numbers, frozen and thawed. The reader's first pass reads every closure of it."
echo
if [ -z "$quick" ] && { [ "$memory" -lt 18 ] || [ "$disk" -lt 5 ]; }; then
  echo "NOT RUN: needs 18 GB of free memory and 5 GB of disk; here are $memory and $disk."
  exit 0
fi
head_row "what"
./bench make list "$n" big.snap >/dev/null
row "size, MB" "$(calculate %.0f "$(stat -c %s big.snap) / 1e6")" "$(pick - '>= 4000')"
rm -f samples.big.txt samples.open.txt
# As bench/inside/thaw.sh has it; and by the processes that read the file, each of which leaves nothing of anything else in the caches.
for ((i = 0; i < 5 * count; i++)); do ./bench open-numbers big.snap >>samples.open.txt; done
for ((i = 0; i < count; i++)); do ./bench open-list big.snap >>samples.big.txt; done
row "open to root, us" "$(calculate %.1f "$(medians samples.open.txt 1) / 1000")" '<= 60'
row "page faults of it" "$(medians samples.open.txt 2) + $(medians samples.open.txt 3) major" -
row "open to root, right after another process has read all of it, us" "$(calculate %.1f "$(medians samples.big.txt 1) / 1000")" -
row "all closures read, s" "$(calculate %.2f "$(medians samples.big.txt 4) / 1e9")" -
rm -f big.snap
