#!/bin/bash
# Images that point into images: a dictionary, an index that points into it, a model that points into both. What is thawed is
# compared with what is built, under every collector, with any of the images at other addresses, within scopes; and what
# does not fit is refused, with the way to it, and nothing of it stays mapped.
# timeout: 1200
set -euo pipefail
# shellcheck source=tests/roundtrip/lib.sh
source "$FASTBOOT_SOURCE/tests/roundtrip/lib.sh"
check_snapshot=$FASTBOOT_BUILD/tests/tools/check_snapshot

build_program needs Needs.hs

# run PROGRAM ARG...: must succeed
run() {
  local program=$1
  shift
  timeout 300 "./$program" "$@" >out 2>trace || fail "$program $*: exit $?: $(head -c 1500 out trace)"
}
id_of() { fastboot-inspect --json "$1" | sed -n 's/.*"content_id": *"\([0-9a-f]*\)".*/\1/p' | head -n 1; }

freeze_all() { # PROGRAM
  rm -f ./*.snap
  run "$1" freeze dict
  run "$1" freeze index
  grep -q 'and one other image;' out || fail "not told: $(cat out)"
  run "$1" freeze model
  grep -q 'and 2 other images;' out || fail "not told: $(cat out)"
}

# uses PROGRAM FLAG...: the ways to use them, each line in a process of its own. What needs one takes turns.
turn=0
uses() {
  local program=$1 how ways=('collect shared threads weak' 'scope scope-inner scope-threads')
  local moved=(dict-moved index-moved both-moved model-moved first) scopes=(scope-kept scope-other scope-forced)
  shift
  ways+=("${moved[turn % 5]}" "${moved[(turn + 2) % 5]}" "${scopes[turn % 3]}")
  turn=$((turn + 1))
  for how in "${ways[@]}"; do
    case "$how $*" in
      scope*nonmoving*) continue ;; # nothing is unmapped there
    esac
    # shellcheck disable=SC2086 # several
    timeout 300 "./$program" use $how +RTS -V0 "$@" >out 2>&1 || fail "$program use $how $*: exit $?: $(head -c 1000 out)"
  done
}

for program in needs_threaded needs; do
  freeze_all $program
  # shellcheck disable=SC2043
  for image in dict index model; do "$check_snapshot" $image.snap || fail "$image.snap is not sound"; done
  # At the expected addresses no word is changed.
  FASTBOOT_TRACE=1 run $program use plain
  grep -q 'model.snap: thawed "model" :: Model; needs 2 images, relocations 0;' trace || fail "relocations: $(cat trace)"
  grep -q '^fastboot: index.snap: thawed because it is needed; needs 1 image, relocations 0;' trace ||
    fail "relocations of the index: $(cat trace)"
  ! grep -q rebased trace || fail "moved: $(cat trace)"
  # Elsewhere all are, and all is right.
  FASTBOOT_TRACE=1 FASTBOOT_REBASE=1 run $program use plain
  grep -q 'needs 2 images, relocations [1-9][0-9]*;' trace || fail "relocations: $(cat trace)"
  [ "$(grep -c 'and rebased' trace)" = 3 ] || fail "not all are moved: $(cat trace)"
done
fastboot-inspect -d model.snap >shown
for image in dict index; do
  grep -q "(NEEDED) *Shared library: \[$image.snap\]" shown || fail "-d: $(cat shown)"
  grep -qE "^ *0000012[0-9a-f]+ +0x[0-9a-f]+ +[0-9,]+ +$(id_of $image.snap) +$image.snap$" shown || fail "-d: $(cat shown)"
done
readelf -dW model.snap 2>&1 | grep 'NEEDED.*\[dict.snap\]' >/dev/null || fail "readelf: $(readelf -dW model.snap)"

# Every collector; the vanilla program's files serve the threaded one's only by its own, so each has made its own.
for way in 'needs' 'needs_threaded -N2'; do
  read -ra words <<<"$way"
  freeze_all "${words[0]}"
  for flag in '-A1m' '-A64k -G1' '-A64k -c' '-A64k -G3' '-A256k --nonmoving-gc'; do
    # shellcheck disable=SC2086
    uses "${words[@]}" $flag
  done
  for how in 'collect threads' 'scope scope-inner'; do
    # shellcheck disable=SC2086
    FASTBOOT_REBASE=1 timeout 300 "./${words[0]}" use $how +RTS -V0 "${words[@]:1}" -A64k >out 2>&1 || fail "$way: all moved: $how: $(head -c 1000 out)"
    # shellcheck disable=SC2086
    (ulimit -v 4000000 && timeout 300 "./${words[0]}" use $how +RTS -V0 "${words[@]:1}" -A64k >out 2>&1) || fail "$way: ulimit -v: $how: $(head -c 1000 out)"
  done
  echo "$way: used in all ways"
done

# Pointing is not copying, and what is not named is copied.
freeze_all needs
closures() { fastboot-inspect --json "$1" | sed -n 's/.*"closures": *\([0-9]*\).*/\1/p' | head -n 1; }
run needs freeze index-copied
[ $(($(closures copied.snap) - $(closures index.snap))) -gt $(($(closures dict.snap) * 9 / 10)) ] ||
  fail "the index has $(closures index.snap) closures, with the dictionary in it $(closures copied.snap), that has $(closures dict.snap)"
! fastboot-inspect -d copied.snap | grep NEEDED >/dev/null || fail "what is copied is needed"
run needs freeze model-half
[ "$(fastboot-inspect -d half.snap | grep -c '(NEEDED)')" = 1 ] || fail "half: $(fastboot-inspect -d half.snap)"
"$check_snapshot" half.snap || fail 'half.snap is not sound'
run needs freeze forced
! fastboot-inspect -d forced.snap | grep NEEDED >/dev/null || fail "forced thunks of the dictionary are pointed to"
run needs freeze unrelated
! fastboot-inspect -d unrelated.snap | grep NEEDED >/dev/null || fail "needed, though nothing points there"

# The same bytes, wherever the needed ones lay, and from what was thawed.
mkdir -p again
run needs freeze model-moved
cmp model.snap again/model.snap || fail "frozen with the dictionary at another address, it has other bytes"
run needs freeze model-again
[ "$(id_of again/model.snap)" = "$(id_of model.snap)" ] || fail "frozen from what was thawed, it is another image"

# --- finding them
mkdir -p away far
try() { "./needs" try >out 2>trace || return $?; }
mv dict.snap away/
# refused WHAT CODE PATTERN: model.snap is not thawed, and says why; nothing stays mapped.
refused() {
  local status=0
  try || status=$?
  [ $status = 3 ] || fail "$1: exit $status, expected a refusal: $(head -c 500 out trace)"
  grep -qE "^error $2: .*$3" out || fail "$1: expected $2, '$3': $(head -c 800 out)"
  [ "$(tail -n 1 out)" = 'nothing is mapped' ] || fail "$1: $(tail -n 1 out)"
}
refused missing 215 'model.snap: needs dict.snap \(content id [0-9a-f]{40}\): there is none beside it; install'
FASTBOOT_PATH=far::$PWD/away try || fail "FASTBOOT_PATH: $(cat out)"
mv index.snap far/
FASTBOOT_PATH=$PWD/away refused missing 215 "needs index.snap .*beside it or in $PWD/away"
FASTBOOT_PATH=far:away try || fail "FASTBOOT_PATH: $(cat out)"
# Beside the index, and far from the model.
cp far/index.snap . && mv away/dict.snap far/ && rm -rf away
FASTBOOT_PATH=far try || fail "FASTBOOT_PATH: $(cat out)"
cp -p far/dict.snap .

# Another image of that name.
right=$(id_of dict.snap)
mkdir -p new && run needs freeze circle && cp new/dict.snap other.snap
wrong=$(id_of other.snap)
mv -f other.snap dict.snap
refused wrong 216 "model.snap: needs dict.snap: found dict.snap with content id $wrong, expected $right; freeze"
FASTBOOT_PATH=far try || fail "the right one is on FASTBOOT_PATH: $(cat out)"
# A circle: the new dictionary needs the model, which needs the dictionary.
! ./needs use first >out 2>&1 || fail 'a circle is thawed'
grep -qE "error 217: dict.snap: needs model.snap: needs dict.snap: it needs this one in turn; found content id $wrong, expected $right" out ||
  fail "circle: $(cat out)"
rm -f dict.snap && cp -p far/dict.snap .

# Tampered with, not to be trusted, cut short.
chmod 666 dict.snap
refused untrusted 109 'needs dict.snap: dict.snap: '
chmod 644 dict.snap
printf '\xff' | dd of=dict.snap bs=1 seek=1600 conv=notrunc status=none
refused tampered 108 'needs dict.snap: dict.snap: the metadata does not match its hash'
rm -f dict.snap && head -c 5000 far/dict.snap >dict.snap && chmod 444 dict.snap
refused 'cut short' 104 'needs dict.snap: dict.snap: '
rm -f dict.snap && mkdir dict.snap
refused directory 110 'needs dict.snap: dict.snap: '
rmdir dict.snap && cp -p far/dict.snap .
# The words that point there: read only where they are needed, and then checked.
cp model.snap sound.snap && rm -f model.snap && cp sound.snap model.snap && chmod 600 model.snap
at=$(readelf -SW model.snap | awk '$2 == ".fastboot.cross" || $3 == ".fastboot.cross" { for (i = 1; i <= NF; i++) if ($i == "PROGBITS") print $(i + 2) }')
printf '\x07' | dd of=model.snap bs=1 seek=$((16#$at + 8)) conv=notrunc status=none
try || fail "the words are not read here: $(cat out)"
! "$check_snapshot" model.snap 2>/dev/null || fail "the damage is not found"
FASTBOOT_REBASE=1 refused damaged 108 'does not match its hash'
rm -f model.snap && cp sound.snap model.snap && chmod 444 model.snap

# --- what cannot be frozen
not_frozen() { # WHAT CODE PATTERN
  if ./needs freeze "$1" >out 2>&1; then fail "$1: frozen"; fi
  grep -qE "^error $2: .*$3" out || fail "$1: expected $2, '$3': $(cat out)"
}
not_frozen root 313 'cannot freeze "root" against dict.snap: the value itself is a closure of that image; thaw it from there'
not_frozen not-thawed 314 'cannot freeze against dict.snap, which is not thawed in this process'
mv dict.snap far/kept.snap
not_frozen not-thawed 101 'cannot freeze against dict.snap: '
mv far/kept.snap dict.snap

# --- two images of one slot
run needs freeze slots
for i in $(seq 1 40); do echo "$(fastboot-inspect "slot$i.snap" | sed -n 's/.* at \(0x[0-9a-f]*\),.*/\1/p') slot$i.snap"; done | sort >by_slot
read -r one other < <(awk '$1 == last { print file, $2; exit } { last = $1; file = $2 }' by_slot)
[ -n "$other" ] || fail "no two of 40 names have one slot: $(cat by_slot)"
run needs together "$one" "$other"
FASTBOOT_TRACE=1 run needs read-together
[ "$(cat out)" = '[(Nothing,Nothing),(Just '"$((${one//[!0-9]/} * 1000))"',Just '"$((${other//[!0-9]/} * 1000))"')]' ] || fail "$one $other: $(cat out)"
grep -q 'another image is there), and rebased' trace || fail "one slot: $(cat trace)"
grep -qE 'together.snap: .*needs 2 images, relocations 2;' trace || fail "one slot: $(cat trace)"
"$check_snapshot" together.snap || fail "together.snap is not sound"
mkdir -p beside
run needs beside "$one" "$other"
FASTBOOT_TRACE=1 run needs read-beside "$one" "$other"
[ "$(cat out)" = "[Just 1,Just $((${one//[!0-9]/} * 1000)),Nothing]" ] || fail "beside: $(cat out)"
! grep -q rebased trace || fail "a slot is chosen that a needed image has: $(cat trace)"
"$check_snapshot" "beside/$other" || fail "beside/$other is not sound"
echo "missing, changed, circular and damaged ones are refused; $one and $other have one slot"
