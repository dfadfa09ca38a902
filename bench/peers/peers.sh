#!/bin/bash
# What a user would pick instead of Fastboot: whole processes that have a table, look up 100 entries, and end.
# docs/BENCHMARKS.md defines the work. bench/peers/*.{hs,c,lisp,el,js} do it.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"

sources=$here/peers
mkdir -p peers && cd peers
rows=$BENCH_RESULTS/peers.tsv # workload, peer, column, value
: >"$rows"
rounds=$(pick 3 31) cold_rounds=$(pick 2 9) seconds=$(pick 0.4 1.5) cold_seconds=$(pick 0.5 1.5)

# The checksum that everybody must print.
expected() {
  case $1 in
    vector-1000000) echo 654594218 ;;
    vector-10000) echo 559840713 ;;
    map-1000000 | hash-1000000) echo 668493328 ;;
    map-10000 | hash-10000) echo 217753995 ;;
  esac
}

# --- a peer is a function peer_NAME SHAPE N, which calls create and runs --------------------------------------------------

record() { printf '%s\t%s\t%s\t%s\n' "$workload" "$1" "$2" "$3" >>"$rows"; } # PEER COLUMN VALUE

# create PEER FILE COMMAND...: makes the file, anew, and records the time and its size.
create() {
  local peer=$1 file=$2 start
  shift 2
  rm -f "$file"
  start=${EPOCHREALTIME/./}
  "$@" >make.log 2>&1 || fail "$peer: $*: $(tail -n 3 make.log)"
  record "$peer" create "$(calculate %.3f "(${EPOCHREALTIME/./} - $start) / 1e6")"
  record "$peer" bytes "$(stat -c %s "$file")"
}

# runs PEER FILES COMMAND...: what is to be timed. FILES '-': reads none.
runs() {
  local peer=$1 files=${2/#-/}
  shift 2
  # shellcheck disable=SC2086 # several files
  [ -z "$files" ] || cat $files >/dev/null # into the page cache
  (IFS=$'\t' && printf '%s\t%s\t%s\t%s\n' "$peer" "$files" "$expect" "$*") >>commands.tsv
}

skipped=()
skip() { # PEER WHY: once for all workloads
  local line="$1: left out: $2"
  [[ " ${skipped[*]-} " == *" $line "* ]] || { skipped+=("$line") && progress "$line"; }
}
have() { command -v "$1" >/dev/null; }

# haskell PROGRAM SOURCE OPTION...
haskell() {
  local program=$1 source=$2
  shift 2
  compile "$program" "$sources/$source" "-i$sources" "$@"
}
static=(-optl-static -optl-pthread)
v0=(-threaded -with-rtsopts=-V0)

peer_fastboot() {
  local file=snapshot.snap
  haskell snapshot Snapshot.hs "${flags[@]}"
  create 'Fastboot' $file ./snapshot make "$@" $file
  runs 'Fastboot' $file ./snapshot look "$@" $file
  # Snapshots belong to one build of a program.
  haskell snapshot-static Snapshot.hs "${flags[@]}" "${static[@]}"
  create 'Fastboot, static' static.snap ./snapshot-static make "$@" static.snap
  runs 'Fastboot, static' static.snap ./snapshot-static look "$@" static.snap
  haskell snapshot-v0 Snapshot.hs "${flags[@]}" "${v0[@]}"
  create 'Fastboot, -threaded -V0' v0.snap ./snapshot-v0 make "$@" v0.snap
  runs 'Fastboot, -threaded -V0' v0.snap ./snapshot-v0 look "$@" v0.snap
}

peer_hello() {
  local expect='hello, world'
  printf 'main :: IO ()\nmain = putStrLn "hello, world"\n' >Hello.hs
  compile hello Hello.hs
  compile hello-static Hello.hs "${static[@]}"
  compile hello-threaded Hello.hs -threaded
  compile hello-v0 Hello.hs "${v0[@]}"
  cc -O2 -o hello-c "$sources/hello.c"
  runs 'hello-world, C' - ./hello-c
  runs 'hello-world, Haskell, static' - ./hello-static
  runs 'hello-world, Haskell' - ./hello
  runs 'hello-world, Haskell, -threaded' - ./hello-threaded
  runs 'hello-world, Haskell, -threaded -V0' - ./hello-v0
}

peer_scratch() {
  haskell scratch Scratch.hs
  runs 'built from scratch, tight' - ./scratch tight "$@" -
  runs 'built from scratch, naive' - ./scratch naive "$@" -
}

peer_binary() {
  haskell binary Serialized.hs
  create 'binary' binary.dat ./binary make "$@" binary.dat
  runs 'binary' binary.dat ./binary look "$@" binary.dat
}

peer_store() {
  ghc-pkg describe store >/dev/null 2>&1 || { skip store 'no libghc-store-dev'; return; }
  haskell store Serialized.hs -DSTORE
  create 'store' store.dat ./store make "$@" store.dat
  runs 'store' store.dat ./store look "$@" store.dat
}

# Made, read back and written again, so that the blocks lie where a reader gets them: its time to create is that of both.
resaved() { ./compact make "$@" && ./compact resave "$@"; }
peer_compact() {
  cc -std=c11 -O2 -Wall -Wextra -c -o compact_io.o "$sources/compact_io.c"
  haskell compact Compact.hs compact_io.o "${static[@]}"
  create 'GHC compact region, read, static' read.dat ./compact make "$@" read.dat
  runs 'GHC compact region, read, static' read.dat ./compact read "$@" read.dat
  create 'GHC compact region, mapped, static' mapped.dat resaved "$@" mapped.dat
  runs 'GHC compact region, mapped, static' mapped.dat ./compact map "$@" mapped.dat
}

peer_sbcl() {
  have sbcl || { skip SBCL 'no sbcl'; return; }
  create 'SBCL core' sbcl.core sbcl --noinform --dynamic-space-size 4096 --non-interactive --no-sysinit --no-userinit --load "$sources/work.lisp" "$@" sbcl.core
  runs 'SBCL core' sbcl.core sbcl --noinform --core sbcl.core
}

peer_emacs() {
  have emacs || { skip Emacs 'no emacs-nox'; return; }
  # -f work-make and all that follows belongs to it.
  create 'Emacs portable dump' emacs.pdmp emacs -Q --batch -l "$sources/work.el" -f work-make "$@" emacs.pdmp
  runs 'Emacs portable dump' emacs.pdmp emacs --dump-file=emacs.pdmp -Q --batch -f work-look
}

peer_node() {
  { have node && node --help | grep -q -e --build-snapshot; } || { skip Node 'no nodejs of version 18.20 or later'; return; }
  create 'Node user-land snapshot' node.blob env SHAPE="$1" N="$2" node --snapshot-blob node.blob --build-snapshot "$sources/work.js"
  runs 'Node user-land snapshot' node.blob node --snapshot-blob node.blob
}

peer_lmdb() {
  [ "$1" != hash ] || return 0 # its only structure is a tree
  cc -std=c11 -O2 -Wall -Wextra -o lmdb "$sources/lmdb.c" -llmdb 2>cc.log || { skip LMDB 'no liblmdb-dev'; return; }
  create 'LMDB (C)' lmdb.dat ./lmdb make "$@" lmdb.dat
  runs 'LMDB (C)' lmdb.dat ./lmdb look "$@" lmdb.dat
}

peer_flat() {
  cc -std=c11 -O2 -Wall -Wextra -o flat "$sources/flat.c"
  create 'flat file, mapped (C)' flat.dat ./flat make "$@" flat.dat
  runs 'flat file, mapped (C)' flat.dat ./flat look "$@" flat.dat
}
peers=(fastboot hello scratch binary store compact sbcl emacs node lmdb flat)

# --- one workload -----------------------------------------------------------------------------------------------------

# The first command, Fastboot, is what the ratios are to.
measure() {
  ./time_processes "$rounds" "$seconds" <commands.tsv >warm.tsv
  ./time_processes --cold "$cold_rounds" "$cold_seconds" <commands.tsv >cold.tsv
  local peer n wall least ratio cpu memory minor major cached
  while IFS=$'\t' read -r peer n wall least ratio cpu memory minor major cached; do
    record "$peer" wall "$(calculate %.3f "$wall / 1000")" # ms
    record "$peer" least "$(calculate %.3f "$least / 1000")"
    record "$peer" ratio "$(calculate %.2f "$ratio")"
    record "$peer" cpu "$(calculate %.3f "$cpu / 1000")"
    record "$peer" memory "$(calculate %.1f "$memory / 1024")" # MiB
    record "$peer" faults "$minor"
    record "$peer" runs "$n"
  done <warm.tsv
  while IFS=$'\t' read -r peer n wall least ratio cpu memory minor major cached; do
    [ "$(calculate %d "($cached > 0.05)")" = 0 ] || { skip "$peer, cold" 'this file system keeps the file in the page cache'; continue; }
    record "$peer" cold "$(calculate %.1f "$wall / 1000")"
    record "$peer" cold-ratio "$(calculate %.2f "$ratio")"
    record "$peer" major "$major"
  done <cold.tsv
}

# A line for each peer, in the order in which they were recorded.
print_table() {
  printf '\n%-38s %9s %8s %9s %8s %8s %8s %8s %9s %9s %7s\n' \
    "$workload" 'median ms' 'least' 'Fastboot=' 'CPU ms' 'peak MiB' 'faults' 'file MB' 'create s' 'cold ms' 'major'
  awk -F'\t' -v workload="$workload" '
    function cell(column) { return ((peer, column) in v) ? v[peer, column] : "-" }
    $1 == workload { if (!($2 in seen)) { seen[$2] = 1; order[++n] = $2 }; v[$2, $3] = $4 }
    END {
      for (i = 1; i <= n; i++) {
        peer = order[i]
        size = cell("bytes") == "-" ? "-" : sprintf("%.1f", cell("bytes") / 1e6)
        printf "%-38s %9s %8s %9s %8s %8s %8s %8s %9s %9s %7s\n", peer, cell("wall"), cell("least"), cell("ratio"), cell("cpu"),
          cell("memory"), cell("faults"), size, cell("create"), cell("cold"), cell("major")
      }
    }' "$rows"
}

time_processes
echo "peers: whole processes, from before posix_spawn to after wait4, in turn in one run: up to $rounds rounds warm and $cold_rounds cold"
echo "(the file dropped from the page cache by posix_fadvise before each start; the program stays cached). 'Fastboot=' is the median over"
echo "the rounds of the ratio to the line 'Fastboot' in the same round. All print the same checksum, which is checked in every run."
echo "faults: minor page faults, warm; major: of the cold start. create: once, the whole process that makes the file."
read -ra workloads <<<"${BENCH_WORKLOADS:-$(pick 'map-1000000 vector-10000 map-10000 hash-10000' \
  'vector-1000000 map-1000000 hash-1000000 vector-10000 map-10000 hash-10000')}"
for workload in "${workloads[@]}"; do
  progress "$workload"
  expect=$(expected "$workload")
  : >commands.tsv
  for peer in "${peers[@]}"; do "peer_$peer" "${workload%-*}" "${workload#*-}"; done
  measure
  print_table
done
printf '\n'
[ ${#skipped[@]} = 0 ] || printf '%s\n' "${skipped[@]}"

# chart CHART TITLE AXIS COLUMN WORKLOAD...: a bar for each peer and workload
chart() {
  local chart=$1 column=$4 workload peer value
  curve "$chart" "$2" '' "$3" bars log-y
  for workload in "${@:5}"; do
    awk -F'\t' -v w="$workload" -v c="$column" '$1 == w && $3 == c { print $2 "\t" $4 }' "$rows" | while IFS=$'\t' read -r peer value; do
      point "$chart" "$peer" "${workload/-/ of }" "$value"
    done
  done
}
large=(vector-1000000 map-1000000 hash-1000000)
chart peers-warm 'Start, 100 look-ups, end: whole process, page cache warm' 'ms (logarithmic)' wall "${large[@]}"
chart peers-small 'The same with 10,000 entries' 'ms (logarithmic)' wall vector-10000 map-10000 hash-10000
chart peers-cold 'Start, 100 look-ups, end: file not in the page cache' 'ms (logarithmic)' cold "${large[@]}"
chart peers-create 'Time to create the file' 's (logarithmic)' create "${large[@]}"
chart peers-memory 'Peak memory of a start' 'MiB (logarithmic)' memory "${large[@]}"
