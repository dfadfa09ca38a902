#!/bin/bash
# Each tool, and a program that freezes, is killed (SIGKILL) just before each call that changes a file. The old file is whole,
# or the new one; hardly ever anything else stays, nobody goes on in the background, and the next run clears up.
# timeout: 600
set -euo pipefail
# shellcheck source=tests/fault/lib.sh
. "$FASTBOOT_SOURCE/tests/fault/lib.sh"
# shellcheck source=tests/fault/sweep.sh
. "$FASTBOOT_SOURCE/tests/fault/sweep.sh"
# shellcheck source=tests/fault/tools.sh
. "$FASTBOOT_SOURCE/tests/fault/tools.sh"

# kill_each LABEL CALLS ACTION... -- COMMAND...: a sweep that must find calls.
kill_each() {
  local before=$swept
  sweep "$@"
  [ "$swept" -gt "$before" ] || problem "$1: none of $2 is called"
}
changing=openat,mkdir,pwrite64,write,ftruncate,fchmod,fsync,linkat,rename,unlink,unlinkat,rmdir,close,clone,vfork,execve,waitid,wait4
left=0 children=0
# fastboot-freeze's own directory, with what the program has frozen in it, is for nobody else: its name has a dot in front,
# and its mode is 0700.
private() { find work -name '.fastboot-freeze.*' -perm 700; }
check() {
  local status=$1 call=$2 output=none stray
  if cmp -s "work/$product" new; then output=new; elif cmp -s "work/$product" old; then output=old; fi
  [ $output != none ] || problem "$situation: $product is neither the old file nor the new one"
  # Its child was killed, before it became the program.
  if [ "$status" = 3 ] && grep -q 'was killed by signal 9' err; then
    [ $output = old ] || problem "$situation: the new file is there, of a program that was killed"
    children=$((children + 1))
    no_others
    return
  fi
  [ "$status" = 137 ] || { problem "$situation: exit $status: $(cat err)"; return; }
  # A name for the finished file is only there for one call.
  stray=$(others | grep -vF "$(private || true)/" | grep -vxF "$(private)" || true)
  [ -z "$stray" ] || [ "$call" = rename ] || problem "$situation: leaves $stray"
  case $stray in *.snap) problem "$situation: $stray looks like a snapshot" ;; esac
  if [ -n "$(others)" ]; then
    left=$((left + 1))
    "${command[@]}" >out 2>err || problem "$situation: the next run fails: $(cat err)"
    cmp "work/$product" new || problem "$situation: the next run makes another file"
    no_others
  fi
}
for tool_name in freeze embed migrate add ld; do
  "tool_$tool_name"
  remember
  kill_each "$tool_name" $changing --kill --exe "$tool" -- "${command[@]}"
done
# The program that fastboot-freeze runs: then that is the one that ends, and tells.
check() {
  [ "$1" = 3 ] || problem "$situation: exit $1, expected 3: $(cat err)"
  cmp "work/$product" old || problem "$situation: the old file is not there"
  grep -q 'was killed by signal 9' err || problem "$situation: no message: $(cat err)"
  no_others
}
tool_freeze
remember
kill_each 'program that is run' openat,pwrite64,ftruncate,fchmod,fsync,linkat,rename --kill --exe fault --from .fastboot-freeze. -- "${command[@]}"

# A program that freezes by itself.
tool=fault product=made.snap command=(./fault freeze work/made.snap 50)
check() {
  [ "$1" = 137 ] || problem "$situation: exit $1: $(cat err)"
  cmp -s "work/$product" new || cmp -s "work/$product" old || problem "$situation: neither the old file nor the new one"
  [ -z "$(others)" ] || [ "$2" = rename ] || problem "$situation: leaves $(others)"
  if [ -n "$(others)" ]; then
    left=$((left + 1))
    "${command[@]}" >out 2>err || problem "$situation: the next run fails: $(cat err)"
    no_others
  fi
}
remember
kill_each 'program' openat,pwrite64,ftruncate,fchmod,fsync,linkat,rename,close --kill --exe fault --from work -- "${command[@]}"
[ $left -gt 0 ] || problem 'nothing was ever left: the kills came too early or too late'
[ $children -gt 0 ] || problem 'no child of fastboot-freeze was killed before it became the program'
echo "$left of the killed left something, which the next run cleared away"
finish 'killed tools'
