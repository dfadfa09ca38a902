# shellcheck shell=bash
# What the benches share: numbers, tables, curves, programs and images. Each bench is one executable script bench/*/NAME.sh that
# sources this file, prints its table on stdout, and is called by bench/run, which sets
#
#   BENCH_NAME BENCH_QUICK (yes or empty) BENCH_WORK (a directory to build in) BENCH_RESULTS (where curves and rows go)
#
# and runs it in BENCH_WORK.
set -euo pipefail

here=$FASTBOOT_SOURCE/bench
quick=$BENCH_QUICK
inside=$here/inside # sources of the programs

fail() {
  echo "bench: error: $BENCH_NAME: $*" >&2
  exit 1
}
pick() { if [ -n "$quick" ]; then echo "$1"; else echo "$2"; fi; } # QUICK FULL
progress() { echo "bench: $BENCH_NAME: $*" >&2; }

# --- numbers and tables -----------------------------------------------------------------------------------------------

# column FILE N: the N-th words. median: of the numbers on stdin.
column() { awk -v n="$2" '{ print $n }' "$1"; }
median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
medians() { column "$1" "$2" | median; }
calculate() { awk "BEGIN { printf \"$1\", $2 }"; } # FORMAT EXPRESSION

# row WHAT VALUE TARGET(<= or >=, number; or -): a line of the table, and of BENCH_RESULTS/NAME.tsv, from which README.md is
# written. VALUE starts with the number that is compared.
row() {
  local verdict=''
  if [ "$3" != - ]; then
    verdict=$(awk -v value="${2%% *}" -v target="$3" 'BEGIN {
      split(target, t, " ")
      print (t[1] == "<=" ? value + 0 <= t[2] + 0 : value + 0 >= t[2] + 0) ? "met" : "MISSED" }')
  fi
  printf '%-66s %12s  %-8s %s\n' "$1" "$2" "${3/#-/}" "$verdict" | sed 's/ *$//'
  printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$verdict" >>"$BENCH_RESULTS/$BENCH_NAME.tsv"
}
head_row() { printf '%-66s %12s  %-8s %s\n' "${1:-what}" median target verdict; }

# --- curves -----------------------------------------------------------------------------------------------------------

# curve CHART TITLE X-AXIS Y-AXIS [log-x] [log-y]: starts BENCH_RESULTS/CHART.curve, which bench/draw makes CHART.svg from.
# point CHART SERIES X Y: adds to it. The points of a series in the order in which they are to be joined.
curve() {
  local chart=$1
  printf 'title\t%s\nx\t%s\ny\t%s\noptions\t%s\n' "$2" "$3" "$4" "${*:5}" >"$BENCH_RESULTS/$chart.curve"
}
point() { printf '%s\t%s\t%s\n' "$2" "$3" "$4" >>"$BENCH_RESULTS/$1.curve"; }

# over_size CHART SIZE PREFIX SERIES:SAMPLES...: for each the median of samples.CHART.SAMPLES.txt, in a row and in points.CHART.
over_size() {
  local chart=$1 size=$2 prefix=$3 what time
  shift 3
  for what; do
    time=$(medians "samples.$chart.${what#*:}.txt" 1)
    row "$prefix: ${what%:*}, ms" "$time" -
    printf '%s\t%s\t%s\n' "${what%:*}" "$size" "$time" >>"points.$chart"
  done
}

# --- programs and images ----------------------------------------------------------------------------------------------

read -ra flags <<<"$(fastboot-config --ghc-flags)"

# compile PROGRAM SOURCE OPTION...: by GHC, unless neither sources beside it, nor library, nor options have changed
compile() {
  local program=$1 source=$2 stamp
  shift 2
  stamp="$source $* $(find "$(dirname "$source")" "$FASTBOOT_STAGE/lib" -name '*.hs' -o -name '*.c' -o -name '*.a' | LC_ALL=C sort | xargs cat | cksum)"
  if [ ! -x "$program" ] || [ "$(cat "objects/$program/stamp" 2>/dev/null)" != "$stamp" ]; then
    ghc -v0 -O "$@" -outputdir "objects/$program" -o "$program" "$source"
    echo "$stamp" >"objects/$program/stamp"
  fi
}

# The program `bench` of bench/inside/Bench.hs.
bench_program() {
  cc -std=c11 -O2 -Wall -Wextra "$(fastboot-config --cflags)" -c -o abi.o "$inside/abi.c"
  compile bench "$inside/Bench.hs" "-i$inside" abi.o "${flags[@]}" -with-rtsopts=-T
}

# The program `curves` of bench/inside/Curves.hs: threaded, so that two threads can force.
curves_program() { compile curves "$inside/Curves.hs" "-i$inside" "${flags[@]}" -threaded -rtsopts -with-rtsopts=-T; }

# image N: a snapshot of a dictionary with N entries, made once for one build of `bench`.
image() {
  local file=dictionary-$1.snap
  ./bench open "$file" >/dev/null 2>&1 || ./bench make dictionary "$1" "$file" >/dev/null || fail "cannot make $file"
  cat "$file" >/dev/null # into the page cache
}
megabytes() { calculate %.0f "$(stat -c %s "dictionary-$1.snap") / 1e6"; }

# Times whole processes in turn: see bench/time_processes.cc.
time_processes() { c++ -std=c++20 -O2 -Wall -Wextra -o time_processes "$here/time_processes.cc"; }

# in_turn ROUNDS COMMAND...: (words apart by spaces) for each a line: median and minimum in microseconds, median ratio to the first, minor page faults.
in_turn() {
  local rounds=$1 program
  shift
  for program; do printf '%s\t\t\t%s\n' "$program" "${program// /$'\t'}"; done |
    ./time_processes "$rounds" 1000 | awk -F'\t' '{ print $3, $4, $5, $8 }'
}

# once COMMAND...: its wall time in milliseconds.
once() {
  local start=${EPOCHREALTIME/./}
  "$@" >/dev/null 2>once.txt || fail "$*: $(cat once.txt)"
  calculate '%.3f\n' "(${EPOCHREALTIME/./} - $start) / 1000"
}

needed() { readelf -dW "$1" | awk '$2 == "(NEEDED)" { print $NF }' | LC_ALL=C sort; } # PROGRAM's shared libraries
