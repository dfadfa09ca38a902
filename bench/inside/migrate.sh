#!/bin/bash
# Another build of the program, against nm.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"

n=$(pick 140000 1450000) rounds=$(pick 5 15)
export FASTBOOT_CACHE=$PWD/cache
rm -rf cache samples.migrate.*.txt
compile migrate-old "$inside/Migrate.hs" "${flags[@]}"
compile migrate-new "$inside/Migrate.hs" "${flags[@]}" -DNEW
fastboot-freeze -q -o migrate.snap ./migrate-old -- data "$n" migrate.snap >/dev/null 2>&1 || fail 'cannot freeze the dictionary'
fastboot-freeze -q -o functions.snap ./migrate-old -- functions 1000 functions.snap >/dev/null 2>&1 || fail 'cannot freeze the functions'
id=$(readelf -n migrate-new | awk '/Build ID:/ { print $3 }')
# As snapshots are written, so that they map in large pieces: 2 MiB at a time, and synced.
copy() { rm -f copied.snap && dd if=migrate.snap of=copied.snap bs=2M conv=fsync; }

for ((i = 0; i < rounds; i++)); do
  once nm migrate-new >>samples.migrate.nm.txt
  rm -rf "cache/$id.index" [0-9a-f]*/"$id.bind"
  once fastboot-migrate -q --add migrate.snap migrate-new >>samples.migrate.add.txt
  once copy >>samples.migrate.copy.txt
  rm -f migrated.snap
  once fastboot-migrate -q -o migrated.snap migrate.snap migrate-new >>samples.migrate.whole.txt
  once fastboot-migrate -q -o functions-new.snap functions.snap migrate-new >>samples.migrate.functions.txt
  once fastboot-migrate -q -o functions-new.snap functions.snap migrate-new >>samples.migrate.again.txt
done
[ "$(./migrate-new check migrated.snap)" = "$(./migrate-old check migrate.snap)" ] || fail 'the migrated dictionary is another'

nm=$(medians samples.migrate.nm.txt 1) copied=$(medians samples.migrate.copy.txt 1) whole=$(medians samples.migrate.whole.txt 1)
echo "migrate: an image of $(calculate %.0f "$(stat -c %s migrate.snap) / 1e6") MB (a dictionary) carried over between two builds of a program of $(calculate %.1f "$(stat -c %s migrate-new) / 1e6") MB, against"
echo "GNU nm of the new one; $rounds rounds in turn, whole processes. fastboot-migrate has no index of the new program in its cache."
echo "An image with functions needs fingerprints of all of the program's code, once for each build: 'again' finds them in the cache."
echo
head_row "what"
row "nm of the new program, ms" "$(calculate %.1f "$nm")" -
row "fastboot-migrate --add, ms" "$(medians samples.migrate.add.txt 1)" -
row "fastboot-migrate --add / nm, ratio" "$(calculate %.2f "$(medians samples.migrate.add.txt 1) / $nm")" '<= 3'
row "a copy of the snapshot (dd bs=2M conv=fsync), ms" "$(calculate %.0f "$copied")" -
row "fastboot-migrate -o, ms" "$(calculate %.0f "$whole")" -
row "fastboot-migrate -o / (3 nm + copy), ratio" "$(calculate %.2f "$whole / (3 * $nm + $copied)")" '<= 1'
row "1000 functions: first time / nm, ratio" "$(calculate %.1f "$(medians samples.migrate.functions.txt 1) / $nm")" -
row "1000 functions: again / nm, ratio" "$(calculate %.2f "$(medians samples.migrate.again.txt 1) / $nm")" -
rm -rf migrate.snap migrated.snap copied.snap functions.snap functions-new.snap cache [0-9a-f]*/"$id.bind"

# Against size: --add does not depend on it, -o copies.
rm -f points.migrate
curve migrate 'Another build of the program: fastboot-migrate' 'image, MB' 'milliseconds' log-x log-y
for n in 1400 14000 $(pick 140000 '140000 1450000'); do
  progress "curve, $n entries"
  rm -f samples.migrate.*.txt migrate.snap
  fastboot-freeze -q -o migrate.snap ./migrate-old -- data "$n" migrate.snap >/dev/null 2>&1 || fail 'cannot freeze the dictionary'
  size=$(calculate %.2f "$(stat -c %s migrate.snap) / 1e6")
  for ((i = 0; i < (rounds + 2) / 3; i++)); do
    rm -rf "cache/$id.index" [0-9a-f]*/"$id.bind"
    once fastboot-migrate -q --add migrate.snap migrate-new >>samples.migrate.add.txt
    once copy >>samples.migrate.copy.txt
    rm -f migrated.snap
    once fastboot-migrate -q -o migrated.snap migrate.snap migrate-new >>samples.migrate.whole.txt
  done
  over_size migrate "$size" "image of $size MB" 'fastboot-migrate --add:add' 'fastboot-migrate -o:whole' 'a copy, synced:copy'
  row "image of $size MB: fastboot-migrate -o, MB/s" "$(calculate %.0f "$size / $(medians samples.migrate.whole.txt 1) * 1000")" -
done
sort -t$'\t' -s -k1,1 points.migrate >>"$BENCH_RESULTS/migrate.curve"
rm -rf migrate.snap migrated.snap copied.snap cache [0-9a-f]*/"$id.bind"
