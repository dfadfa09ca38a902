#!/bin/bash
# Each system call of each tool fails in turn. The tool ends by itself, with its exit status and a message; what it was to
# write is there whole or is what was there before; and nothing else stays.
# timeout: 900
set -euo pipefail
# shellcheck source=tests/fault/lib.sh
. "$FASTBOOT_SOURCE/tests/fault/lib.sh"
# shellcheck source=tests/fault/sweep.sh
. "$FASTBOOT_SOURCE/tests/fault/sweep.sh"
# shellcheck source=tests/fault/tools.sh
. "$FASTBOOT_SOURCE/tests/fault/tools.sh"

# Is what was written of use, though it is not the same bytes as without a fault?
usable() {
  case $tool_name in
    embed) [ "$(cd work && ./program thaw made.snap 50 2>&1)" = ok ] ;;
    # It has the other build's number in its own value, so that it finds this one wrong: but it has it.
    add) [ "$(./fault_other thaw work/input.snap 50 2>&1)" = 'wrong value' ] ;;
    *) "$bin/fastboot-inspect" --check "work/$product" >checked 2>&1 ;;
  esac
}

# Exit status 0 and the new file, or another one, a sentence with the cause, its code in the JSON document, and the old file.
check() {
  local status=$1 call=$2 output=none
  [ "$status" -lt 8 ] || { problem "$situation: exit $status: $(tail -n 3 err)"; return; }
  if [ -n "$product" ]; then
    if cmp -s "work/$product" new; then output=new; elif cmp -s "work/$product" old; then output=old; fi
    # Where the program's symbols cannot be read, a snapshot has fewer names, and the tool says so; where a link cannot be
    # followed, the path that it tells is another.
    if [ $output = none ] && [ "$status" = 0 ] && { [ "$call" = readlink ] || grep -q 'warning: .*the snapshot is complete, but' err; } &&
      usable; then output=new; fi
    [ $output != none ] || problem "$situation: $product is neither the old file nor the new one: $(cat err)"
    # What goes wrong with what is printed comes after the file.
    [ "$status" != 0 ] || [ $output = new ] || problem "$situation: exit 0, and the old file is there"
    [ "$status" = 0 ] || [ $output = old ] || [ "$call" = write ] || grep -q 'it was written whole' err || problem "$situation: exit $status, and the new file is there"
  fi
  [ "$status" = 0 ] || [ "$call" = write ] || grep -q "^$tool: error: ..*" err || problem "$situation: exit $status without a message: $(cat err)"
  [ "$status" = 0 ] || [ "$call" = write ] || grep -qE '"code": *[1-9][0-9][0-9]' out || grep -q 'no memory\|out of memory' err ||
    problem "$situation: no code: $(cat out)"
  # What fastboot-freeze could not remove for this very fault, the next run does.
  case $call-$(others) in
    openat-*.fastboot-freeze.* | unlinkat-*.fastboot-freeze.* | rmdir-*.fastboot-freeze.* | getdents64-*.fastboot-freeze.* | newfstatat-*.fastboot-freeze.*)
      "${command[@]}" >out 2>err || problem "$situation: the next run fails: $(cat err)"
      ;;
  esac
  no_others
}

for tool_name in "${tools[@]}"; do
  "tool_$tool_name"
  remember
  for fault in pwrite64:ENOSPC pwrite64:EIO write:ENOSPC fsync:EIO fchmod:EPERM linkat:EIO rename:EIO rename:ENOSPC \
    openat:EMFILE openat:EACCES close:EIO read:EIO pread64:EIO newfstatat:EIO mmap:ENOMEM mprotect:ENOMEM munmap:EINVAL \
    mkdir:ENOSPC unlinkat:EIO rmdir:EIO getdents64:EIO flock:EIO access:EACCES lseek:EINVAL readlink:EIO \
    clone:EAGAIN vfork:EAGAIN execve:ENOMEM pipe2:EMFILE waitid:EINTR wait4:EINTR; do
    sweep "$tool_name" "${fault%:*}" --error "${fault#*:}" --exe "$tool" -- "${command[@]}"
  done
done
finish 'failing calls of the tools'
