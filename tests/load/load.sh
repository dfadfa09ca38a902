#!/bin/bash
# A thousand processes thaw one snapshot at once, and share it; a program thaws and drops ten thousand images, and holds no
# more afterwards.
# timeout: 900
set -euo pipefail
# shellcheck source=tests/load/lib.sh
. "$FASTBOOT_SOURCE/tests/load/lib.sh"
compile load Load.hs

# --- at once ----------------------------------------------------------------------------------------------------------
processes=${LOAD_PROCESSES:-1000} size=100000
./load freeze shared.snap 7 $size || fail 'cannot freeze'
image=$(($(stat -c %s shared.snap) / 1024))
mkfifo start end
exec 8<>start 9<>end
mkdir out
pids=()
for ((i = 0; i < processes; i++)); do
  # Neither gate is held open by the others.
  ./load at-once shared.snap 7 $size +RTS -A128k <start 4<end 8<&- 9<&- >"out/$i" 2>&1 &
  pids+=($!)
done
exec 8<&-
said() { # WORD: until all have said it
  local n
  for ((n = 0; n < 3000; n++)); do
    [ "$(cat out/* | grep -c "^$1")" != "$processes" ] || return 0
    ! grep -lv '^thawed$\|^ok ' out/* | head -n 1 | grep . || fail "$(grep -hv '^thawed$\|^ok ' out/* | head -n 3)"
    sleep 0.1
  done
  fail "only $(cat out/* | grep -c "^$1") of $processes say $1: $(head -qn 3 out/* | sort | uniq -c | head)"
}
said thawed
# All of them have it mapped now.
exec 9<&-
for pid in "${pids[@]}"; do wait "$pid" || fail "a process ends with $?: $(grep -hv '^thawed$\|^ok ' out/* | head -n 3)"; done
[ "$(cat out/* | grep -c '^ok ')" = "$processes" ] || fail 'not all are well'
most=$(awk '/^ok / { if ($2 + 0 > most) most = $2 + 0 } END { print most + 0 }' out/*)
# A link segment and no data: it is the same few pages however large the image is.
[ "$most" -lt 256 ] || fail "a process has $most KiB of the image of its own"
echo "$processes processes at once: all well; an image of $image KiB, of which a process has at most $most KiB of its own"

# --- thawed and dropped -----------------------------------------------------------------------------------------------
files=()
for ((i = 1; i <= 5; i++)); do
  ./load freeze "drop$i.snap" $i $((i * i * 300)) || fail 'cannot freeze'
  files+=("drop$i.snap" "$i" "$((i * i * 300))")
done
timeout 800 ./load drop 10000 "${files[@]}" || fail "thawed and dropped: exit $?"
FASTBOOT_REBASE=1 timeout 800 ./load drop 1000 "${files[@]}" || fail "thawed, moved and dropped: exit $?"
# It would be seen: what is not dropped adds up.
FASTBOOT_TRACE=1 ./load drop 20 "${files[@]}" 2>trace >out.trace || fail "traced: $(cat out.trace)"
[ "$(grep -c 'unmapped, for nothing refers to it' trace)" = 20 ] || fail "not unmapped each time: $(sort trace | uniq -c | head)"
echo 'load: all well'
