#!/bin/bash
# A freeze that is killed, or that meets a full disk or a directory that it may not write, leaves the old snapshot whole.
set -euo pipefail
# shellcheck source=tests/fault/lib.sh
. "$FASTBOOT_SOURCE/tests/fault/lib.sh"
compile fault -outputdir objects

# temporaries DIRECTORY: how many files in it are not the snapshot.
temporaries() { find "$1" -mindepth 1 ! -name large.snap | wc -l; }
whole() { [ "$(timeout 60 ./fault thaw-large "$1")" = ok ] || fail "$2: $(timeout 60 ./fault thaw-large "$1")"; }

# --- killed -----------------------------------------------------------------------------------------------------------
mkdir killed
./fault freeze-large killed/large.snap 1 >out || fail "$(cat out)"
size=$(stat -c %s killed/large.snap)
[ "$size" -gt 20000000 ] || fail "the image is smaller than it should be: $size bytes"
kills=25 replaced=0 left=0
RANDOM=${SEED:-$(date +%N | sed 's/^0*//')}
echo "seed $RANDOM"
inode=$(stat -c %i killed/large.snap)
for ((i = 0; i < kills; i++)); do
  ./fault forever killed/large.snap >/dev/null 2>&1 &
  pid=$!
  # Starting and building takes some 50 ms, each freeze about as long: kills fall into all of its parts.
  sleep "0.$(printf %03d $((RANDOM % 400 + 30)))"
  kill -9 $pid
  wait $pid 2>/dev/null || true
  whole killed/large.snap "killed $i"
  now=$(stat -c %i killed/large.snap)
  [ "$now" = "$inode" ] || replaced=$((replaced + 1))
  inode=$now
  count=$(temporaries killed)
  [ "$count" -le 1 ] || fail "killed $i: $count temporary files: $(ls killed)"
  for file in killed/large.snap.*; do
    [ -e "$file" ] || continue
    left=$((left + 1))
    # Nobody takes it for the snapshot: it has neither the name nor, by its ending, the looks of one.
    case $file in
      *.snap) fail "killed $i: the temporary file is named $file" ;;
    esac
    rm -f "$file"
  done
done
echo "killed $kills times: $replaced new snapshots, $left temporary files, the snapshot always whole"
[ "$replaced" -gt 0 ] || echo 'note: no freeze was finished before its end'

# A temporary file that an earlier process left is in nobody's way.
./fault freeze-large killed/large.snap 2 >out || fail "after the kills: $(cat out)"
whole killed/large.snap 'after the kills'
[ "$(temporaries killed)" = 0 ] || fail "temporary files: $(ls killed)"

# --- no room ----------------------------------------------------------------------------------------------------------
# no_room DIRECTORY CODES COMMAND...: the freeze fails with one of the codes, names the file, leaves the old one and nothing else.
no_room() {
  local directory=$1 codes=$2 before status=0
  shift 2
  before=$(stat -c '%i %s %Y' "$directory/large.snap")
  "$@" ./fault freeze-large "$directory/large.snap" 3 >out 2>err || status=$?
  [ $status = 1 ] || fail "$directory: exit $status, expected 1: $(cat out err)"
  grep -qE "^($codes) $directory/large.snap: " out || fail "$directory: expected code $codes and the file's name: $(cat out err)"
  cat out
  [ "$before" = "$(stat -c '%i %s %Y' "$directory/large.snap")" ] || fail "$directory: the old file was touched"
  [ "$(temporaries "$directory")" = 0 ] || fail "$directory: left $(ls "$directory")"
  whole "$directory/large.snap" "$directory, afterwards"
}

mkdir limited
./fault freeze-large limited/large.snap 1 >out || fail "$(cat out)"
# A write past the limit of a file's size sends SIGXFSZ, which kills, unless ignored; then it fails with EFBIG.
limit_file() { (trap '' XFSZ && ulimit -f 8192 && exec "$@"); }
no_room limited 401 limit_file
grep -q 'File too large' out || fail "a file-size limit: $(cat out)"

mkdir full
if mount -t tmpfs -o size=32m tmpfs full 2>mount.err; then
  trap 'umount "$PWD/full"' EXIT
  ./fault freeze-large full/large.snap 1 >out || fail "$(cat out)"
  no_room full 402
  grep -q 'No space left on device' out || fail "a full disk: $(cat out)"
  # With room again, it goes on.
  mount -o remount,size=96m full
  ./fault freeze-large full/large.snap 4 >out || fail "with room again: $(cat out)"
  whole full/large.snap 'with room again'
else
  echo "full disk: skipped, no tmpfs can be mounted here: $(cat mount.err)"
fi

# --- a directory that may not be written ------------------------------------------------------------------------------
mkdir read_only
./fault freeze-large read_only/large.snap 1 >out || fail "$(cat out)"
if [ "$(id -u)" != 0 ]; then
  chmod 555 read_only
  no_room read_only 401
  chmod 755 read_only
elif mount --bind read_only read_only 2>mount.err && mount -o remount,bind,ro read_only 2>mount.err; then
  trap '! mountpoint -q "$PWD/full" || umount "$PWD/full"; umount "$PWD/read_only"' EXIT
  no_room read_only 401
  grep -q 'Read-only file system' out || fail "a read-only directory: $(cat out)"
else
  echo "read-only directory: skipped: $(cat mount.err)"
fi

status=0
./fault freeze-large no/such/large.snap 1 >out || status=$?
{ [ $status = 1 ] && grep -q '^401 no/such/large.snap: .*No such file or directory' out; } || fail "no directory: exit $status: $(cat out)"
mkdir -p taken/large.snap
status=0
./fault freeze-large taken/large.snap 1 >out || status=$?
{ [ $status = 1 ] && grep -q '^401 taken/large.snap: ' out; } || fail "a directory in the file's place: exit $status: $(cat out)"
[ "$(find taken -mindepth 1 | wc -l)" = 1 ] || fail "a directory in the file's place: left $(ls taken)"

echo 'killed freezes: all well'
