#!/bin/bash
# Stripped programs whose symbols are in a debug file: found wherever debuggers look, if it is the program's own.
set -uo pipefail
# shellcheck source=tests/migrate/lib.sh
. "$FASTBOOT_SOURCE/tests/migrate/lib.sh"

copy old
compile old
fastboot-freeze -q -o old.snap old/program freeze table.snap 2>err.txt || fail "cannot freeze: $(cat err.txt)"
copy new
edit new Main 's/usage: program/usage: the new program/'
compile new
new/program fresh >fresh.txt
mkdir stripped
objcopy --only-keep-debug new/program symbols
strip -o plain new/program
objcopy --add-gnu-debuglink=symbols plain linked
objcopy --only-keep-debug old/program others
build_id=$(readelf -n plain | awk '/Build ID/ && !seen++ { print $3 }')
by_id=.build-id/${build_id:0:2}/${build_id:2}.debug

# migrated STRIPPED: the migration of old.snap to it, named stripped/program. No index of the same build may help.
tried=0
migrated() {
  tried=$((tried + 1))
  cp "$1" stripped/program
  rm -f new.snap
  FASTBOOT_CACHE=$PWD/cache$tried FASTBOOT_DEBUG=$PWD/none:$PWD/debug fastboot-migrate -q -o new.snap old.snap stripped/program >plan.txt 2>&1
}
refused() { # STRIPPED WHAT
  local status=0
  migrated "$1" || status=$?
  [ $status = 2 ] && [ ! -e new.snap ] && grep -q "stripped/program: stripped of its symbol table (.symtab); .*; its debug file was looked for beside it, and in the directories of FASTBOOT_DEBUG" plan.txt ||
    wrong "$2: $status $(head -n 2 plan.txt)"
}
found() { # STRIPPED PLACE: refused with another program's symbols in PLACE, taken over with its own; then they are removed
  mkdir -p "$(dirname "$2")"
  cp others "$2"
  refused "$1" "another program's symbols in $2"
  cp symbols "$2"
  migrated "$1" || { wrong "$2: $(head -n 2 plan.txt)" && return; }
  cmp -s <(cat fresh.txt fresh.txt) <(stripped/program thaw new.snap) || wrong "$2: WRONG ANSWER"
  rm "$2"
}
refused plain 'no symbols'
refused linked 'no symbols, but a link to them'
found linked stripped/symbols
found linked stripped/.debug/symbols
found linked "debug$PWD/stripped/symbols"
found plain stripped/program.debug
found plain "debug/$by_id"
# A link is a name, not a way somewhere.
for name in ../symbols ''; do
  printf '%s\0\0\0\0\0\0\0\0\0' "$name" >./link
  objcopy --add-section .gnu_debuglink=./link plain odd
  refused odd "a link to '$name'"
done
# The program that froze may be stripped, too: a snapshot that it wrote itself says nothing of its code.
old/program freeze own.snap >/dev/null
strip -o old/program old/program
mkdir -p old/.debug && cp others old/.debug/program.debug
objcopy --add-gnu-debuglink=old/.debug/program.debug old/program
FASTBOOT_CACHE=$PWD/cache_old fastboot-migrate -q -o new.snap own.snap new/program >plan.txt 2>&1 || wrong "the old program's debug file: $(head -n 2 plan.txt)"
cmp -s <(cat fresh.txt fresh.txt) <(new/program thaw new.snap) || wrong "the old program's debug file: WRONG ANSWER"
exit $failed
