#!/bin/bash
# Systematic damage: all of it by tests/fault/damage.cc in one process, and a sample of it by the tools and by programs that thaw.
set -euo pipefail
# shellcheck source=tests/fault/lib.sh
. "$FASTBOOT_SOURCE/tests/fault/lib.sh"
damage=$FASTBOOT_BUILD/tests/tools/damage

"$damage" all || problem "damage all: exit $?"

# --- the tools on a sample of damaged copies of a real snapshot ------------------------------------
compile fault -outputdir objects
size=100
./fault freeze good.snap $size >out || fail "cannot freeze: $(cat out)"
./fault freeze other.snap 3 >out || fail "cannot freeze: $(cat out)"
mkdir sample made
"$damage" dump good.snap sample || fail "no sample"
files=(sample/*.snap)

declare -A refused=([inspect]=0 [migrate]=0 [ld]=0 [thaw]=0) given=([inspect]=0 [migrate]=0 [ld]=0 [thaw]=0)
# judge TOOL FILE STATUS OUTPUT: 0 for taken, 1 and 2 for refused; else it died
judge() {
  local tool=$1 file=$2 status=$3 output=$4 must
  [ "$status" -le 2 ] || problem "$tool $file: exit $status: $output"
  case $file-$tool in
    sample/refused-*) must=1 ;;
    sample/harmless-*-header_format_minor.snap-ld) must=1 ;; # a later version: it can be read, not written anew
    sample/written-*-thaw) must=either ;; # what it does not use; above all, not another value
    sample/written-*) must=1 ;;
    *) must=0 ;;
  esac
  if [ "$must" = 1 ]; then
    [ "$status" != 0 ] || problem "$tool takes $file"
    refused[$tool]=$((refused[$tool] + 1))
  elif [ "$must" = 0 ]; then
    [ "$status" = 0 ] || problem "$tool does not take $file: $output"
  fi
  given[$tool]=$((given[$tool] + 1))
}
# What a tool is to write, when it refuses: the old file is there, and nothing else.
untouched() {
  [ "$(cat made/out.snap)" = old ] || problem "$1 $2: refuses, and its output is another"
  [ "$(ls -A made)" = out.snap ] || problem "$1 $2: refuses, and leaves $(ls -A made)"
}
# writes TOOL FILE COMMAND...
writes() {
  local tool=$1 file=$2 status=0
  shift 2
  rm -f made/out.snap
  echo old >made/out.snap
  "$@" >out 2>&1 || status=$?
  judge "$tool" "$file" $status "$(tail -n 1 out)"
  [ $status = 0 ] || untouched "$tool" "$file"
  [ $status != 0 ] || fastboot-inspect --check made/out.snap >out 2>&1 || problem "$tool $file: what it writes is not sound: $(cat out)"
}
n=0
for file in "${files[@]}"; do
  status=0
  fastboot-inspect --check "$file" >out 2>&1 || status=$?
  judge inspect "$file" $status "$(tail -n 1 out)"
  # Processes that take longer: of each four files one for each way of theirs.
  case $((n++ % 4)) in
    0) writes migrate "$file" fastboot-migrate -q -o made/out.snap "$file" ./fault ;;
    1) writes ld "$file" fastboot-ld -q -o made/out.snap "$file" ;;
    2) writes ld "$file" fastboot-ld -q -o made/out.snap other.snap "$file" ;;
    3) writes ld "$file" fastboot-ld -q --icf --gc-roots -o made/out.snap "$file" other.snap ;;
  esac
done
# In one process: what is refused leaves it as it was, and what is harmless is the same value.
./fault bad "${files[@]}" -- good.snap $size >out 2>err || problem "thaw: exit $?: $(tail -n 1 out) $(cat err)"
mapfile -t lines <out
[ ${#lines[@]} = $((${#files[@]} + 1)) ] || problem "thaw: ${#lines[@]} lines for ${#files[@]} files"
for i in "${!files[@]}"; do
  case ${lines[$i]} in
    ok) judge thaw "${files[$i]}" 0 ok ;;
    'wrong value') problem "thaw ${files[$i]}: another value" ;;
    *) judge thaw "${files[$i]}" 1 "${lines[$i]}" ;;
  esac
done
[ "${lines[-1]}" = ok ] || problem "after all of them the good one does not thaw: ${lines[-1]}"
echo "tools: a sample of ${#files[@]} files, the first two fields of a name:"
for tool in inspect migrate ld thaw; do
  echo "  $tool: given ${given[$tool]}, of which it had to refuse ${refused[$tool]}"
  [ "${refused[$tool]}" -ge 25 ] || problem "$tool: hardly a file"
done

# --- damaged data ---------------------------------------------------------------------------------
# FILE: where its data is, and how many bytes
data_of() {
  local at bytes
  read -r at bytes < <(readelf -SW "$1" | awk '{ for (i = 1; i < NF; i++) if ($i == ".fastboot.data") print $(i + 3), $(i + 4) }')
  echo $((0x$at)) $((0x$bytes))
}
# flip FILE AT: changes all bits of a byte in place
flip() {
  local old
  old=$(od -An -tu1 -j "$2" -N 1 "$1")
  # shellcheck disable=SC2059
  printf "\\x$(printf %02x $((old ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
copy() { rm -f "$2" && cp "$1" "$2" && chmod 600 "$2"; }
# expect WHAT PATTERN VARIABLE=VALUE... COMMAND...: its output
expect() {
  local what=$1 pattern=$2
  shift 2
  env "$@" >out 2>err || problem "$what: exit $?: $(cat err)"
  grep -qxE "$pattern" out || problem "$what: expected $pattern: $(cat out err)"
}
verify=FASTBOOT_VERIFY=data
mismatch='do not match their recorded hash: the file was damaged or changed; freeze it again'

# Large enough for several chunks.
size=20000
./fault freeze large.snap $size >out || fail "cannot freeze: $(cat out)"
read -r at bytes < <(data_of large.snap)
expect 'sound data' ok $verify ./fault thaw large.snap $size
expect 'sound data at other addresses' ok $verify FASTBOOT_REBASE=1 ./fault thaw large.snap $size
FASTBOOT_VERIFY=data ./fault flip large.snap $at $((at + bytes)) 30011 >out || problem "flipped data: exit $?"
awk '$1 !~ /^[0-9]+$/ { next }
  $2 == "ok" { print "WRONG: data damaged at " $1 " is thawed"; bad = 1 }
  $2 != "ok" && ($2 != 108 || !/bytes of its data at file offset 0x[0-9a-f]+ do not match their recorded hash.*freeze it again/) { print "WRONG: " $0; bad = 1 }
  { n++ }
  END { print "data: " n " places of " '$size' " entries, each found at thaw under FASTBOOT_VERIFY=data"; exit bad || n < 30 }' out || problem 'damaged data'

places=0
for part in 0 1 2 3 4 5 6 7; do
  copy large.snap page.snap
  flip page.snap $((at + bytes * part / 8 + part))
  for check in --check --check=data; do
    status=0
    fastboot-inspect $check page.snap >out 2>&1 || status=$?
    { [ $status = 1 ] && grep -q "the chunk at file offset 0x[0-9a-f]* does not match its hash" out; } || problem "inspect $check, part $part: exit $status: $(cat out)"
  done
  expect "the metadata alone, part $part" '206 .*' FASTBOOT_VERIFY=metadata ./fault thaw-as list page.snap
  expect "part $part" "108 page\.snap: the bytes of its data .* $mismatch" $verify ./fault thaw page.snap $size
  places=$((places + 1))
done
echo "data: $places places, each found by fastboot-inspect --check and --check=data"
expect 'a value that is built instead' built $verify FASTBOOT_TRACE=1 ./fault frozen page.snap $size
expect 'a value that FASTBOOT_VERIFY has not' '405 large.snap: FASTBOOT_VERIFY is "dat"; expected metadata or data' \
  FASTBOOT_VERIFY=dat ./fault thaw large.snap $size
expect 'a trace' ok FASTBOOT_TRACE=1 $verify ./fault thaw large.snap $size
grep -q 'verify data [0-9.]* us' err || problem "the trace does not tell of it: $(cat err)"

# --- of an image that needs another one, and of the one that is needed -----------------------------
./fault freeze-against large.snap needs.snap $size >out || fail "freeze-against: $(cat out)"
grep -qx ok out || fail "freeze-against: $(cat out)"
readelf -dW needs.snap | grep -q 'NEEDED.*\[large.snap\]' || fail 'it does not need the other one'
copy large.snap sound-large.snap
copy needs.snap sound-needs.snap
for moved in 0 1; do
  thaw_both() { expect "$1" "$2" $verify FASTBOOT_REBASE=$moved ./fault thaw-both needs.snap $size; }
  thaw_both 'two sound ones' ok
  for part in 0 3 7; do
    flip large.snap $((at + bytes * part / 8 + part))
    thaw_both "damage in the needed one, part $part" "108 needs\.snap: needs large\.snap: the bytes of its data .* $mismatch"
    copy sound-large.snap large.snap
  done
  read -r needs_at needs_bytes < <(data_of needs.snap)
  for part in 0 3 7; do
    flip needs.snap $((needs_at + needs_bytes * part / 8 + part))
    thaw_both "damage in the one that needs it, part $part" "108 needs\.snap: the bytes of its data .* $mismatch"
    copy sound-needs.snap needs.snap
  done
  thaw_both 'and sound ones again' ok
done
echo 'needed: 12 places in two images, at their own addresses and at others'

# --- of an image within the program ---------------------------------------------------------------
fastboot-freeze -q --embed carrying ./fault -- freeze made.snap $size >out 2>&1 || fail "--embed: $(cat out)"
rm -f made.snap
objcopy --dump-section .fastboot=inner.snap carrying dumped
read -r section < <(readelf -SW carrying | awk '{ for (i = 1; i < NF; i++) if ($i == ".fastboot") print $(i + 3) }')
read -r at bytes < <(data_of inner.snap)
expect 'from the program' ok $verify ./carrying thaw made.snap $size
cp carrying sound-carrying
for part in 0 2 5 7; do
  cp sound-carrying carrying
  flip carrying $((0x$section + at + bytes * part / 8 + part))
  expect "from the program, damaged in part $part" "108 made\.snap: the bytes of its data .* $mismatch" $verify ./carrying thaw made.snap $size
  expect "likewise, at other addresses" "108 .* $mismatch" $verify FASTBOOT_REBASE=1 ./carrying thaw made.snap $size
  expect "likewise, built instead" built $verify ./carrying frozen made.snap $size
  rm -f made.snap
done
echo 'embedded: 4 places in the image of a program'

[ $problems = 0 ] || fail "$problems problems"
