#!/bin/bash
# fastboot-ld: the graphs of Corpus.hs and Lazy.hs, each frozen to a snapshot of its own, linked into one, and thawed from there by
# their roots' names: as they are, at other addresses, with equal closures merged, and with half of the roots dropped; and a linked file
# linked again.
#   LINK_FLAGS='-A1m|-A64k -c' overrides the collectors.
# timeout: 900
set -euo pipefail
# shellcheck source=tests/roundtrip/lib.sh
source "$FASTBOOT_SOURCE/tests/roundtrip/lib.sh"

build_program link LinkMain.hs
flags=('-A64k' '-A1m -c' '-A64k --nonmoving-gc' '-A1m -G1')
[ -z "${LINK_FLAGS:-}" ] || IFS='|' read -ra flags <<<"$LINK_FLAGS"
read -ra all <<<"$(./link list | tr '\n' ' ')"
graphs=()
for graph in "${all[@]}"; do
  [[ $slow == *" ${graph#lazy_} "* ]] || graphs+=("$graph")
done
[ ${#graphs[@]} -ge 80 ] || fail "only ${#graphs[@]} graphs"
freeze_each link vanilla
freeze_each link_threaded threaded -N2

# snapshots DIRECTORY FIRST LAST: of the graphs of these numbers
snapshots() {
  local i
  for ((i = $2; i <= $3; i++)); do echo "$1/${graphs[i]}.snap"; done
}
count=${#graphs[@]} half=$((${#graphs[@]} / 2))
for way in vanilla threaded; do
  mapfile -t files < <(snapshots $way 0 $((count - 1)))
  fastboot-ld "${files[@]}" -o $way.all.snap || fail "cannot link all of $way"
  fastboot-ld -q "${files[@]}" -o $way.icf.snap --icf --map $way.icf.map || fail "cannot link all of $way with --icf"
  mapfile -t files < <(snapshots $way 0 $((half - 1)))
  fastboot-ld -q "${files[@]}" -o $way.first.snap || fail "cannot link the first half of $way"
  mapfile -t files < <(snapshots $way $half $((count - 1)))
  fastboot-ld -q "${files[@]}" -o $way.second.snap || fail "cannot link the second half of $way"
  fastboot-ld -q $way.second.snap $way.first.snap -o $way.again.snap || fail "cannot link what was linked"
  for file in "$way".*.snap; do
    fastboot-inspect "$file" >inspect.out 2>&1 || fail "$file: $(cat inspect.out)"
  done
done

# The same inputs, the same bytes.
mapfile -t files < <(snapshots vanilla 0 $((count - 1)))
fastboot-ld -q "${files[@]}" -o other/../vanilla.twice.snap --soname vanilla.all 2>/dev/null && fail "a directory that is not there"
fastboot-ld -q "${files[@]}" -o vanilla.twice.snap --soname vanilla.all || fail "cannot link a second time"
cmp vanilla.all.snap vanilla.twice.snap || fail "the same inputs make other bytes"
fastboot-ld -q "${files[@]}" -o vanilla.icf2.snap --soname vanilla.icf --icf || fail "cannot link a second time with --icf"
cmp vanilla.icf.snap vanilla.icf2.snap || fail "the same inputs make other bytes with --icf"
rm vanilla.twice.snap vanilla.icf2.snap

# thaw_linked KIND [in-turn [EACH]]: every graph from the file that was linked so, in both runtime systems, under the collectors in turn;
# in-turn: in the one or the other runtime system, and every EACH-th graph only, unless LINK_ALL is set.
thaw_linked() {
  local kind=$1 turn=${2:-} each=${3:-1} i=0 graph modes=(early late threads) start=$SECONDS
  [ -z "${LINK_ALL:-}" ] || turn='' each=1
  : >failures
  for graph in "${graphs[@]}"; do
    i=$((i + 1))
    [ $((i % each)) = 0 ] || continue
    [ -n "$turn" ] && [ $((i % 2)) = 0 ] || echo "$kind link vanilla ${modes[i % 3]} $graph ${flags[i / 2 % ${#flags[@]}]}"
    [ -n "$turn" ] && [ $((i % 2)) = 1 ] || echo "$kind link_threaded threaded ${modes[(i + 1) % 3]} $graph ${flags[(i / 2 + 1) % ${#flags[@]}]} -N2"
  done | sed 's/ link vanilla threads/ link vanilla late/' >list
  run_list thaw_one_linked
  echo "compared $((${#graphs[@]} / each)) graphs of one $kind file ($(wc -l <list) comparisons) in $((SECONDS - start)) s"
}
thaw_one_linked() {
  local kind=$1
  shift
  GRAPH_FILE=$2.$kind.snap thaw_one "$@"
}
export -f thaw_one_linked

thaw_linked all in-turn
thaw_linked again in-turn
thaw_linked icf
# Each of these thaws writes 200 MB anew.
FASTBOOT_REBASE=1 thaw_linked all in-turn 5
FASTBOOT_REBASE=1 thaw_linked icf in-turn 5
for way in 'link vanilla' 'link_threaded threaded -N2'; do
  read -ra words <<<"$way"
  read -ra left_out <<<"$slow"
  GRAPH_FILE=${words[1]}.all.snap timeout 300 "./${words[0]}" thaw-all 1 . "${left_out[@]}" "${left_out[@]/#/lazy_}" \
    +RTS -V0 "${words[@]:2}" -A1m >together.out 2>&1 || fail "all from one file: $way: $(head -c 1000 together.out)"
done
echo "thawed all from one file in one process"

# Half of the roots: what only the others reach is gone, and what is left is right.
keep=()
for ((i = 0; i < count; i += 2)); do keep+=(--keep "${graphs[i]}"); done
for way in vanilla threaded; do
  mapfile -t files < <(snapshots $way 0 $((count - 1)))
  fastboot-ld -q "${files[@]}" -o $way.half.snap --gc-roots "${keep[@]}" || fail "cannot drop roots of $way"
  fastboot-ld -q "${files[@]}" -o $way.small.snap --gc-roots --icf "${keep[@]}" || fail "cannot drop and merge in $way"
  for kind in half small; do fastboot-inspect $way.$kind.snap >inspect.out 2>&1 || fail "$way.$kind: $(cat inspect.out)"; done
done
closures() { fastboot-inspect --json "$1" | grep -m1 -oE '"closures": [0-9]+' | grep -oE '[0-9]+'; }
[ "$(closures vanilla.half.snap)" -lt "$(closures vanilla.all.snap)" ] || fail "nothing was dropped"
[ "$(closures vanilla.icf.snap)" -lt "$(closures vanilla.all.snap)" ] || fail "nothing was merged"
[ "$(closures vanilla.small.snap)" -lt "$(closures vanilla.half.snap)" ] || fail "nothing was merged in what was left"
dropped=${graphs[1]}
# What is kept alone, linked alone, is as large.
mapfile -t files < <(for ((i = 0; i < count; i += 2)); do echo "vanilla/${graphs[i]}.snap"; done)
fastboot-ld -q "${files[@]}" -o vanilla.kept.snap
[ "$(closures vanilla.kept.snap)" = "$(closures vanilla.half.snap)" ] ||
  fail "--gc-roots leaves $(closures vanilla.half.snap) closures, and the images of the kept roots have $(closures vanilla.kept.snap)"
GRAPH_FILE=vanilla.half.snap ./link thaw early "$dropped" x +RTS -V0 >dropped.out 2>&1 && fail "a dropped root can be thawed"
grep -q 'it has no root' dropped.out || fail "a dropped root: $(cat dropped.out)"
every=("${graphs[@]}") graphs=()
for ((i = 0; i < count; i += 2)); do graphs+=("${every[i]}"); done
thaw_linked half in-turn
thaw_linked small in-turn
FASTBOOT_REBASE=1 thaw_linked small in-turn
