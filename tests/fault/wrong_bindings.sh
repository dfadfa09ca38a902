#!/bin/bash
# Bindings whose hashes are right and that lead elsewhere: what is refused, whatever they say, and that nothing crashes.
set -euo pipefail
# shellcheck source=tests/fault/lib.sh
. "$FASTBOOT_SOURCE/tests/fault/lib.sh"
export FASTBOOT_CACHE=$PWD/cache
forge=$FASTBOOT_BUILD/tests/tools/forge
compile fault -outputdir objects
compile fault_other -outputdir objects_other -DOTHER_BUILD
./fault freeze-code code.snap >out || fail "$(cat out)"
chmod 600 code.snap
section() { readelf -SW "$1" | awk -v name="$2" '{ for (i = 1; i < NF; i++) if ($i == name) print "0x" $(i + 3), "0x" $(i + 4) }'; }
word() { od -An -t u8 -j "$2" -N 8 "$1" | tr -d ' '; }
half() { od -An -t u4 -j "$2" -N 4 "$1" | tr -d ' '; }
# entries FILE AT: the file offset of the first entry of the binding at AT, and how many there are.
entries() { echo $(($2 + 16 + 40 * $(half "$1" "$2"))) "$(half "$1" $(($2 + 4)))"; }
text=$(readelf -SW fault | awk '$2 == ".text" || $3 == ".text" { for (i = 1; i < NF; i++) if ($i == ".text") print "0x" $(i + 2), "0x" $(i + 4) }')
read -r text_at text_size <<<"$text"
data_at=0x$(readelf -SW fault | awk '{ for (i = 1; i < NF; i++) if ($i == ".data") print $(i + 2) }')

# --- the snapshot's own -----------------------------------------------------------------------------------------------
read -r at _ <<<"$(section code.snap .fastboot.binding)"
read -r first count <<<"$(entries code.snap "$at")"
tried=0 refused=0
use() { # FILE: thaws and uses it; a program that is led astray may die, but not by what is refused
  rm -f result
  timeout 60 ./fault thaw-code "$1" >result 2>err || return 0
  head -n 1 result
}
for ((i = 0; i < count; i++)); do
  place=$((first + 16 * i))
  was=$(word code.snap $place)
  [ "$(half code.snap $((place + 8)))" != 4294967295 ] || continue
  # Not aligned; nothing there; far away; another module.
  for value in $((was + 1)) 0 0x7fffffffffff 0xffffffffffffff00; do
    "$forge" code.snap forged.snap $place $value && chmod 600 forged.snap
    tried=$((tried + 1))
    line=$(use forged.snap)
    case $line in
      '107 forged.snap: target '* | '107 forged.snap: static root '*) refused=$((refused + 1)) ;;
      # A slow entry's address need not be aligned, and data may start anywhere.
      *) [ "$value" = $((was + 1)) ] || problem "entry $i of $count as $value: $line" ;;
    esac
  done
  "$forge" code.snap forged.snap $((place + 8)) 77 && chmod 600 forged.snap
  line=$(use forged.snap)
  [[ $line == '107 '* ]] || problem "entry $i of module 77: $line"
done
[ $refused -ge $((3 * count / 2)) ] || problem "only $refused of $tried are refused"
# Code's entries must lie in code.
"$forge" code.snap forged.snap "$first" $((data_at)) && chmod 600 forged.snap
line=$(use forged.snap)
[[ $line == '107 forged.snap: target 0 is bound to offset '* ]] || problem "code bound to data: $line"
echo "its own binding: $refused of $tried are refused"

# --- beside it --------------------------------------------------------------------------------------------------------
# Each entry in turn leads to other code and closures of the program: what has not the recorded shape is refused, with 209.
./fault freeze input.snap 30 >out || fail "$(cat out)"
cp fault_other other
for which in input code; do
  "$FASTBOOT_BUILD/fastboot-migrate" -q --add $which.snap ./other >out 2>&1 || fail "$which: $(cat out)"
  bind=$(find . -name '*.bind' ! -name good.bind)
  [ -f "$bind" ] || fail "$which: not one binding, but: $bind"
  chmod 600 "$bind"
  cp "$bind" good.bind
  read -r first count <<<"$(entries good.bind 48)"
  tried=0 refused=0
  for ((i = 0; i < count; i++)); do
    place=$((first + 16 * i))
    was=$(word good.bind $place)
    [ "$(half good.bind $((place + 8)))" != 4294967295 ] || continue
    for value in $((was + 8)) $((was - 16)) $((text_at)) $((text_at + text_size / 2 / 8 * 8)) $((data_at)) $((data_at + 64)); do
      "$forge" good.bind "$bind" $place $value && chmod 600 "$bind"
      tried=$((tried + 1))
      use=(thaw-code code.snap)
      [ $which = code ] || use=(thaw input.snap 30)
      status=0
      timeout 60 ./other "${use[@]}" >result 2>err || status=$?
      line=$(head -n 1 result)
      [ $status = 0 ] || problem "$which: entry $i as $value: exit $status $(cat err)"
      case $line in
        "209 $which.snap: ./"* | "209 $which.snap: "*'remove that file and run fastboot-migrate --add again' | "107 $which.snap: "*) refused=$((refused + 1)) ;;
        # Another static closure is one, too.
        ok) [ "$value" = $((data_at)) ] || [ "$value" = $((data_at + 64)) ] || problem "$which: entry $i of $count as $value: taken" ;;
        *) problem "$which: entry $i of $count as $value: $line" ;;
      esac
    done
  done
  cp good.bind "$bind"
  [ $tried -ge 6 ] || problem "$which: only $tried tried"
  echo "$which: $refused of $tried wrong bindings beside it are refused"
  rm -rf "$(dirname "$bind")"
done
[ $problems = 0 ] || fail "$problems problems"
echo 'wrong bindings: all well'
