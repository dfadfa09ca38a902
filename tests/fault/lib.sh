# shellcheck shell=bash
# A library of the tests beside it.
fail() {
  echo "FAILED: $*"
  exit 1
}
# Something is wrong, and the test goes on.
problems=0
problem() {
  echo "WRONG: $*"
  problems=$((problems + 1))
}

read -ra ghc_flags <<<"$("$FASTBOOT_STAGE/bin/fastboot-config" --ghc-flags)"
# compile PROGRAM FLAG...: from Fault.hs
compile() {
  local output=$1
  shift
  ghc -v0 -O1 -rtsopts "${ghc_flags[@]}" "$@" "$FASTBOOT_SOURCE/tests/fault/Fault.hs" -o "$output" || fail "$output does not compile"
}
