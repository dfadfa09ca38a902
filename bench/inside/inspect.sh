#!/bin/bash
# fastboot-inspect on a large image: what needs the headers only, against readelf.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"
bench_program

n=$(pick 40000 1750000)
image "$n"
snapshot=dictionary-$n.snap

# What reads metadata only takes the time of starting a process.
headers() {
  local rounds
  rounds=$(pick 50 200)
  time_processes
  # Copies of both: a linker leaves a program in the page cache in other pieces than an installation does.
  cp "$(command -v readelf)" "$(command -v fastboot-inspect)" .
  in_turn "$rounds" "./readelf -h $snapshot" "./fastboot-inspect -h $snapshot" "./fastboot-inspect $snapshot" \
    "./fastboot-inspect --version" "./fastboot-inspect --json -a $snapshot" "./readelf -h $snapshot" >samples.inspect.txt
  echo "inspect: whole processes from before posix_spawn to after waitpid, $rounds rounds in turn, on an image of $(megabytes "$n") MB; 'again' is the noise."
  echo
  head_row "what"
  row "readelf -h, us" "$(sed -n 1p samples.inspect.txt | cut -d' ' -f1)" -
  row "readelf -h again / readelf -h, ratio" "$(sed -n 6p samples.inspect.txt | cut -d' ' -f3)" -
  row "fastboot-inspect -h, us" "$(sed -n 2p samples.inspect.txt | cut -d' ' -f1)" -
  row "fastboot-inspect -h / readelf -h, ratio" "$(sed -n 2p samples.inspect.txt | cut -d' ' -f3)" '<= 2'
  row "fastboot-inspect, the summary / readelf -h, ratio" "$(sed -n 3p samples.inspect.txt | cut -d' ' -f3)" '<= 2'
  row "fastboot-inspect --version (it reads no file) / readelf -h, ratio" "$(sed -n 4p samples.inspect.txt | cut -d' ' -f3)" -
  row "fastboot-inspect --json -a / readelf -h, ratio" "$(sed -n 5p samples.inspect.txt | cut -d' ' -f3)" -
}

headers

# Over size: what needs the metadata only, beside what looks at every closure or byte.
rm -f points.inspect
curve inspect 'fastboot-inspect: whole processes' 'image, MB' 'milliseconds' log-x log-y
for size in 1000 10000 $(pick '' "100000 $n"); do
  progress "curve, $size entries"
  image "$size"
  of=dictionary-$size.snap megabytes=$(calculate %.2f "$(stat -c %s "dictionary-$size.snap") / 1e6")
  rounds=$([ "$size" -gt 100000 ] && echo 1 || echo 5)
  for options in -h '-a --json' --check=data --objects --check=structure --sizes; do
    rm -f samples.inspect.curve.txt
    for ((i = 0; i < rounds; i++)); do
      # shellcheck disable=SC2086 # several options
      once fastboot-inspect $options "$of" >>samples.inspect.curve.txt
    done
    over_size inspect "$megabytes" "$megabytes MB" "fastboot-inspect $options:curve"
  done
done
sort -t$'\t' -s -k1,1 points.inspect >>"$BENCH_RESULTS/inspect.curve"
