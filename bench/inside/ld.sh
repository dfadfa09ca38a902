#!/bin/bash
# Linking against copying the bytes of the inputs.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"
bench_program

count=$(pick 3 7)
read -ra sizes <<<"$(pick '20000 100000' '400000 1200000 2400000')"
# inputs_of SIZE...: makes the images, and leaves their names in `inputs`.
inputs_of() {
  local n
  inputs=()
  for n; do
    image "$n"
    inputs+=("dictionary-$n.snap")
  done
}
total_of() { stat -c %s "${inputs[@]}" | awk -v format="$1" '{ sum += $1 } END { printf format, sum / 1e6 }'; } # FORMAT: of the inputs' MB
inputs_of "${sizes[@]}"
total=$(total_of %.0f)

copy_all() { cat "${inputs[@]}" >copied.bin && sync copied.bin; }
# As fastboot-ld writes, so that the file maps in large pages: the page cache takes 2 MiB at a time.
pieces_all() { cat "${inputs[@]}" | dd of=copied.bin bs=2M iflag=fullblock status=none && sync copied.bin; }
link_all() { fastboot-ld -q "${inputs[@]}" -o linked.snap; }
merge_all() { fastboot-ld -q --icf "${inputs[@]}" -o merged.snap; }
# The most memory that the process ever had, looked at until it ends.
peak_memory() {
  local pid now peak=0
  fastboot-ld -q "${inputs[@]}" -o linked.snap &
  pid=$!
  while now=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do
    peak=$now
    sleep 0.005
  done
  wait
  echo $((peak / 1000))
}
# in_rounds COUNT WAY...
in_rounds() {
  local i way
  rm -f samples.ld.*.txt
  for ((i = 0; i < $1; i++)); do
    for way in "${@:2}"; do
      rm -f copied.bin linked.snap merged.snap
      once "${way}_all" >>"samples.ld.$way.txt"
    done
  done
}
in_rounds "$count" copy link pieces merge

echo "ld: ${#inputs[@]} images of dictionaries with ${sizes[*]} entries, $total MB in all, linked into one file, against copying the"
echo "files' bytes into one; both with the output synced to disk, in turn, $count times; inputs in the page cache. 'In pieces' copies 2 MiB at a"
echo "time, as fastboot-ld writes: the kernel maps such a file in large pages, and may have to get them from a hypervisor first."
echo
head_row "what"
row "copying, ms" "$(calculate %.0f "$(medians samples.ld.copy.txt 1)")" -
row "linking, ms" "$(calculate %.0f "$(medians samples.ld.link.txt 1)")" -
row "copying / linking, ratio" "$(calculate %.2f "$(paste samples.ld.copy.txt samples.ld.link.txt | awk '{ print $1 / $2 }' | median)")" '>= 0.5'
row "copying in pieces, ms" "$(calculate %.0f "$(medians samples.ld.pieces.txt 1)")" -
row "copying in pieces / linking, ratio" \
  "$(calculate %.2f "$(paste samples.ld.pieces.txt samples.ld.link.txt | awk '{ print $1 / $2 }' | median)")" -
row "copying / linking with --icf, ratio" \
  "$(calculate %.2f "$(paste samples.ld.copy.txt samples.ld.merge.txt | awk '{ print $1 / $2 }' | median)")" -
row "peak memory of linking, MB" "$(peak_memory)" -
saved=$(fastboot-ld --icf "${inputs[@]}" -o merged.snap | sed -n 's/^  \([0-9,]*\) bytes saved of .*/\1/p' | tr -d ,)
row "bytes that --icf saves, MB" "$(calculate %.1f "$saved / 1e6")" -
row "the same of the image, %" "$(calculate %.1f "100 * $saved / $(stat -c %s linked.snap)")" -

# Over size: three images of one, three and six parts.
rm -f points.ld
curve ld 'fastboot-ld: three images into one' 'images together, MB' 'milliseconds' log-x log-y
for n in 2000 20000 $(pick '' 200000); do
  progress "curve, $n entries"
  inputs_of "$n" $((3 * n)) $((6 * n))
  total=$(total_of %.2f)
  in_rounds 3 copy link merge
  over_size ld "$total" "$total MB" 'copying:copy' 'linking:link' 'linking with --icf:merge'
  row "$total MB: linking, MB/s" "$(calculate %.0f "1000 * $total / $(medians samples.ld.link.txt 1)")" -
done
sort -t$'\t' -s -k1,1 points.ld >>"$BENCH_RESULTS/ld.curve"
rm -f copied.bin linked.snap merged.snap
