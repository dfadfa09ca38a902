#!/bin/bash
# Systematic damage: by tests/fault/damage.cc in one process, and a sample of it by the tools and by a program that thaws.
set -euo pipefail
# shellcheck source=tests/fault/lib.sh
. "$FASTBOOT_SOURCE/tests/fault/lib.sh"
damage=$FASTBOOT_BUILD/tests/tools/damage

"$damage" all || problem "damage all: exit $?"

# --- the tools on a sample of damaged copies of a real snapshot ------------------------------------
compile fault -outputdir objects
size=100
./fault freeze good.snap $size >out || fail "cannot freeze: $(cat out)"
mkdir sample
"$damage" dump good.snap sample || fail "no sample"
files=(sample/*.snap)

declare -A count=([inspect]=0 [migrate]=0 [thaw]=0)
# judge TOOL FILE STATUS OUTPUT: 0 for taken, 1 and 2 for refused; else it died
judge() {
  local tool=$1 file=$2 status=$3 output=$4
  [ "$status" -le 2 ] || problem "$tool $file: exit $status: $output"
  case $file in
    sample/refused-*)
      [ "$status" != 0 ] || problem "$tool takes $file"
      count[$tool]=$((count[$tool] + 1))
      ;;
  esac
}
for file in "${files[@]}"; do
  status=0
  fastboot-inspect "$file" >out 2>&1 || status=$?
  judge inspect "$file" $status "$(tail -n 1 out)"
  status=0
  fastboot-migrate --dry-run "$file" ./fault >out 2>&1 || status=$?
  judge migrate "$file" $status "$(tail -n 1 out)"
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
echo "tools: ${#files[@]} files, ${count[inspect]} of which inspect, ${count[migrate]} migrate and ${count[thaw]} a thaw had to refuse"

# --- damaged data ---------------------------------------------------------------------------------
# Large enough for several chunks.
size=20000
./fault freeze large.snap $size >out || fail "cannot freeze: $(cat out)"
section() { readelf -SW large.snap | awk -v name="$1" '{ for (i = 1; i < NF; i++) if ($i == name) print $(i + 3), $(i + 4) }'; }
read -r at bytes < <(section .fastboot.data)
at=$((0x$at)) bytes=$((0x$bytes))
FASTBOOT_VERIFY=data ./fault thaw large.snap $size >out
[ "$(cat out)" = ok ] || problem "the sound file under FASTBOOT_VERIFY=data: $(cat out)"
FASTBOOT_VERIFY=data FASTBOOT_REBASE=1 ./fault thaw large.snap $size >out
[ "$(cat out)" = ok ] || problem "the sound file under FASTBOOT_VERIFY=data, at other addresses: $(cat out)"
FASTBOOT_VERIFY=data ./fault flip large.snap $at $((at + bytes)) 30011 >out || problem "flipped data: exit $?"
awk -v n=0 '$2 == "ok" && NF > 1 { print "WRONG: data damaged at " $1 " is thawed"; bad = 1 }
  NF > 1 && $2 != "ok" && ($2 != 108 || !/bytes of its data at file offset 0x[0-9a-f]+ do not match their recorded hash.*freeze it again/) { print "WRONG: " $0; bad = 1 }
  NF > 1 { n++ }
  END { print "damaged data: " n " places found at thaw under FASTBOOT_VERIFY=data"; exit bad || n < 50 }' out || problem 'damaged data'

cp large.snap page.snap && chmod 600 page.snap
printf '\x5a' | dd of=page.snap bs=1 seek=$((at + bytes / 2 + 5)) conv=notrunc status=none
[[ $(FASTBOOT_VERIFY=metadata ./fault thaw-as list page.snap) == '206 '* ]] || problem "FASTBOOT_VERIFY=metadata looks at the data"
[[ $(FASTBOOT_VERIFY=data ./fault thaw page.snap $size) == '108 page.snap: '* ]] || problem 'FASTBOOT_VERIFY=data does not'
FASTBOOT_VERIFY=data FASTBOOT_TRACE=1 ./fault frozen page.snap $size >out 2>err || problem "frozen page.snap: exit $?"
[ "$(cat out)" = built ] || problem "frozen page.snap under FASTBOOT_VERIFY=data: $(cat out err)"
[[ $(FASTBOOT_VERIFY=dat ./fault thaw large.snap $size) == '405 large.snap: FASTBOOT_VERIFY is "dat"; expected metadata or data' ]] ||
  problem "a value that FASTBOOT_VERIFY has not: $(FASTBOOT_VERIFY=dat ./fault thaw large.snap $size)"
FASTBOOT_TRACE=1 FASTBOOT_VERIFY=data ./fault thaw large.snap $size 2>err >out
grep -q 'verify data [0-9.]* us' err || problem "the trace does not tell of it: $(cat err)"
status=0
printf '\x5a' | dd of=large.snap bs=1 seek=$((at + 70000)) conv=notrunc status=none
fastboot-inspect large.snap >out 2>&1 || status=$?
echo "inspect: exit $status: $(grep -m 1 hash out || true)"

[ $problems = 0 ] || fail "$problems problems"
