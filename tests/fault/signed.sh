#!/bin/bash
# Signed snapshots: made, verified, demanded; changed in every way, carried over, stripped. Programs that demand nothing have
# no part of it.
set -euo pipefail
# shellcheck source=tests/fault/lib.sh
. "$FASTBOOT_SOURCE/tests/fault/lib.sh"
export FASTBOOT_CACHE=$PWD/cache
freeze=$FASTBOOT_BUILD/fastboot-freeze inspect=$FASTBOOT_BUILD/fastboot-inspect migrate=$FASTBOOT_BUILD/fastboot-migrate
build_signed() { ghc -v0 -O1 "${ghc_flags[@]}" -outputdir "objects_$1" "$FASTBOOT_SOURCE/tests/fault/Signed.hs" -o "$@" || fail "$1 does not compile"; }
build_signed signed
build_signed signed_other -DOTHER_BUILD
compile fault -outputdir objects
# expect WANTED COMMAND...: WANTED is the start of what it prints, or an exit status and the start of what it says.
expect() {
  local wanted=$1 got status=0
  shift
  got=$("$@" 2>&1) || status=$?
  [ $status -lt 125 ] || problem "$*: exit $status: $got"
  case "$status $got" in
    "0 $wanted"* | "$wanted"*) ;;
    *) problem "$*: expected $wanted, got exit $status: $got" ;;
  esac
}

# --- keys -------------------------------------------------------------------------------------------------------------
for name in mine theirs; do "$freeze" -q --make-key $name || fail "cannot make the key $name"; done
[ "$(stat -c %a mine.key) $(stat -c %a mine.pub)" = '600 644' ] || problem "modes $(stat -c %a mine.key mine.pub)"
[ "$(wc -c <mine.key) $(wc -c <mine.pub)" = '151 87' ] || problem "sizes: $(wc -c mine.key mine.pub)"
sum=$(sha256sum mine.key mine.pub)
expect '2 fastboot-freeze: error: mine.key: exists' "$freeze" --make-key mine
[ "$(sha256sum mine.key mine.pub)" = "$sum" ] || problem 'a key was overwritten'
expect '2 fastboot-freeze: error: --make-key only makes keys' "$freeze" --make-key other ./signed
cp mine.key open.key && chmod 644 open.key
expect '2 fastboot-freeze: error: open.key: its mode is 0644, so others can use it' "$freeze" -q --sign open.key -o x.snap ./signed -- freeze plain x.snap
expect '2 fastboot-freeze: error: mine.pub: ' "$freeze" -q --sign mine.pub -o x.snap ./signed -- freeze plain x.snap
cp mine.pub wrong.key && chmod 600 wrong.key
expect '2 fastboot-freeze: error: wrong.key: is not a key; expected a line' "$freeze" -q --sign wrong.key -o x.snap ./signed -- freeze plain x.snap
[ ! -e x.snap ] || problem 'a snapshot was made without its signature'

# --- signed and verified ----------------------------------------------------------------------------------------------
for what in plain code; do
  "$freeze" -q --sign mine.key -o $what.snap ./signed -- freeze $what $what.snap || fail "cannot sign $what"
  "$freeze" -q -o $what.unsigned.snap --soname $what ./signed -- freeze $what $what.snap || fail "cannot freeze $what"
  "$freeze" -q --sign mine.key -o again.snap ./signed -- freeze $what $what.snap
  cmp $what.snap again.snap || problem 'signing the same twice makes two files'
  expect "$what.snap: signature good: image and binding" "$inspect" --verify-signature mine.pub $what.snap
  expect "1 fastboot-inspect: error: $what.snap: it is signed by the key " "$inspect" --verify-signature theirs.pub $what.snap
  expect "1 fastboot-inspect: error: $what.unsigned.snap: it is not signed" "$inspect" --verify-signature mine.pub $what.unsigned.snap
  "$FASTBOOT_BUILD/tests/tools/check_snapshot" $what.snap || problem "$what.snap is not sound"
  expect ok ./signed keys mine.pub $what.snap
  expect ok ./signed keys theirs.pub,mine.pub $what.snap
  expect "222 $what.snap: it is signed by another key" ./signed keys theirs.pub $what.snap
  expect "220 $what.unsigned.snap: it is not signed" ./signed keys mine.pub $what.unsigned.snap
  expect ok ./signed environment $what.unsigned.snap
  expect ok env FASTBOOT_REQUIRE_SIGNATURE=theirs.pub:mine.pub ./signed environment $what.snap
  expect "220 $what.unsigned.snap: " env FASTBOOT_REQUIRE_SIGNATURE=mine.pub ./signed environment $what.unsigned.snap
  expect "222 $what.snap: " env FASTBOOT_REQUIRE_SIGNATURE=theirs.pub ./signed environment $what.snap
  expect "222 $what.snap: " env FASTBOOT_REQUIRE_SIGNATURE=theirs.pub ./signed keys mine.pub $what.snap
  expect "810 $what.snap: FASTBOOT_REQUIRE_SIGNATURE names a file that is no public key" env FASTBOOT_REQUIRE_SIGNATURE=nothing.pub ./signed environment $what.snap
done
same=$(readelf -n plain.snap | awk '/Build ID/ && !seen++ { print $3 }')
[ "$same" = "$(readelf -n plain.unsigned.snap | awk '/Build ID/ && !seen++ { print $3 }')" ] || problem 'a signature changes the content id'
chmod 666 mine.pub
expect '810 plain.snap: ' env FASTBOOT_REQUIRE_SIGNATURE=mine.pub ./signed environment plain.snap
chmod 644 mine.pub
[ "$(./signed late mine.pub plain.snap | cut -d' ' -f1 | tr '\n' ' ')" = 'ok 220 ' ] || problem "demanded late: $(./signed late mine.pub plain.snap)"
expect thawed ./signed frozen mine.pub plain.snap
cp plain.unsigned.snap frozen.snap
expect built ./signed frozen mine.pub frozen.snap
# Who does not demand, thaws; who cannot verify, does not where a signature is demanded.
expect ok ./fault freeze other.snap 5
expect ok ./fault thaw other.snap 5
expect '224 other.snap: FASTBOOT_REQUIRE_SIGNATURE demands a signature, and this program cannot verify any' env FASTBOOT_REQUIRE_SIGNATURE=mine.pub ./fault thaw other.snap 5

# --- changed ----------------------------------------------------------------------------------------------------------
# A change for which the hashes are right: this is what a signature is for. 
mutated=0
mutate() { # FILE OFFSET: a bit changed, and all hashes made to fit
  rm -f forged.snap
  "$FASTBOOT_BUILD/tests/tools/forge" "$1" forged.snap "$2" || fail "cannot forge $1 at $2"
  chmod 600 forged.snap
  mutated=$((mutated + 1))
}
section() { readelf -SW "$1" | awk -v name="$2" '{ for (i = 1; i < NF; i++) if ($i == name) print "0x" $(i + 3), "0x" $(i + 4) }'; }
for what in plain code; do
  for part in .fastboot.data .fastboot.targets .fastboot.roots .fastboot.binding .dynstr .rela.dyn .fastboot.rebase; do
    read -r at size <<<"$(section $what.snap $part)"
    for place in 0 1 2 3; do
      # Some way into each quarter, and within it: what is behind the last one is padding, which nobody signs.
      mutate $what.snap $((at + size * place / 4 + (size >= 96 ? 20 : size / 8)))
      expect "1 fastboot-inspect: error: forged.snap: " "$inspect" --verify-signature mine.pub forged.snap
      got=$(./signed keys mine.pub forged.snap 2>&1) || problem "$part: exit $?: $got"
      # What cannot even be read as a snapshot is refused as such.
      case $got in '221 forged.snap: '* | '107 forged.snap: '* | '205 '* | '206 '* | '207 '*) ;; *) problem "$part + $place/4 of $what: $got" ;; esac
      [ $part != .fastboot.data ] || [[ $got == 221* ]] || problem "$part: $got"
    done
  done
done
echo "$mutated forged files: none is taken"
# The signature itself, and one of another file.
note=$(grep -abo 'Fastboot' plain.snap | sed -n 2p | cut -d: -f1)
for at in 12 40 50 110 150; do
  mutate plain.snap $((note + at))
  got=$(./signed keys mine.pub forged.snap)
  case $got in '221 '* | '222 '*) ;; *) problem "signature at $at: $got" ;; esac
done

# --- carried over, stripped, embedded ---------------------------------------------------------------------------------
strip -o stripped.snap plain.snap && chmod 444 stripped.snap
expect ok ./signed keys mine.pub stripped.snap
expect 'stripped.snap: signature good: image and binding' "$inspect" --verify-signature mine.pub stripped.snap
for what in plain code; do
  "$migrate" -q -o moved.snap $what.snap ./signed_other 2>err || fail "migrate $what: $(cat err)"
  grep -q 'moved.snap: its image is signed as before, and its binding is not; --sign KEY signs both' err || problem "no warning: $(cat err)"
  expect 'moved.snap: signature good: image; its binding was made by somebody else' "$inspect" --verify-signature mine.pub moved.snap
  if [ $what = plain ]; then wanted=ok; else wanted='223 moved.snap: it is signed, but where its functions and unevaluated parts lie in this program is not'; fi
  expect "$wanted" ./signed_other keys mine.pub moved.snap
  "$migrate" -q --sign mine.key -o signed_again.snap $what.snap ./signed_other 2>err || fail "migrate --sign $what: $(cat err)"
  [ ! -s err ] || problem "migrate --sign warns: $(cat err)"
  expect 'signed_again.snap: signature good: image and binding' "$inspect" --verify-signature mine.pub signed_again.snap
  expect ok ./signed_other keys mine.pub signed_again.snap
  cp $what.snap beside.snap
  "$migrate" -q --add beside.snap ./signed_other || fail "migrate --add $what"
  expect "${wanted/moved/beside}" ./signed_other keys mine.pub beside.snap
done
"$freeze" -q --embed carrying ./signed -- freeze plain carried.snap
expect ok ./carrying keys mine.pub carried.snap

# --- with -dynamic ----------------------------------------------------------------------------------------------------
# The package has no shared library. The compiler says so, and the linker where the objects are there already.
if ghc -v0 -dynamic "${ghc_flags[@]}" -outputdir objects_dynamic "$FASTBOOT_SOURCE/tests/fault/Signed.hs" -o dynamic >out 2>&1; then problem '-dynamic compiles'; fi
grep -q 'install.* the "dyn" libraries for package .*fastboot-signed-' out || problem "-dynamic: $(head -n 5 out)"
if ghc -v0 -dynamic "${ghc_flags[@]}" -package fastboot-signed objects_signed/*.o -o dynamic >out 2>&1; then problem '-dynamic links'; fi
grep -q 'cannot find -lHSfastboot-signed-' out || problem "-dynamic links: $(head -n 5 out)"

# --- who demands nothing ----------------------------------------------------------------------------------------------
! nm fault | grep -i 'sodium\|crypto_\|fastboot_signed' >out || problem "libsodium in a program that demands nothing: $(head -n 3 out)"
nm signed | grep crypto_sign_verify_detached >out || problem 'where does the program that demands signatures verify them?'
needed() { readelf -d "$1" | awk '/NEEDED/ { print $NF }' | sort; }
! needed signed | grep -i sodium || problem 'the program needs a shared libsodium'
[ $problems = 0 ] || fail "$problems problems"
echo 'signed: all well'
