#!/bin/bash
# Counts that do not depend on the machine. tests/house/counts.sh holds later builds against those that are committed.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"

mkdir -p counts && cd counts
"$here/count" >counts.txt
echo "counts: what does not depend on the machine; ./dev test fails where one has grown by more than the given share."
echo
head_row
while IFS=$'\t' read -r what value tolerance; do
  row "$what" "$value" -
  : "$tolerance"
done <counts.txt
