#!/bin/bash
# Processes that share a path: first runs at once, a hundred times; and a program that is upgraded, with its snapshot, while
# another process runs from the old ones.
# timeout: 900
set -euo pipefail
# shellcheck source=tests/fault/lib.sh
. "$FASTBOOT_SOURCE/tests/fault/lib.sh"

compile fault -outputdir objects
compile fault_other -outputdir objects_other -DOTHER_BUILD

# --- first runs at once -----------------------------------------------------------------------------------------------
size=20000
built=0
for ((i = 0; i < 100; i++)); do
  rm -f shared.snap
  for run in 1 2; do
    FASTBOOT_TRACE=1 timeout 60 ./fault frozen shared.snap $size >"out.$run" 2>"err.$run" &
    pids[run]=$!
  done
  for run in 1 2; do
    wait "${pids[run]}" || fail "run $run of pair $i: exit $?: $(cat "out.$run" "err.$run")"
    # Whoever comes later finds nothing, or all of it: never something that it has to refuse.
    case $(cat "out.$run") in
      thawed) ;;
      built)
        built=$((built + 1))
        grep -q 'shared.snap: no such file; .*; built anew: froze' "err.$run" || fail "run $run of pair $i: $(cat "err.$run")"
        ;;
      *) fail "run $run of pair $i: $(cat "out.$run")" ;;
    esac
  done
  [ "$(ls shared.snap*)" = shared.snap ] || fail "pair $i leaves $(ls shared.snap*)"
  [ "$(./fault frozen shared.snap $size)" = thawed ] || fail "after pair $i the snapshot is not used"
done
{ [ $built -ge 100 ] && [ $built -le 200 ]; } || fail "$built of 200 first runs built"
[ $built -gt 100 ] || echo 'note: the two of a pair never ran at once'
echo "200 first runs at once, in pairs: $built built, $((200 - built)) found the other's snapshot"

# --- upgraded while another runs --------------------------------------------------------------------------------------
# The old process has touched hardly a page of the image when both files are replaced.
cp fault program
rm -f shared.snap
./program freeze shared.snap $size >out || fail "$(cat out)"
mkfifo to from
./program hold shared.snap $size <to >from 2>err &
holder=$!
exec 3>to 4<from
answer() { read -r -t 60 -u 4 line || fail "the old process does not answer: $(cat err)"; }
answer
[ "$line" = ready ] || fail "the old process cannot start: $line"
cp fault_other program.new
mv program.new program
[ "$(./program frozen shared.snap $size)" = built ] || fail 'the new build takes the snapshot of the old one'
[ "$(./program frozen shared.snap $size)" = thawed ] || fail "the new build's snapshot is not used"
for round in 1 2; do
  echo >&3
  answer
  [ "$line" = ok ] || fail "round $round: the old process, with its program and its snapshot replaced: $line"
  answer
  [[ $line == '205 shared.snap: it is bound to another build'* ]] || fail "round $round: the old process and the new snapshot: $line"
done
exec 3>&-
wait $holder || fail "the old process ends with $?: $(cat err)"
[ "$(./program frozen shared.snap $size)" = thawed ] || fail 'the old process has changed the snapshot'
echo 'upgraded while another runs: all well'
