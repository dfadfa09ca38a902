#!/bin/bash
# An installation: complete, usable by plain ghc and by a C compiler, movable, clear about directories with spaces.
set -euo pipefail
[ -x "$FASTBOOT_STAGE/bin/fastboot-config" ] || exit 77 # built without the Haskell package
fail() {
  echo "install: $*"
  exit 1
}
version=$(sed -n 's/^project(fastboot VERSION \([0-9.]*\).*/\1/p' "$FASTBOOT_SOURCE/CMakeLists.txt")

cmake --install "$FASTBOOT_BUILD" --prefix "$PWD/first" >/dev/null
mv first second
config=$PWD/second/bin/fastboot-config
[ "$("$config" --prefix)" = "$PWD/second" ] || fail "--prefix prints $("$config" --prefix)"
[ "$("$config" --version)" = "$version" ] || fail "--version prints $("$config" --version), expected $version"
for file in include/fastboot.h share/doc/fastboot/LICENSE lib/pkgconfig/fastboot.pc; do
  [ -f "second/$file" ] || fail "$file is missing"
done
for tool in "$FASTBOOT_STAGE"/bin/*; do [ -x "second/bin/${tool##*/}" ] || fail "${tool##*/} is missing"; done

printf 'import Fastboot\nmain :: IO ()\nmain = (thaw "missing.snap" :: IO (Either ThawError Int)) >>= either (const (putStrLn "ok")) print\n' >Main.hs
# shellcheck disable=SC2046 # words on purpose
ghc -v0 $("$config" --ghc-flags) Main.hs
[ "$(./Main)" = ok ] || fail "a program built with the moved installation does not run"

printf '#include <fastboot.h>\nint main(void) { return 0; }\n' >abi.c
cp abi.c abi.cc
# shellcheck disable=SC2046
cc -std=c11 -Wall -Wextra -Werror $("$config" --cflags) -c abi.c -o abi.o || fail "fastboot.h is not C11"
cflags=$(PKG_CONFIG_PATH=$PWD/second/lib/pkgconfig pkg-config --cflags fastboot) || fail "pkg-config does not know fastboot"
# shellcheck disable=SC2086
c++ -std=c++20 -Wall -Wextra -Werror $cflags -c abi.cc -o abi_cc.o || fail "fastboot.h is not C++20"
libs=$(PKG_CONFIG_PATH=$PWD/second/lib/pkgconfig pkg-config --libs-only-L fastboot)
[ -f "${libs#-L}/libHSfastboot-$version.a" ] || [ -f "$(echo "${libs#-L}" | tr -d ' ')/libHSfastboot-$version.a" ] ||
  fail "fastboot.pc names no library: $libs"

status=0
"$config" --nonsense >out 2>err || status=$?
[ $status = 2 ] && [ ! -s out ] && grep -q "unknown option '--nonsense'" err || fail "an unknown option: exit $status"

mv second "with space"
config="$PWD/with space/bin/fastboot-config"
! "$config" --ghc-flags >out 2>err || fail "--ghc-flags accepts a prefix with a space"
grep -q 'package-db' err || fail "no advice for a prefix with a space"
rm -f Main Main.o Main.hi
ghc -v0 -package-db "$("$config" --package-db)" -package fastboot Main.hs
[ "$(./Main)" = ok ] || fail "a program built from a directory with a space does not run"
