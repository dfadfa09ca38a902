#!/bin/bash
# Counts that do not depend on the machine (bench/count) have not grown against bench/results/counts.tsv, beyond a stated share.
set -euo pipefail
results=${COUNTS:-$FASTBOOT_SOURCE/bench/results/counts.tsv}

# compare EXPECTED NOW: both WHAT, COUNT, ... in lines with tabs; NOW has the tolerance third. Fails where a count has grown, or where
# the two do not speak of the same things.
compare() {
  awk -F'\t' '
    FNR == NR { expected[$1] = $2; next }
    !($1 in expected) { printf "FAIL: %s: no committed count; run ./dev bench counts and commit it\n", $1; bad = 1; next }
    {
      seen[$1] = 1
      limit = expected[$1] * (1 + $3 / 100)
      if ($2 + 0 > limit) {
        printf "FAIL: %s: %d, committed is %d, at most %d (+%d %%) allowed\n", $1, $2, expected[$1], limit, $3
        bad = 1
      } else printf "%s: %d (committed %d, +%d %%)%s\n", $1, $2, expected[$1], $3, $2 < expected[$1] * (1 - $3 / 100 - 0.001) ? "; less: commit it" : ""
    }
    END {
      for (what in expected) if (!(what in seen)) { printf "FAIL: %s: not counted any more\n", what; bad = 1 }
      exit bad
    }' "$1" "$2"
}

# The comparison itself can fail.
printf 'a\t100\nb\t7\n' >expected
must_fail() {
  printf %b "$1" >now
  if compare expected now >proof; then
    echo "FAIL: this should not have passed:" && cat now && exit 1
  fi
}
must_fail 'a\t111\t10\nb\t7\t0\n'
must_fail 'a\t100\t10\nb\t8\t0\n'
must_fail 'a\t100\t10\n'
must_fail 'a\t100\t10\nb\t7\t0\nc\t1\t0\n'
printf 'a\t110\t10\nb\t7\t0\n' >now && compare expected now >proof || { echo 'FAIL: this should have passed' && exit 1; }

strace -o /dev/null true || { echo "SKIPPED: system calls cannot be traced here"; exit 77; }
mkdir -p work && cd work
"$FASTBOOT_SOURCE/bench/count" >counts.txt
compare "$results" counts.txt
