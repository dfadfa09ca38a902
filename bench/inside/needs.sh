#!/bin/bash
# Three images of which each points into those before it (examples/composed), against one that holds all of it.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"

# The full one takes 12 GB of memory, 6 GB of disk and some minutes: an eighth of it where there is less.
free=$(awk '/^MemAvailable/ { printf "%d", $2 / 1048576 }' /proc/meminfo)
size=$(pick 20000 "$([ "$free" -ge 14 ] && echo 10000000 || echo 1250000)") rounds=$(pick 5 41)
example=$FASTBOOT_SOURCE/examples/composed

# Microseconds of all steps of the last thaw of image $1, from FASTBOOT_TRACE's lines on stdin.
micros() { grep "thawed \"$1\"" | sed 's/.*; open/open/' | grep -oE '[0-9.]+ us' | awk '{ sum += $1 } END { print sum }'; }
traced() {
  FASTBOOT_TRACE=1 "$@" 2>trace.txt >/dev/null
  cat trace.txt
}
size_of() { calculate %.1f "$(stat -c %s "$1") / 1e6"; }

progress "three images of $size entries"
"$example/build" "$PWD" "$size" >build.out 2>&1 || fail "$(tail -n 3 build.out)"
# The same in one image: the model's program, without the others being named.
mkdir -p whole
cp "$example/Table.hs" whole/
sed 's/freezeAgainst \[[^]]*\] "model.snap"/freeze "whole.snap"/' "$example/Model.hs" >whole/Whole.hs
sed 's/"model.snap"/"whole.snap"/' "$example/Main.hs" >whole/Ask.hs
compile make-whole whole/Whole.hs -iwhole "${flags[@]}"
compile ask-whole whole/Ask.hs -iwhole "${flags[@]}"
for snapshot in dictionary index; do fastboot-migrate -q --add $snapshot.snap ./make-whole; done
fastboot-freeze -q --force nf -o whole.snap ./make-whole
fastboot-migrate -q --add whole.snap ./ask-whole

./ask >answers.composed
./ask-whole >answers.whole
cmp answers.composed answers.whole || fail 'the answers differ'
rm -f samples.*
for ((i = 0; i < rounds; i++)); do
  traced ./ask | micros model >>samples.composed
  traced ./ask-whole | micros whole >>samples.whole
  once ./ask >>samples.composed.process
  once ./ask-whole >>samples.whole.process
done
for ((i = 0; i < (rounds + 9) / 10; i++)); do FASTBOOT_REBASE=1 traced ./ask | micros model >>samples.moved; done

echo "needs: a dictionary of $size entries, an index that points into it, a model that points into both, thawed by a fourth program;"
echo "'whole' is the model frozen with copies of both. Medians of $rounds processes each, in turn; thaws by FASTBOOT_TRACE's clock."
echo
head_row what
for snapshot in dictionary index model whole; do row "$snapshot.snap, MB" "$(size_of $snapshot.snap)" -; done
row 'the three / whole, bytes' "$(calculate %.3f "$(stat -c %s dictionary.snap index.snap model.snap | awk '{ n += $1 } END { print n }') / $(stat -c %s whole.snap)")" '<= 1.02'
row 'thaw of the model and the two that it needs, us' "$(median <samples.composed)" -
row 'thaw of the whole, us' "$(median <samples.whole)" -
row 'three images / one, thaw' "$(calculate %.2f "$(median <samples.composed) / $(median <samples.whole)")" '<= 3'
row 'words relocated' "$(traced ./ask | grep -oE 'relocations [0-9]+' | awk '{ n += $2 } END { print n }')" '<= 0'
row 'all three at other addresses: thaw, ms' "$(calculate %.1f "$(median <samples.moved) / 1000")" -
row 'whole process with some thousand look-ups, three / one' \
  "$(calculate %.2f "$(median <samples.composed.process) / $(median <samples.whole.process)")" -
