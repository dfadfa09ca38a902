#!/bin/bash
# fastboot.cabal cannot list sources by pattern, and says some things that CMake says too: both must agree.
set -euo pipefail
cd "${FASTBOOT_SOURCE:-$(dirname "$0")/../..}"
bad=0

# field NAME: the words of a field of the library stanza.
field() {
  awk -v name="$1:" '
    function words(from) { for (i = from; i <= NF; i++) print $i }
    /^[ \t]*--/ { next }
    $1 == name { on = 1; words(2); next }
    on && ($1 ~ /:$/ || NF == 0) { on = 0 }
    on { words(1) }' fastboot.cabal
}
compare() { # what, in cabal, on disk
  if [ "$2" != "$3" ]; then
    echo "fastboot.cabal: $1 differ from the tree (< cabal, > tree):"
    diff <(echo "$2") <(echo "$3") || true
    bad=1
  fi
}
listed() { field "$1" | tr -d ',' | LC_ALL=C sort; }
found() { # patterns as arguments of find
  find "$@" 2>/dev/null | LC_ALL=C sort
}
modules() { (cd runtime/haskell && found . -name '*.hs' -o -name '*.hsc') | sed 's|^\./||; s|\.hsc\{0,1\}$||; s|/|.|g' | LC_ALL=C sort; }

compare cxx-sources "$(listed cxx-sources)" "$(found lib/format/wire runtime/core runtime/ghc-9.0 -name '*.cc')"
compare "c-sources (assembly)" "$(listed c-sources)" "$(found runtime/ghc-9.0 -name '*.S')"
compare modules "$( (field exposed-modules; field other-modules) | tr -d ',' | LC_ALL=C sort)" "$(modules)"

cabal_version=$(awk '$1 == "version:" { print $2 }' fastboot.cabal)
cmake_version=$(sed -n 's/^project(fastboot VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
compare versions "$cabal_version" "$cmake_version"

flags=$(sed -n 's/^set(FASTBOOT_FREESTANDING \(.*\))$/\1/p' cmake/Warnings.cmake)
[ -n "$flags" ] || { echo "cmake/Warnings.cmake: no FASTBOOT_FREESTANDING"; bad=1; }
for flag in $flags; do
  field cxx-options | grep -xFe "$flag" >/dev/null || { echo "fastboot.cabal: cxx-options lack $flag"; bad=1; }
done
exit $bad
