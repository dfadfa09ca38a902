#!/bin/bash
# Thaw's parts against the image's size and against the number of targets, as FASTBOOT_TRACE tells them.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"
bench_program
count=$(pick 5 31)
roundtrip=$FASTBOOT_SOURCE/tests/roundtrip # a program with functions by the hundred thousand, from the tests
cc -c -o many_targets.o "$roundtrip/many_targets.S"
mkdir -p big && cp "$roundtrip/Big.hs" big/
compile big/big big/Big.hs many_targets.o "${flags[@]}"

# parts COMMAND...: each part's median over the processes, lines of PART, microseconds, tabs between; 'all' is their sum.
parts() {
  local i
  for ((i = 0; i < count; i++)); do FASTBOOT_TRACE=1 "$@" 2>&1 >/dev/null | sed -n 's/.*: thawed .*; //p'; done |
    awk -F', ' '{
        all = 0
        for (i = 1; i <= NF; i++) {
          n = split($i, word, " ")
          part = word[1]
          for (k = 2; k <= n - 4; k++) part = part " " word[k]
          print i "\t" part "\t" word[n - 3]
          all += word[n - 3]
        }
        print NF + 1 "\tall\t" all
      }' | sort -t$'\t' -k1,1n -k2,2 -k3,3g |
    awk -F'\t' '{ if ($2 != last && n) out(); last = $2; v[++n] = $3 } END { out() }
      function out() { print last "\t" v[int((n + 1) / 2)]; n = 0 }'
}

# against CHART X NAME COMMAND...: rows and points for one size
against() {
  local chart=$1 x=$2 of=$3 part time
  shift 3
  parts "$@" >samples.parts.txt
  [ "$(wc -l <samples.parts.txt)" -ge 4 ] || fail "$of: FASTBOOT_TRACE has told no parts"
  while IFS=$'\t' read -r part time; do
    row "$of: $part, us" "$time" -
    printf '%s\t%s\t%s\n' "$part" "$x" "$time" >>"points.$chart"
  done <samples.parts.txt
}

# Series by series, as a chart's file has them.
finish() {
  awk -F'\t' '!($1 in text) { order[++n] = $1 } { text[$1] = text[$1] $0 "\n" } END { for (i = 1; i <= n; i++) printf "%s", text[order[i]] }' \
    "points.$1" >>"$BENCH_RESULTS/$1.curve"
}

echo "parts: microseconds of thaw's parts, medians of $count processes each, page cache warm. Telling a part costs a system call, which is in it."
echo
head_row
rm -f points.parts-*
curve parts-size "Thaw's parts against the image's size (a Map of texts)" 'image, MB' 'microseconds' log-x
for n in 400 4000 40000 $(pick 400000 '400000 4000000'); do
  progress "a map of $n"
  image "$n"
  against parts-size "$(calculate %.2f "$(stat -c %s "dictionary-$n.snap") / 1e6")" "$n entries, $(megabytes "$n") MB" ./bench thaw "dictionary-$n.snap"
done
finish parts-size
curve parts-targets "Thaw's parts against the number of targets (functions in an array)" 'targets' 'microseconds' log-x log-y
for n in 10 100 1000 10000 $(pick '' 100000); do
  progress "$n targets"
  big/big freeze functions "$n" targets.snap >/dev/null
  against parts-targets "$n" "$n targets" big/big thaw functions "$n" targets.snap
done
finish parts-targets
rm -f targets.snap
