#!/bin/bash
# What fastboot-inspect prints for the snapshots kept here, sound and damaged: standard output, standard error and exit
# status are those in expected/. tests/golden/update rewrites them; look at the differences before you commit them.
set -uo pipefail
# shellcheck source=tests/golden/lib.sh
. "$FASTBOOT_SOURCE/tests/golden/lib.sh"
failed=0
copy_snapshots
count=0
while read -r name arguments; do
  # shellcheck disable=SC2086 # split at spaces
  run_case $arguments >got.txt </dev/null
  diff -u --label "expected/$name.txt" --label "fastboot-inspect $arguments" "$golden/expected/$name.txt" got.txt || failed=1
  count=$((count + 1))
done < <(cases)
kept=$(find "$golden/expected" -name '*.txt' | wc -l)
if [ "$count" -eq 0 ] || [ "$count" -ne "$kept" ]; then
  echo "FAIL: $count cases, and $kept files in expected/"
  failed=1
fi
exit $failed
