#!/bin/bash
# Memory of many processes on one snapshot: the proportional set size, which counts a page that n processes share 1/n times in each.
# shellcheck source=bench/lib.sh
source "$FASTBOOT_SOURCE/bench/lib.sh"
curves_program
# A second build of the same program, for which the snapshot is carried over by a sidecar file.
mkdir -p other && cp "$inside"/*.hs other/
echo '-- Another build.' >>other/Curves.hs
sed -i 's/nothing was found/nothing at all was found/' other/Curves.hs
compile other/curves other/Curves.hs -iother "${flags[@]}" -threaded -rtsopts

n=$(pick 20000 200000) most=50
./curves freeze dictionary "$n" shared.snap >/dev/null
export FASTBOOT_CACHE=$PWD/shared-cache
rm -rf shared-cache
mkdir -p shared-cache
fastboot-migrate -q --add shared.snap other/curves || fail 'the other build is not taken'
FASTBOOT_TRACE=1 ./other/curves hold shared.snap </dev/null 2>&1 | grep -q thawed || fail 'the other build does not thaw it'

# together COUNT COMMAND...: runs COUNT processes, every other one of `second` if that is set, until all have read the whole value. Prints
# the sum of their proportional set sizes and of the private parts in MB.
together() {
  local count=$1 i ends=() pids=() input output program
  shift
  for ((i = 0; i < count; i++)); do
    program=$1
    [ -z "${second:-}" ] || [ $((i % 2)) = 0 ] || program=$second
    coproc_start "$program" "${@:2}"
    ends+=("$input $output")
  done
  for i in "${ends[@]}"; do
    read -r -u "${i#* }" line && [ "$line" = ready ] || fail 'a process has ended early'
  done
  local pid
  for pid in "${pids[@]}"; do cat "/proc/$pid/smaps_rollup"; done |
    awk '/^Pss:/ { pss += $2 } /^Private_(Clean|Dirty):/ { own += $2 } END { printf "%.1f %.1f\n", pss / 1000, own / 1000 }'
  for i in "${ends[@]}"; do
    eval "exec ${i% *}>&- ${i#* }<&-"
  done
  wait
}
# A process with pipes to its input and from its output, whose numbers are left in `input` and `output`.
coproc_start() {
  local pipe
  pipe=$(mktemp -d)
  mkfifo "$pipe/in" "$pipe/out"
  "$@" <"$pipe/in" >"$pipe/out" &
  pids+=("$!")
  exec {input}>"$pipe/in" {output}<"$pipe/out"
  rm -r "$pipe"
}

echo "shared: processes that hold a map of $n entries ($(calculate %.1f "$(stat -c %s shared.snap) / 1e6") MB as a snapshot) and have read all of it. The sum of their"
echo "proportional set sizes (smaps_rollup), MB. 'two builds': every other process is of another build, to which fastboot-migrate --add"
echo "has bound the snapshot. 'in the heap': each has built it."
echo
head_row
curve shared 'Memory of processes that hold the same map' 'processes' 'sum of proportional set sizes, MB' log-x log-y
sum() { # NAME COUNT COMMAND...
  local of=$1 count=$2 pss own
  shift 2
  read -r pss own < <(together "$count" "$@")
  row "$of, $count processes: proportional set sizes, MB" "$pss" -
  row "$of, $count processes: of that private, MB" "$own" -
  point shared "$of" "$count" "$pss"
}
for count in 1 2 5 10 20 $most; do sum 'one snapshot' "$count" ./curves hold shared.snap; done
second=./other/curves
for count in 2 10 20 $most; do sum 'one snapshot, two builds' "$count" ./curves hold shared.snap; done
unset second
for count in 1 2 5 $(pick '' '10 20'); do sum 'in the heap' "$count" ./curves hold "$n"; done
for count in 1 10 $most; do sum 'nothing (an empty map)' "$count" ./curves hold 0; done
rm -rf shared.snap shared-cache [0-9a-f]*/*.bind
