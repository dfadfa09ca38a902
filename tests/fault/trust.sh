#!/bin/bash
# Whose directory, whose links: what is thawed from where, and how many system calls asking for that costs.
set -euo pipefail
# shellcheck source=tests/fault/lib.sh
. "$FASTBOOT_SOURCE/tests/fault/lib.sh"
compile fault -outputdir objects
umask 022
base=$(pwd -P)
mkdir -p top/place
./fault freeze top/place/table.snap 30 >out || fail "$(cat out)"
# expect WANTED FILE: "ok", or the start of the code's line
expect() {
  local line
  line=$(./fault thaw "$2" 30 2>&1) || problem "$2: exit $?: $line"
  case $line in
    "$1"*) ;;
    *) problem "$2 (FASTBOOT_TRUST=${FASTBOOT_TRUST:-}): expected $1, got $line" ;;
  esac
}
file=top/place/table.snap
expect ok $file
expect ok "$base/$file"
expect ok top/place/../place/table.snap
(cd top/place && ln -s ../../fault . && expect ok table.snap && expect ok ./table.snap && exit $problems) || problem 'from within the directory'
rm -f top/place/fault

# --- its directory ----------------------------------------------------------------------------------------------------
private() { [ "$(id -u)" = "$(id -g)" ]; }
for mode in 777 757 733 775; do
  chmod $mode top/place
  case $mode in 775) wanted=$(private && echo ok || echo 109) ;; *) wanted="109 $file: its directory top/place has mode 0$mode and group $(id -g), so others could put another file in its place: chmod go-w it" ;; esac
  expect ok $file
  FASTBOOT_TRUST=directory expect "$wanted" $file
  FASTBOOT_TRUST="file" expect ok $file
  (cd top/place && ln -s ../../fault . && FASTBOOT_TRUST=directory expect "${wanted:0:3}" table.snap && exit $problems) || problem "mode $mode from within"
  rm -f top/place/fault
done
export FASTBOOT_TRUST=directory
chmod 1777 top/place # sticky
expect ok $file
for mode in 755 700 555 711; do
  chmod $mode top/place
  expect ok $file
done
chmod 755 top/place
if [ "$(id -u)" = 0 ]; then
  chgrp nogroup top/place && chmod 775 top/place
  expect "109 $file: its directory top/place has mode 0775" $file
  chgrp root top/place && chmod 755 top/place
  chown nobody top/place
  expect "109 $file: its directory top/place belongs to user $(id -u nobody), who could put another file in its place" $file
  FASTBOOT_TRUST="file" expect ok $file
  chown root top/place
fi

unset FASTBOOT_TRUST
# --- above it ---------------------------------------------------------------------------------------------------------
safe() { # do all directories above this one belong to root or the user, and are only theirs to write?
  local at=$base
  while [ "$at" != / ]; do
    at=$(dirname "$at")
    case $(stat -c '%u %a' "$at") in "$(id -u) "*[2367][0-7] | "$(id -u) "*[2367] | "0 "*[2367][0-7] | "0 "*[2367]) [ -k "$at" ] || return 1 ;; "0 "* | "$(id -u) "*) ;; *) return 1 ;; esac
  done
}
chmod 777 top
FASTBOOT_TRUST=directory expect ok $file
FASTBOOT_TRUST=path expect "109 $file: its directory top/place/.. has mode 0777" $file
FASTBOOT_TRUST=nonsense expect "109 $file: " $file
chmod 755 top
if safe; then
  FASTBOOT_TRUST=path expect ok $file
  (cd top && ln -s ../fault . && FASTBOOT_TRUST=path expect ok place/table.snap && exit $problems) || problem 'path, from within'
  rm -f top/fault
else
  echo "all directories above being safe: skipped, for one above $base is not"
fi

# --- links ------------------------------------------------------------------------------------------------------------
mkdir links other
ln -s ../top/place/table.snap links/one.snap
ln -s one.snap links/two.snap
ln -s "$base/links/two.snap" other/three.snap
for link in links/one.snap links/two.snap other/three.snap; do expect ok $link; done
ln -s loop.snap links/loop.snap
expect '102 links/loop.snap: cannot open it: Too many levels of symbolic links' links/loop.snap
ln -s absent.snap links/nowhere.snap
expect '101 links/nowhere.snap: no such file' links/nowhere.snap
chmod 777 links
expect "109 other/three.snap: its directory $base/links has mode 0777" other/three.snap
chmod 755 links
chmod 777 top/place
expect '109 other/three.snap: its directory ' other/three.snap
chmod 755 top/place
if [ "$(id -u)" = 0 ]; then
  chmod 1777 links
  ln -s ../top/place/table.snap links/planted.snap
  chown -h nobody links/planted.snap
  expect "109 links/planted.snap: links/planted.snap is a symbolic link of user $(id -u nobody)" links/planted.snap
  chmod 755 links
fi

# --- what it costs ----------------------------------------------------------------------------------------------------
# All system calls of a thaw, from opening the file on, but what the compared value itself needs.
calls=openat,open,stat,fstat,newfstatat,readlink,access,pread64,mmap,mprotect,madvise,close
count() { # FASTBOOT_TRUST: how many there are before the file is read
  FASTBOOT_TRUST=$1 "$FASTBOOT_BUILD/tests/tools/inject" --calls $calls --exe fault --from table.snap --log log ./fault thaw $file 30 >out 2>err || fail "$(cat out err)"
  awk '$1 == "pread64" { print NR - 1; exit }' log
}
default=$(count '') file_only=$(count file) directory=$(count directory) path=$(count path)
depth=$(tr -cd / <<<"$base/top/place" | wc -c)
echo "system calls before the file is read: $file_only for the file alone, $directory with its directory, $path with the $depth above"
# Opening it, and looking at what was opened.
[ "$default" = 2 ] || problem "a thaw makes $default system calls before it reads the file, expected 2: $(head -n "$default" log)"
[ "$file_only" = "$default" ] || problem 'file is not the default'
[ $((directory - file_only)) = 1 ] || problem "the directory costs $((directory - file_only)) system calls, expected 1"
if safe; then [ $((path - directory)) -le $((depth + 2)) ] || problem "the path costs $((path - directory)) system calls more, expected $((depth + 2)) at most"; fi
[ $problems = 0 ] || fail "$problems problems"
echo 'trust: all well'
