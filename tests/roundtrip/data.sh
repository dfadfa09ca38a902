#!/bin/bash
# Fully evaluated graphs (Corpus.hs): frozen by one process, thawed by another and compared with the same graph built there,
# under every collector, in the vanilla and in the threaded runtime system.
#   DATA_FLAGS='-A1m|-A64k -c' overrides the collectors, GRAPHS='dag ring' the graphs.
# timeout: 900
set -euo pipefail
# shellcheck source=tests/roundtrip/lib.sh
source "$FASTBOOT_SOURCE/tests/roundtrip/lib.sh"

build_program data DataMain.hs
read -ra graphs <<<"${GRAPHS:-$(./data list | tr '\n' ' ')}"
[ ${#graphs[@]} -ge 40 ] || [ -n "${GRAPHS:-}" ] || fail "only ${#graphs[@]} graphs"
flags=(
  '-A1m' '-A64k' '-A1m -c' '-A64k -c' '-A1m --nonmoving-gc' '-A64k --nonmoving-gc' '-A1m -G1' '-A64k -G1' '-A1m -G3'
  '-A64k -G3'
)
[ -z "${DATA_FLAGS:-}" ] || IFS='|' read -ra flags <<<"$DATA_FLAGS"
freeze_each data vanilla
freeze_each data_threaded threaded -N2
thaw_each early late
thaw_elsewhere early late
[ -n "${GRAPHS:-}" ] || thaw_together
