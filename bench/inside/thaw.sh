#!/bin/bash
# From open to root, against the image's size.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"
bench_program

small=4000 middle=400000
large=$(pick 400000 4000000)
count=$(pick 11 61)
sizes=("$small" "$middle")
[ "$large" = "$middle" ] || sizes+=("$large")
for n in "${sizes[@]}"; do image "$n"; done
rm -f samples.thaw.*.txt
for ((i = 0; i < count; i++)); do
  for n in "${sizes[@]}"; do
    for way in floor open known thaw; do ./bench $way "dictionary-$n.snap" >>"samples.thaw.$way.$n.txt"; done
  done
done

echo "thaw: nanoseconds by the monotonic clock inside the process, around the call; warm page cache, a fresh process for each"
echo "of $count samples. The value is a Map Text (Text, Int). fastboot_thaw is the C function: from before open to the root."
echo "'floor' is what any program needs to map the file: open, fstat, pread, mmap, one page touched, close."
echo "Fastboot.thaw is the Haskell function over it: where the program has used the type's fingerprint before ('known'), and as the"
echo "first thing in the process, when GHC computes the fingerprint, too."
echo
head_row "what"
row "floor, $(megabytes $middle) MB, us" "$(calculate %.1f "$(medians "samples.thaw.floor.$middle.txt" 1) / 1000")" -
row "fastboot_thaw / floor, $(megabytes $middle) MB, ratio" \
  "$(calculate %.2f "$(medians "samples.thaw.open.$middle.txt" 1) / $(medians "samples.thaw.floor.$middle.txt" 1)")" -
for way in open known thaw; do
  case $way in open) name=fastboot_thaw ;; known) name='Fastboot.thaw, known' ;; thaw) name='Fastboot.thaw, first' ;; esac
  base=$(medians "samples.thaw.$way.$small.txt" 1)
  for n in "${sizes[@]}"; do
    this=$(medians "samples.thaw.$way.$n.txt" 1)
    target=-
    # The target is for open to root; what GHC does before it (the type's fingerprint) is shown beside it.
    [ "$n" != "$middle" ] || [ $way = thaw ] || target='<= 60'
    row "$name, image of $(megabytes "$n") MB, us" "$(calculate %.1f "$this / 1000")" "$target"
  done
  this=$(medians "samples.thaw.$way.$middle.txt" 1)
  row "$name, $(megabytes $middle) MB against $(megabytes $small) MB, ratio" "$(calculate %.2f "$this / $base")" '<= 1.5'
  [ "$large" = "$middle" ] ||
    row "$name, $(megabytes "$large") MB against $(megabytes $middle) MB, ratio" \
      "$(calculate %.2f "$(medians "samples.thaw.$way.$large.txt" 1) / $this")" '<= 1.5'
  for n in "${sizes[@]}"; do
    row "$name, image of $(megabytes "$n") MB, page faults" \
      "$(medians "samples.thaw.$way.$n.txt" 2) + $(medians "samples.thaw.$way.$n.txt" 3) major" -
  done
done
if command -v strace >/dev/null; then
  for n in "${sizes[@]}"; do
    strace ./bench open "dictionary-$n.snap" 2>&1 >/dev/null |
      awk '/^getppid/ { on = !on; next } on { sub(/\(.*/, ""); print }' >"samples.thaw.calls.$n.txt"
    row "fastboot_thaw, image of $(megabytes "$n") MB, system calls" "$(wc -l <"samples.thaw.calls.$n.txt")" -
  done
  echo
  echo "system calls of the last: $(sort "samples.thaw.calls.$n.txt" | uniq -c | awk '{ printf "%s%s %s", (NR > 1 ? ", " : ""), $1, $2 }')"
else
  echo "(system calls are not counted: no strace)"
fi
