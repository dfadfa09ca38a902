# shellcheck shell=bash
# A library of the tests beside it.
fail() {
  echo "FAILED: $*"
  exit 1
}

read -ra ghc_flags <<<"$("$FASTBOOT_STAGE/bin/fastboot-config" --ghc-flags)"
# compile PROGRAM MAIN FLAG...
compile() {
  local output=$1 main=$2
  shift 2
  ghc -v0 -O1 -rtsopts "${ghc_flags[@]}" -i"$FASTBOOT_SOURCE/tests/load" -outputdir "objects_$output" "$@" \
    "$FASTBOOT_SOURCE/tests/load/$main" -o "$output" || fail "$output does not compile"
}
