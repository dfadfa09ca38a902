#!/bin/bash
# The numbers in README.md are those of bench/results: the marked block is what bench/report makes of them.
set -euo pipefail
report=$FASTBOOT_SOURCE/bench/report
fail() { echo "FAIL: $*" >&2 && exit 1; }

# It can fail: another number in README.md, and another in the results.
cp -r "$FASTBOOT_SOURCE/bench/results" results
cp "$FASTBOOT_SOURCE/README.md" README.md
"$report" results README.md
"$report" --check results README.md || fail 'what it has just written is not what it would write'
awk -F'|' -v OFS='|' '/<!-- bench: begin/ { on = 1 } on && /at most/ && !done { $4 = " 12345 "; done = 1 } { print }' README.md >changed.md
cmp -s README.md changed.md && fail 'the block has no row with a target'
"$report" --check results changed.md 2>/dev/null && fail 'another number in README.md was not seen'
sed -i '1s/\t[0-9.]*\t/\t54321\t/; s/<= [0-9.]*/<= 54321/' results/thaw.tsv
"$report" --check results README.md 2>/dev/null && fail 'other results were not seen'

"$report" --check
