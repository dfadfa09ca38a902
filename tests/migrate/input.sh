#!/bin/bash
# shellcheck disable=SC2015 # wrong never fails
# timeout: 600
# What fastboot-migrate is given: programs and snapshots that are no use, each refused in a sentence that says what to do;
# where fingerprints come from; bindings beside a snapshot, and what programs make of damaged ones.
set -uo pipefail
# shellcheck source=tests/migrate/lib.sh
. "$FASTBOOT_SOURCE/tests/migrate/lib.sh"

# refused STATUS PATTERN ARGUMENT...: that exit status and message, no output file.
refused() {
  local want=$1 pattern=$2 status=0
  shift 2
  fastboot-migrate -o out.snap "$@" >out.txt 2>err.txt || status=$?
  [ $status = "$want" ] || wrong "$*: exit status $status, expected $want: $(cat err.txt)"
  grep -qE "^fastboot-migrate: error: .*$pattern" err.txt || wrong "$*: no '$pattern' in: $(cat err.txt)"
  [ ! -e out.snap ] || wrong "$*: a file was written"
  rm -f out.snap
}

copy old
compile old
fastboot-freeze -q -o table.snap old/program freeze table.snap 2>freeze.err || fail "cannot freeze: $(cat freeze.err)"
mkdir own
old/program freeze own/table.snap >/dev/null || fail 'cannot freeze by itself'
copy new
edit new Main 's/usage: program/usage: prog/'
compile new
new/program fresh >expected
twice() { cat expected expected; }

# --- a snapshot of a later minor version: what is known of it can be read, but it is not written anew without the rest
note=$(readelf -SW table.snap | sed -n 's/.* \.note\.fastboot  *NOTE  *[0-9a-f]* \([0-9a-f]*\) .*/\1/p')
"$FASTBOOT_BUILD/tests/tools/forge" table.snap later.snap $((0x$note + 24)) $((9 << 32 | 1)) && chmod 600 later.snap || fail 'cannot forge the version'
fastboot-inspect -h later.snap | grep -q 'Format: *1\.9' || wrong "another version: $(fastboot-inspect -h later.snap 2>&1 | head -n 8)"
refused 1 'later.snap: is of format 1\.9, and this build writes 1\.0, which would leave out what is new in it; use a Fastboot that writes 1\.9' later.snap new/program
status=0
fastboot-ld later.snap -o linked.snap 2>err.txt || status=$?
[ $status != 0 ] && [ ! -e linked.snap ] && grep -q 'later.snap: is of format 1\.9' err.txt || wrong "linking a later version: $status $(cat err.txt)"
fastboot-migrate -q --add later.snap new/program || wrong 'a binding for a later version is refused'
for program in old new; do
  $program/program fresh >$program.fresh && $program/program thaw later.snap >later.out 2>err.txt || wrong "$program: thawing a later version: $(cat err.txt)"
  cmp -s <(cat $program.fresh $program.fresh) later.out || wrong "$program: WRONG ANSWER of a later version"
done

# --- the program
echo 'no program' >text
refused 2 'not an ELF file; expected a program' table.snap text
refused 2 'cannot open: No such file' table.snap missing
refused 2 'a directory, expected a program' table.snap new
printf '#!/bin/sh\n' >script
refused 2 'a script, expected an ELF program; name the program that it runs' table.snap script
cp new/program arm
printf '\xb7\x00' | dd of=arm bs=1 seek=18 conv=notrunc status=none
refused 2 'made for ELF machine 183, expected 62 \(x86-64\)' table.snap arm
cp new/program cut
truncate -s 3000 cut
refused 2 'a damaged ELF file: .*; link it again' table.snap cut
refused 2 'not made by GHC .* expected a Haskell program' table.snap "$(command -v fastboot-inspect)"
objcopy --remove-section=.note.gnu.build-id new/program anonymous
refused 2 'has no build-id, .* link it with -optl-Wl,--build-id' table.snap anonymous

# Another GHC's: the version that GHC leaves in .comment. The index of the unchanged program has the same build-id.
printf 'GHC 9.4.7\0' >comment
objcopy --update-section .comment=comment new/program newer_ghc
FASTBOOT_CACHE=$PWD/none refused 1 'made by GHC 9.4.7, and the snapshot was frozen by 9.0.2: .*freeze it again' table.snap newer_ghc
copy threaded
compile threaded -threaded
refused 1 'has the threaded runtime system, and the snapshot was frozen under the vanilla one' table.snap threaded/program

# Stripped: refused, unless its symbols are found.
objcopy --strip-all new/program stripped
FASTBOOT_CACHE=$PWD/none1 refused 2 'stripped of its symbol table \(.symtab\); use the file from before stripping' table.snap stripped
objcopy --only-keep-debug new/program stripped.debug
FASTBOOT_CACHE=$PWD/none2 fastboot-migrate -q -o stripped.snap table.snap stripped || wrong 'stripped, with a debug file: refused'
[ ! -e stripped.snap ] || cmp -s <(twice) <(./stripped thaw stripped.snap) || wrong 'stripped: another value'
objcopy --strip-debug new/program slim
FASTBOOT_CACHE=$PWD/none3 fastboot-migrate -q -o slim.snap table.snap slim || wrong 'strip --strip-debug: refused'

# --- the snapshot
refused 1 'not a snapshot|no Fastboot note|not an ELF' text new/program
refused 2 'cannot open' missing.snap new/program
cp table.snap same.snap
chmod u+w same.snap
status=0
fastboot-migrate -q -o same.snap same.snap new/program 2>err.txt || status=$?
[ $status = 2 ] && grep -q 'never overwritten' err.txt || wrong "the input as output: $status $(cat err.txt)"
cmp -s table.snap same.snap || wrong 'the input was overwritten'

# --- where fingerprints come from: nowhere; --old; the program where it was; the cache
mv old/program old/moved
FASTBOOT_CACHE=$PWD/empty refused 1 'no fingerprints of the program that froze it, .*give --old PROGRAM' own/table.snap new/program
FASTBOOT_CACHE=$PWD/empty refused 1 'its build-id is .*, and own/table.snap was frozen by .*; give --old the program that froze it' \
  --old threaded/program own/table.snap new/program
mv old/moved old/program
own_works() {
  local name=$1
  shift
  fastboot-migrate -q -o own.snap "$@" own/table.snap new/program >out.txt 2>&1 || wrong "$name: refused: $(cat out.txt)"
  cmp -s <(twice) <(new/program thaw own.snap) || wrong "$name: another value"
  rm -f own.snap
}
cp old/program elsewhere
FASTBOOT_CACHE=$PWD/cache1 own_works 'program where it was'
rm old/program
FASTBOOT_CACHE=$PWD/cache1 own_works 'cache'
FASTBOOT_CACHE=$PWD/cache2 own_works '--old' --old elsewhere
# A snapshot that has its own needs neither.
FASTBOOT_CACHE=$PWD/cache3 fastboot-migrate -q -o recorded.snap table.snap new/program || wrong 'recorded fingerprints: refused'
# A damaged index is made again; one that others may write is not read.
for index in cache1/*.index; do chmod u+w "$index" && printf 'x' | dd of="$index" bs=1 seek=3000 conv=notrunc status=none; done
mv elsewhere old/program
FASTBOOT_CACHE=$PWD/cache1 own_works 'damaged index'

# --- options
refused 2 'takes OLD=NEW' --map-unit x table.snap new/program
refused 2 'takes c for a, and for another unit' --map-unit a=c --map-unit b=c table.snap new/program
status=0
fastboot-migrate table.snap new/program 2>err.txt || status=$?
[ $status = 2 ] && grep -q 'nothing to do: -o NEW.snap, --add or --dry-run says what' err.txt || wrong "nothing to do: $status"
fastboot-migrate --dry-run --json table.snap new/program >plan.json || wrong '--dry-run --json'
python3 - plan.json <<'END' || wrong 'the JSON document'
import json, sys
plan = json.load(open(sys.argv[1]))
assert plan["schema"] == "fastboot-migrate" and plan["schema_version"] == 1 and plan["ok"] and plan["written"] is None
assert sum(plan["counts"].values()) == len(plan["targets"]) > 20
for target in plan["targets"]:
    assert target["fate"] in ("identical", "moved") and target["bound"], target
END

# A changed function, allowed by name: the image uses the new one.
copy changed
edit changed Rules 's/^weigh Blank = 0/weigh Blank = 9/'
compile changed
refused 1 'not in changed/program as they were' table.snap changed/program
fastboot-migrate -q -o allowed.snap --allow-changed Rules_weigh_info table.snap changed/program >out.txt 2>&1 || wrong "--allow-changed: $(cat out.txt)"
grep -q 'warning: .*its code changed, which --allow-changed accepts' out.txt || wrong "--allow-changed: no warning: $(cat out.txt)"
copy changed_again
edit changed_again Rules 's/^weigh Blank = 0/weigh Blank = 9/'
edit changed_again Main 's/usage: program/usage: prog/'
compile changed_again
fastboot-migrate -q -o again.snap allowed.snap changed_again/program || wrong '--allow-changed: the next build asks again'
changed/program fresh >changed.fresh
cmp -s <(cat changed.fresh changed.fresh) <(changed/program thaw allowed.snap) || wrong '--allow-changed: another value'

# --- a binding beside the snapshot: both programs from one file
fastboot-migrate --add table.snap new/program >out.txt || wrong '--add: refused'
binding=$(sed -n 's/.*; wrote //p' out.txt)
[ -f "$binding" ] && [ "$(stat -c %a "$binding")" = 444 ] || wrong "--add: no binding '$binding'"
cmp -s <(twice) <(new/program thaw table.snap) || wrong '--add: another value in the new program'
cmp -s <(twice) <(old/program thaw table.snap) || wrong '--add: another value in the old program'
(cd "$(dirname "$binding")/.." && cmp -s <(twice) <("$OLDPWD/new/program" thaw ./table.snap)) || wrong '--add: from another directory'
mkdir moved
cp -r table.snap "$(dirname "$binding")" moved
cmp -s <(twice) <(new/program thaw moved/table.snap) || wrong '--add: both moved'

# thaws_not PATTERN: with a binding as it is now, an error and no more.
thaws_not() {
  local status=0
  new/program thaw table.snap >/dev/null 2>err.txt || status=$?
  [ $status = 1 ] && grep -qE "$1" err.txt || wrong "binding: exit status $status, expected '$1': $(cat err.txt)"
}
cp "$binding" good.bind
chmod u+w "$binding"
size=$(stat -c %s good.bind)
for at in 0 9 30 50 70 $((size / 2)) $((size - 2)); do
  cp -f good.bind "$binding"
  printf '\x5a' | dd of="$binding" bs=1 seek="$at" conv=notrunc status=none
  thaws_not 'error 205: .*is no help: .*(hash|binding).*fastboot-migrate --add'
done
for length in 0 1 47 48 100 $((size - 1)); do
  head -c "$length" good.bind >"$binding"
  thaws_not 'error 205: .*is no help: '
done
cp -f good.bind "$binding"
chmod go+w "$binding"
thaws_not 'error 205: .*is no help: .*others may write it'
chmod go-w "$binding"
new/program thaw table.snap >/dev/null || wrong 'the good binding does not serve any more'
# A binding with a right hash that leads elsewhere: the program's own info tables are looked at.
python3 - "$binding" <<'END'
import struct, subprocess, sys
data = bytearray(open(sys.argv[1], "rb").read())
modules, entries, strings, _ = struct.unpack_from("<IIII", data, 48)
first = 48 + 16 + 40 * modules
# The first two targets change places: both are constructors.
a, b = data[first:first + 16], data[first + 16:first + 32]
data[first:first + 16], data[first + 16:first + 32] = b, a
open("swapped", "wb").write(data)
open("hashed", "wb").write(data[24:])
END
if command -v xxhsum >/dev/null; then
  hash=$(xxhsum -H2 hashed | awk '{ print $1 }')
  python3 - "$hash" <<'END'
import sys
data = bytearray(open("swapped", "rb").read())
data[8:24] = bytes.fromhex(sys.argv[1])
open("swapped", "wb").write(data)
END
  cp -f swapped "$binding"
  thaws_not 'error 209: .*something of another shape; remove that file'
fi
exit $failed
