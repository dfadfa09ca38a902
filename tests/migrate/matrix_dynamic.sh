#!/bin/bash
# timeout: 900
# The edits of matrix.sh, for programs that have GHC's runtime system and all packages in shared libraries; and a program
# that is started with another build of one of these.
set -uo pipefail
export MIGRATE_FLAGS=-dynamic
"$FASTBOOT_SOURCE/tests/migrate/matrix.sh" || exit
# shellcheck source=tests/migrate/lib.sh
. "$FASTBOOT_SOURCE/tests/migrate/lib.sh"

said=$(fastboot-inspect base.snap) || fail 'the base snapshot is not sound'
grep -q 'ghc 9.0.2 dynamic$' <<<"$said" && grep -qE 'targets .* in [3-9] modules' <<<"$said" || wrong "not of a dynamic program: $said"

# A sidecar, which names several modules, too.
fastboot-migrate -q --add base.snap renamed/program || wrong '--add: refused'
renamed/program thaw base.snap >added.thawed 2>added.err || wrong "--add: $(cat added.err)"
cmp -s renamed.thawed added.thawed || wrong '--add: another value'

# An installation whose library has another build-id.
mkdir -p installed/bin installed/lib
cp "$FASTBOOT_STAGE/bin/fastboot-config" installed/bin
cp -R "$FASTBOOT_STAGE/lib/fastboot" installed/lib
library=$(echo installed/lib/fastboot/ghc-*/fastboot-[0-9]*/shared/libHSfastboot-[0-9]*.so)
python3 - "$library" <<'END'
import struct, sys
path = sys.argv[1]
data = bytearray(open(path, "rb").read())
at = data.index(struct.pack("<III", 4, 20, 3) + b"GNU\0")
data[at + 16] ^= 1
open(path, "wb").write(data)
END
read -ra ghc_flags <<<"$(installed/bin/fastboot-config --ghc-flags)"
copy other_library
compile other_library
other_library/program fresh >other_library.fresh || wrong 'the program with another library does not run'
status=0
fastboot-migrate -o other_library.snap base.snap other_library/program >other_library.plan 2>&1 || status=$?
[ $status = 1 ] && [ ! -e other_library.snap ] || wrong "another library: $status $(cat other_library.plan)"
grep -q 'it is in the shared library .*/libHSfastboot-.* (build-id [0-9a-f]*), and the new program is started with another build' other_library.plan ||
  wrong "another library is not named: $(cat other_library.plan)"
status=0
other_library/program thaw base.snap >out 2>&1 || status=$?
[ $status != 0 ] && grep -q 'error 205: ' out || wrong "another library: thaws: $(head -c 500 out)"

# Position-independent executables, which lie elsewhere in each process.
# shellcheck disable=SC2034 # lib.sh reads it
link_flags=(-dynamic -fPIC -pie)
copy pie
copy pie_edited
edit pie_edited Main 's/usage: program/usage: the new program, whose text is longer/'
compile pie
compile pie_edited
readelf -hW pie/program | grep -E 'Type: +DYN' >/dev/null || fail 'pie: not position-independent'
fastboot-freeze -q -o pie.snap pie/program freeze table.snap >freeze.txt || fail 'pie: cannot freeze'
pie/program fresh >pie.fresh
cmp -s <(cat pie.fresh pie.fresh) <(pie/program thaw pie.snap) || wrong 'PIE, the very build: another value'
pie_edited/program thaw pie.snap >out 2>&1 && wrong 'PIE, another build: thaws without migration'
fastboot-migrate -q -o pie_edited.snap pie.snap pie_edited/program >plan.txt 2>&1 || wrong "PIE, an unrelated edit: refused: $(head -n 3 plan.txt)"
cmp -s <(cat pie.fresh pie.fresh) <(pie_edited/program thaw pie_edited.snap) || wrong 'PIE, an unrelated edit: WRONG ANSWER'
exit $failed
