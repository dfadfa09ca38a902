#!/bin/bash
# shellcheck disable=SC2015 # wrong never fails
# A program linked with -dynamic whose own modules are in a shared library beside it: thawed, carried over to another program
# with the same library, and refused by the library's name where that is another build.
set -uo pipefail
# shellcheck source=tests/migrate/lib.sh
. "$FASTBOOT_SOURCE/tests/migrate/lib.sh"

# library NAME: NAME/libtable.so of all modules but Main
library() {
  (cd "$1" && ghc -v0 -O1 -dynamic -fPIC -shared Table.hs -o libtable.so && rm ./*.o) || fail "$1: no library"
}
# program NAME: NAME/program, which looks for the library beside it
# Optimized: code of the library that is inlined into Main refers to names that GHC made up there.
program() {
  # shellcheck disable=SC2016 # for the dynamic linker
  (cd "$1" && ghc -v0 -O1 -dynamic "${ghc_flags[@]}" -c Main.hs &&
    ghc -v0 -dynamic "${ghc_flags[@]}" -package containers Main.o -L. -ltable '-optl-Wl,-rpath,$ORIGIN' -o program) || fail "$1: no program"
}
copy old
library old
program old
fastboot-freeze -q -o old.snap old/program freeze table.snap >freeze.txt 2>err.txt || fail "cannot freeze: $(cat err.txt)"
old/program fresh >fresh.txt
cmp -s <(cat fresh.txt fresh.txt) <(old/program thaw old.snap) || wrong 'the very build: another value'

cp -R old new
edit new Main 's/usage: program/usage: the new program, whose text is longer/'
program new
for name in old new; do
  fastboot-migrate -q -o $name.moved.snap old.snap $name/program >plan.txt 2>&1 || { wrong "$name: refused: $(head -n 3 plan.txt)" && continue; }
  cmp -s <(cat fresh.txt fresh.txt) <($name/program thaw $name.moved.snap) || wrong "$name: WRONG ANSWER"
done
cmp -s old/libtable.so new/libtable.so || wrong 'two libraries'

copy other
edit other Series 's/"label "/"Label "/'
library other
program other
status=0
fastboot-migrate -o other.snap old.snap other/program >plan.txt 2>&1 || status=$?
[ $status = 1 ] && [ ! -e other.snap ] && grep -q '^gone .*: it is in the shared library .*/old/libtable.so (build-id [0-9a-f]*), and the new program is started with another build of that, or without it; freeze it again' plan.txt ||
  wrong "another library: $status $(head -n 3 plan.txt)"
other/program thaw old.snap >out 2>&1 && wrong 'another library: thaws'
exit $failed
