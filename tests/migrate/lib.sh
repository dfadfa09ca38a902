# shellcheck shell=bash disable=SC2154
# A library of the tests beside it: builds the program of five modules, edited or not. fail() ends the test, wrong() notes
# a failure, and $failed tells of it.
fail() {
  echo "FAILED: $*"
  exit 1
}
failed=0
wrong() {
  echo "FAILED: $*"
  # shellcheck disable=SC2034 # the tests read it
  failed=1
}

sources=$FASTBOOT_SOURCE/tests/migrate/program
read -ra ghc_flags <<<"$("$FASTBOOT_STAGE/bin/fastboot-config" --ghc-flags)"

# copy NAME: a fresh copy of the program's sources in ./NAME
copy() {
  mkdir -p "$1"
  cp "$sources"/*.hs "$1"
}

# edit NAME MODULE SED-SCRIPT: in the copy; it must change something.
edit() {
  cp "$1/$2.hs" before
  sed -i "$3" "$1/$2.hs"
  ! cmp -s before "$1/$2.hs" || fail "$1: the edit of $2.hs changes nothing"
}

# compile NAME [FLAG...]: ./NAME/program. MIGRATE_FLAGS: how all of a test's programs are linked.
read -ra link_flags <<<"${MIGRATE_FLAGS:-}"
compile() {
  local name=$1
  shift
  ghc -v0 -O1 "${ghc_flags[@]}" "${link_flags[@]}" -i"$name" -outputdir "$name/objects" "$@" "$name/Main.hs" -o "$name/program" ||
    fail "$name does not compile"
}
