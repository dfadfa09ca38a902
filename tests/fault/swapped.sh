#!/bin/bash
# The file is exchanged while a program opens it: before each system call in turn, by another good one and by one that must
# not be thawed. The program has the value of one of the good ones, whole, or an error: what is mapped is what was checked.
# And what is mapped as code is never writable at the same time.
set -euo pipefail
# shellcheck source=tests/fault/lib.sh
. "$FASTBOOT_SOURCE/tests/fault/lib.sh"
# shellcheck source=tests/fault/sweep.sh
. "$FASTBOOT_SOURCE/tests/fault/sweep.sh"
compile fault -outputdir objects

mkdir work kept
./fault freeze kept/good.snap 50 >out || fail "$(cat out)"
./fault freeze kept/other.snap 60 >out || fail "$(cat out)"
./fault freeze kept/evil.snap 70 >out || fail "$(cat out)"
chmod 666 kept/evil.snap
calls=openat,open,fstat,newfstatat,stat,read,pread64,mmap,mprotect,madvise,close

prepare() {
  rm -rf work
  mkdir work
  cp -p kept/good.snap work/table.snap
  cp -p "$instead" work/instead.snap
}
seen=
check() {
  local line
  [ "$1" = 0 ] || problem "$situation: exit $1: $(cat out err)"
  line=$(head -n 1 out)
  case $line in
    ok) seen+=' old' ;;
    'wrong value') [ "$instead" = kept/other.snap ] && seen+=' new' || problem "$situation: the value of a file that others may write" ;;
    '109 work/table.snap: '*) [ "$instead" = kept/evil.snap ] && seen+=' refused' || problem "$situation: $line" ;;
    *) problem "$situation: $line" ;;
  esac
}
# swap LABEL INSTEAD COMMAND: exchanged by the shell's COMMAND.
swap() {
  instead=$2 seen=
  sweep "$1" $calls --run "$3" --exe fault --from table.snap -- ./fault thaw work/table.snap 50
  # Early exchanges count, late ones do not.
  for word in $4; do [[ $seen == *" $word"* ]] || problem "$1: never $word:$seen"; done
}
rename='mv work/instead.snap work/table.snap'
link='ln -s instead.snap work/link && mv -T work/link work/table.snap'
swap 'another good file' kept/other.snap "$rename" 'new old'
swap 'a link to another good file' kept/other.snap "$link" 'new old'
swap 'a file that others may write' kept/evil.snap "$rename" 'refused old'
swap 'a link to a file that others may write' kept/evil.snap "$link" 'refused old'
# Its own mode changes while it is opened: the descriptor's status counts.
swap 'its mode' kept/evil.snap 'chmod 666 work/table.snap' 'refused old'

# --- what is executable is not writable -------------------------------------------------------------------------------
./fault freeze-code code.snap >out || fail "$(cat out)"
for rebase in 0 1; do
  FASTBOOT_REBASE=$rebase "$inject" --calls mmap,mprotect,mremap --exe fault --log log -- ./fault thaw-code code.snap >out 2>err || fail "$(cat out err)"
  [ "$(cat out)" = "$(printf 'ok\nwritable and executable: []')" ] || problem "thaw-code: $(cat out)"
  # PROT_WRITE is 2, PROT_EXEC 4. Executable ranges of this process's own making are kept, and must never get 2 again.
  awk '
    function number(text,  i, value) {
      value = 0
      for (i = 3; i <= length(text); i++) value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
      return text ~ /^0x/ ? value : text + 0
    }
    $1 != "mmap" && $1 != "mprotect" { next }
    {
      begin = number($2); end = begin + number($3); prot = number($4) % 8
      write = int(prot / 2) % 2; run = int(prot / 4)
      if (write && run) { print "WRONG: writable and executable: " $0; bad = 1 }
      for (i = 0; i < n; i++)
        if (begin < to[i] && end > from[i] && write && begin != 0) { print "WRONG: code becomes writable: " $0; bad = 1 }
      if (run && begin != 0) { from[n] = begin; to[n++] = end }
    }
    END { if (n == 0) { print "WRONG: nothing was made executable"; bad = 1 } print n " pieces of code made; none ever writable"; exit bad }' log || problem 'protection'
done
finish 'exchanged files'
