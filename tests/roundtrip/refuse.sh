#!/bin/bash
# What cannot be frozen is refused: with its code, its kind, the reason, and the path from the root; nothing is left behind,
# and the process goes on.
set -euo pipefail
# shellcheck source=tests/roundtrip/lib.sh
source "$FASTBOOT_SOURCE/tests/roundtrip/lib.sh"

build_program refuse Refuse.hs
for way in refuse 'refuse_threaded -N2'; do
  rm -f ./*.snap
  # shellcheck disable=SC2086 # program and flags
  set -- $way
  FASTBOOT_TRACE=1 "./$1" +RTS -V0 "${@:2}" >out 2>trace || fail "$way: $(cat out trace)"
  cat out
  grep -q '^refused [0-9]* kinds of values$' out || fail "$way: did not finish"
  # `frozen` in the end: thaw fails for want of a file, and the built value is used.
  grep -q '^fastboot: .*: no such file; freeze it first; built, and not frozen: error 301: cannot freeze a MUT_VAR' trace ||
    fail "$way: frozen says nothing of its fallback: $(cat trace)"
  [ ! -e refused.snap ] || fail "$way: refused.snap exists"
  rm -f ./*.snap
  "./$1" +RTS -V0 "${@:2}" >out 2>trace || fail "$way: $(cat out trace)"
  [ ! -s trace ] || fail "$way: prints without FASTBOOT_TRACE: $(cat trace)"
done
