#!/bin/bash
# shellcheck disable=SC2015 # wrong never fails
# Modules that move to another unit: a package with a new version, the program's own modules put into a package, units
# that change places. Refused without --map-unit, with a sentence that names it; with it the image is run, and says what
# the new program says. What is another thing in the new unit is refused there, too.
set -uo pipefail
# shellcheck source=tests/migrate/lib.sh
. "$FASTBOOT_SOURCE/tests/migrate/lib.sh"

depends=$(for name in base containers; do ghc-pkg field $name id --simple-output; done | tr '\n' ' ')
# package NAME UNIT MODULE...: the copy NAME's modules, made a package of that unit in NAME/db.
package() {
  local name=$1 unit=$2
  shift 2
  mkdir -p "$name/$unit" "$name/db"
  (cd "$name" && mv "${@/%/.hs}" "$unit") || fail "$name: no such modules"
  ghc -v0 -O1 -package-db "$name/db" -this-unit-id "$unit" -i"$name/$unit" -outputdir "$name/$unit" \
    "${@/#/$name/$unit/}" || fail "$name: $unit does not compile"
  ar rcs "$name/$unit/libHS$unit.a" "$name/$unit"/*.o
  cat >"$name/db/$unit.conf" <<END_OF_CONF
name: ${unit%%-*}
version: 1
id: $unit
key: $unit
exposed: True
exposed-modules: $*
import-dirs: $PWD/$name/$unit
library-dirs: $PWD/$name/$unit
hs-libraries: HS$unit
depends: $depends $(cd "$name/db" && for other in *.conf; do echo "${other%.conf}"; done | grep -v "^$unit$")
END_OF_CONF
  ghc-pkg recache --package-db "$name/db" || fail "$name: no package database"
}
program() { compile "$1" -package-db "$1/db" -hide-all-packages -package base -package containers -package fastboot "${@:2}"; }

# taken NAME OPTION...: refused without the options, in a sentence that names --map-unit; with them the image is run.
taken() {
  local name=$1 from=$2 status=0
  shift 2
  fastboot-migrate -o "$name.snap" "$from.snap" "$name/program" >"$name.plan" 2>&1 || status=$?
  [ $status = 1 ] && [ ! -e "$name.snap" ] || wrong "$name: without --map-unit: $status"
  grep -q '^gone .*: the new program has no constructor of that unit, module and name (--map-unit OLD=NEW takes one unit for another)' "$name.plan" ||
    wrong "$name: nothing tells of --map-unit: $(head -n 5 "$name.plan")"
  fastboot-migrate -q -o "$name.snap" "$@" "$from.snap" "$name/program" >"$name.plan" 2>&1 ||
    { wrong "$name: refused: $(grep -v '^ ' "$name.plan" | head -n 4)" && return; }
  answers "$name"
}

answers() {
  "$1/program" fresh >"$1.fresh" || wrong "$1: fresh fails"
  "$1/program" thaw "$1.snap" >"$1.thawed" 2>"$1.err" || wrong "$1: thaw fails: $(cat "$1.err")"
  cmp -s <(cat "$1.fresh" "$1.fresh") "$1.thawed" || wrong "$1: WRONG ANSWER: $(diff "$1.fresh" "$1.thawed" | head -n 4)"
  fastboot-inspect "$1.snap" >/dev/null || wrong "$1: the migrated file is not sound"
}

# prepare NAME: a copy whose root has a type of every form.
prepare() {
  copy "$1"
  edit "$1" Main 's/^import Table/import qualified Data.Map as Map\nimport Rules (weigh)\nimport Types (Shape)\nimport Table/
    s/^seed ::/type Root = Map.Map String (Int, [Maybe Table], Shape -> Int, ())\n\nwrap :: Table -> Root\nwrap table = Map.singleton "table" (1, [Just table], weigh, ())\n\nunwrap :: Root -> Table\nunwrap root = case Map.elems root of\n  [(1, [Just table], _, ())] -> table\n  _ -> error "another root"\n\nseed ::/
    s/freeze path table/freeze path (wrap table)/; s/thawed <- thaw path/thawed <- fmap (fmap unwrap) (thaw path)/'
}
# units NAME FIRST SECOND: the types in one package, the rest in another, and the program.
units() {
  package "$1" "$2" Types
  package "$1" "$3" Rules Series Table
  program "$1" -package-id "$2" -package-id "$3"
}

prepare one
units one types-1.0 rules-1.0
fastboot-freeze -q -o one.snap one/program freeze table.snap 2>err.txt || fail "cannot freeze: $(cat err.txt)"

# --- new versions
prepare two
edit two Main 's/usage: program/usage: the new program/'
units two types-1.1 rules-1.1
versions=(--map-unit types-1.0=types-1.1 --map-unit rules-1.0=rules-1.1)
taken two one "${versions[@]}"
# The type of the root is in the image.
status=0
fastboot-migrate --add "${versions[@]}" one.snap two/program >two.plan 2>&1 || status=$?
[ $status = 2 ] && grep -q -- '--add leaves that as it is: write a snapshot with -o' two.plan && [ ! -d one.snap.d ] ||
  wrong "--add: $status $(head -n 3 two.plan)"
# One of two is not enough.
fastboot-migrate -q --dry-run --map-unit types-1.0=types-1.1 one.snap two/program >/dev/null 2>&1 && wrong 'one of two units: accepted'

# --- another version is another one: a field that is strict now
prepare strict
edit strict Types 's/entryStyle :: Style/entryStyle :: !Style/'
units strict types-1.1 rules-1.1
status=0
fastboot-migrate -o strict.snap "${versions[@]}" one.snap strict/program >strict.plan 2>&1 || status=$?
[ $status = 1 ] && grep -q '^changed types-1.0:Types.Entry: a field that was lazy is strict now' strict.plan || wrong "strict: $status $(head -n 4 strict.plan)"

# --- identities of types are made of their units' names
for name in typed typed2; do
  prepare $name
  # The root's last component: a dynamic value, whose TypeRep is made in the heap.
  edit $name Main 's/Shape -> Int, ())/Shape -> Int, Dynamic)/; s/weigh, ())/weigh, toDyn [Just table])/; s/^import Table/import Data.Dynamic (Dynamic, fromDynamic, toDyn)\nimport Data.Maybe (isJust)\n&/
    s/\[(1, \[Just table\], _, ())\] -> table/[(1, [Just table], _, same)] | isJust (fromDynamic same :: Maybe [Maybe Table]) -> table/'
done
units typed types-1.0 rules-1.0
units typed2 types-1.1 rules-1.1
fastboot-freeze -q -o typed.snap typed/program freeze table.snap 2>err.txt || fail "cannot freeze: $(cat err.txt)"
answers typed
status=0
fastboot-migrate -o typed2.snap "${versions[@]}" typed.snap typed2/program >typed2.plan 2>&1 || status=$?
[ $status = 1 ] && [ ! -e typed2.snap ] && grep -q '^changed ghc-prim:GHC.Types.TyCon: the image holds identities of types' typed2.plan ||
  wrong "identities of types: $status $(head -n 4 typed2.plan)"
fastboot-migrate -q -o typed2.snap "${versions[@]}" --allow-changed ghc-prim:GHC.Types.TyCon typed.snap typed2/program >typed2.plan 2>&1 ||
  wrong "identities of types, allowed: $(head -n 4 typed2.plan)"
# What was allowed is what is there: the value's type is the old one.
typed2/program thaw typed2.snap >typed2.thawed 2>typed2.err && wrong 'the identity of a type has changed by itself'
grep -q 'another root' typed2.err || wrong "identities of types, allowed: $(cat typed2.err)"

# --- two units change places
prepare places
units places rules-1.0 types-1.0
taken places one --map-unit types-1.0=rules-1.0 --map-unit rules-1.0=types-1.0

# --- the program's own modules go into packages
prepare own
compile own
fastboot-freeze -q -o own.snap own/program freeze table.snap 2>err.txt || fail "cannot freeze: $(cat err.txt)"
mkdir packages && cp one/program packages
taken packages own --map-unit main=types-1.0 --map-unit main=rules-1.0
exit $failed
