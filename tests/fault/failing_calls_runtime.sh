#!/bin/bash
# Each system call of a thaw, a scope and a freeze fails in turn, from the first that names the snapshot on. The program gets
# an error or its value, never a wrong one, and goes on; what it was to write is there whole or is what was there before.
# timeout: 600
set -euo pipefail
# shellcheck source=tests/fault/lib.sh
. "$FASTBOOT_SOURCE/tests/fault/lib.sh"
# shellcheck source=tests/fault/sweep.sh
. "$FASTBOOT_SOURCE/tests/fault/sweep.sh"
compile fault -outputdir objects

mkdir work
size=50
./fault freeze work/input.snap $size >out || fail "$(cat out)"
./fault freeze made.snap 20 >out || fail "$(cat out)"
mv made.snap old
./fault freeze made.snap $size >out || fail "$(cat out)"
mv made.snap new

# GHC's own memory is not ours to answer for: it says so and ends.
rts_trouble() { grep -qiE 'unable to (de)?commit|memory allocation failed|out of memory|osDecommitMemory|getMBlocks|failed to (create|start)|mmap' err; }
stray() { find . -name '*fastboot-new' -o -name '*.tmp' -o -name '*.new'; }

prepare() { cp "$there" "$product"; }
there=old product=made.snap
line_ok='^ok$'
# What goes wrong before a file is thought of names none.
line_bad='^((10[0-9]|110|21[03]|401|402|403) (work/input|made)\.snap: [^ ].*|403 no .*)'

# Lines as the program prints them: at most one of them is an error, for only one call failed. It ends with 1 where it could
# not freeze.
check() {
  local status=$1 bad
  bad=$(grep -cE "$line_bad" out || true)
  if [ "$status" != 0 ] && rts_trouble; then
    of_rts=$((of_rts + 1))
  elif [ "$status" -gt 1 ] || [ "$status$what" = 1read ] || [ "$status$what" = 1frozen ]; then
    problem "$situation: exit $status: $(cat out err)"
  else
    [ "$(grep -cE "$line_ok|$line_bad" out)" = "$(wc -l <out)" ] || problem "$situation: $(cat out)"
    [ "$bad" -le 1 ] || problem "$situation: $(cat out)"
    [ "$(wc -l <out)" = "$lines" ] || problem "$situation: not $lines lines: $(cat out err)"
  fi
  [ -z "$(stray)" ] || problem "$situation: leaves $(stray)"
  "also_$what" "$status"
}
also_read() { [ "$(sha256sum work/input.snap)" = "$sum" ] || problem "$situation: the snapshot changed"; }
also_write() {
  if cmp -s made.snap old; then
    ! grep -q '^ok$' out || problem "$situation: ok, and the old file is there"
    return
  fi
  # Where the program's symbols cannot be read, the file has fewer names in it.
  cmp -s made.snap new || [ "$(./fault thaw made.snap $size)" = ok ] || problem "$situation: neither the old file nor a good new one"
  [ "$1" != 0 ] || grep -q '^ok$' out || problem "$situation: an error, and the new file is there: $(cat out)"
}
of_rts=0
sum=$(sha256sum work/input.snap)
reading=(openat:EMFILE openat:EACCES open:EMFILE fstat:EIO newfstatat:EIO stat:EIO read:EIO pread64:EIO mmap:ENOMEM mprotect:ENOMEM
  munmap:EINVAL madvise:EINVAL close:EIO)
what=read lines=2
for fault in "${reading[@]}"; do
  sweep thaw "${fault%:*}" --error "${fault#*:}" --exe fault --from input.snap -- ./fault twice work/input.snap $size
  sweep scope "${fault%:*}" --error "${fault#*:}" --exe fault --from input.snap -- ./fault scoped work/input.snap $size
done
export FASTBOOT_REBASE=1
for fault in "${reading[@]}"; do
  sweep rebase "${fault%:*}" --error "${fault#*:}" --exe fault --from input.snap -- ./fault twice work/input.snap $size
done
unset FASTBOOT_REBASE
what=write lines=1
# All of the program's calls: GHC's own, too, which it must answer for.
for fault in pwrite64:ENOSPC pwrite64:EIO pwrite64:EINTR ftruncate:EIO fchmod:EPERM fsync:EIO linkat:EIO rename:EIO rename:ENOSPC \
  openat:ENOSPC openat:EOPNOTSUPP close:EIO mmap:ENOMEM munmap:EINVAL madvise:EINVAL access:EACCES; do
  sweep freeze "${fault%:*}" --error "${fault#*:}" --exe fault -- ./fault freeze made.snap $size
done

# What must not be passed over: these leave the old file, always. (Of fsync the file's own; the directory's is for a power cut.)
for fault in pwrite64:EIO ftruncate:EIO fchmod:EPERM fsync:EIO linkat:EIO rename:EIO; do
  prepare
  status=0
  "$inject" --calls "${fault%:*}" --nth 1 --error "${fault#*:}" --exe fault -- ./fault freeze made.snap $size >out 2>err || status=$?
  { [ $status = 1 ] && grep -q '^401 made.snap: ' out && cmp -s made.snap old; } || problem "$fault is passed over: exit $status: $(cat out)"
done

# Half of what is asked for, at every read and write: the same files and values.
prepare
"$inject" --calls read,pread64,write,pwrite64 --short --exe fault -- ./fault freeze made.snap $size >out 2>err || fail "short writes: $(cat out err)"
cmp made.snap new || problem 'short writes: another file'
"$inject" --calls read,pread64 --short --exe fault --from input.snap -- ./fault twice work/input.snap $size >out 2>err || fail "short reads: $(cat out err)"
[ "$(sort -u out)" = ok ] || problem "short reads: $(cat out)"

# frozen builds where it cannot thaw, and says so under FASTBOOT_TRACE only.
line_ok='^(built|thawed)$' line_bad='^$'
there=new product=frozen.snap
also_frozen() { [ "$1" != 0 ] || ./fault frozen frozen.snap $size | grep '^thawed$' >/dev/null || problem "$situation: the next one does not thaw"; }
what=frozen lines=1
for fault in openat:EMFILE pread64:EIO mmap:ENOMEM mprotect:ENOMEM fstat:EIO; do
  sweep frozen "${fault%:*}" --error "${fault#*:}" --exe fault --from frozen.snap -- ./fault frozen frozen.snap $size
done
echo "$of_rts of them ended GHC's runtime system, which had no memory"
finish 'failing calls of the runtime'
