# shellcheck shell=bash disable=SC2034
# A library of the tests beside it that compile Haskell programs: fail() notes a failure, and $failed tells of it.
failed=0
fail() {
  echo "FAIL: $*" >&2
  failed=1
}
freeze=$FASTBOOT_BUILD/fastboot-freeze
inspect=$FASTBOOT_BUILD/fastboot-inspect
command -v ghc >/dev/null || { echo "ghc is not installed (scripts/install-deps)"; exit 77; }
unset FASTBOOT_CAPTURE FASTBOOT_DISABLE
