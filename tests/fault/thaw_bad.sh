#!/bin/bash
# Files that must not be thawed. Each is refused with its code and a sentence that names the file, what was found, what was
# expected and what to do; the process goes on and thaws the good file; `frozen` builds instead, freezes anew and says so.
set -euo pipefail
# shellcheck source=tests/fault/lib.sh
. "$FASTBOOT_SOURCE/tests/fault/lib.sh"

compile fault -outputdir objects
compile fault_threaded -outputdir objects -threaded
compile fault_other -outputdir objects_other -DOTHER_BUILD

size=100
./fault freeze good.snap $size >out || fail "cannot freeze: $(cat out)"
[ "$(./fault thaw good.snap $size)" = ok ] || fail "the good file does not thaw"

# Every message says something to do.
advice='freeze it again|freeze it first|chmod go-w|use a newer Fastboot|say which one|with this build|as this user|ask for|give the path'

# check_line CODE PATTERN FILE LINE
check_line() {
  local code=$1 pattern=$2 file=$3 line=$4
  case $line in
    "$code $file: "*) ;;
    *) problem "$file: expected \"$code $file: ...\", printed: $line" && return ;;
  esac
  grep -qE -- "$pattern" <<<"$line" || problem "$file: no \"$pattern\" in: $line"
  grep -qE -- "$advice" <<<"$line" || problem "$file: does not say what to do: $line"
}

# refused CODE PATTERN FILE [fresh]: thawed twice, then the good one, in one process; then by `frozen`, in a copy of its own
# unless `keep` says that the file cannot be replaced.
refused() {
  local code=$1 pattern=$2 file=$3 keep=${4:-} lines
  echo "$file: $code"
  timeout 60 ./fault bad "$file" "$file" -- good.snap $size >out 2>err || problem "$file: exit $?: $(cat out err)"
  mapfile -t lines <out
  [ ${#lines[@]} = 3 ] || problem "$file: ${#lines[@]} lines: $(cat out)"
  check_line "$code" "$pattern" "$file" "${lines[0]:-}"
  [ "${lines[0]:-}" = "${lines[1]:-}" ] || problem "$file: another answer the second time: ${lines[1]:-}"
  [ "${lines[2]:-}" = ok ] || problem "after $file the good file does not thaw: ${lines[2]:-}"
  [ -s err ] && problem "$file: prints without FASTBOOT_TRACE: $(cat err)"
  [ "$keep" != keep ] || return 0
  frozen_builds "$file" "$code" ./fault "$pattern"
}

# frozen_builds FILE CODE PROGRAM PATTERN: one line says why, freezes anew, and the next process thaws.
frozen_builds() {
  local file=$1 code=$2 program=$3 pattern=$4
  FASTBOOT_TRACE=1 timeout 60 "$program" frozen "$file" $size >out 2>err || problem "frozen $file: exit $?: $(cat out err)"
  [ "$(cat out)" = built ] || problem "frozen $file: not built: $(cat out err)"
  [ "$(wc -l <err)" = 1 ] || problem "frozen $file: trace lines, expected one: $(cat err)"
  [[ $(<err) == "fastboot: $file: "* ]] || problem "frozen $file: the trace line does not name the file: $(cat err)"
  grep -qE "($pattern).*; built anew: froze [0-9]* closures" err || problem "frozen $file: does not say why, and that it froze: $(cat err)"
  [ "$("$program" frozen "$file" $size 2>&1)" = thawed ] || problem "frozen $file ($code): not thawed by the next process"
}

# --- missing, empty, cut ----------------------------------------------------------------------------------------------
refused 101 'no such file; freeze it first' missing.snap
refused 101 'no such file' no/such/directory.snap keep
: >empty.snap && chmod 644 empty.snap
refused 103 'empty' empty.snap
head -c 3000 good.snap >short.snap && chmod 600 short.snap
refused 104 'past the end of the file|0xbb8' short.snap

# Up to here the file holds what thawing needs; what follows is section headers, which strip may drop.
needed=$(readelf -SW good.snap | awk '$2 == ".fastboot.hash" || $3 == ".fastboot.hash" { for (i = 1; i < NF; i++) if ($i == "PROGBITS") print $(i + 2), $(i + 3) }')
needed=$((0x${needed% *} + 0x${needed#* }))
./fault cut good.snap 211 >cuts || fail "a cut file ends the process: exit $?, after $(tail -n 1 cuts)"
[ "$(tail -n 1 cuts)" = ok ] || problem "after all the cut files, the good one does not thaw: $(tail -n 1 cuts)"
awk -v needed=$needed -v file=good.snap.cut.snap '
  NF > 1 && $1 < needed && ($2 !~ /^10[345678]$/ || $3 != file ":") { print "WRONG: cut to " $0; bad = 1 }
  NF > 1 && $1 < needed { n++ }
  END { print "refused " n " lengths below " needed; exit bad || n < 300 }' cuts || problem 'lengths'

# --- every byte of the metadata ---------------------------------------------------------------------------------------
# Metadata ends with the binding.
hot=$(readelf -SW good.snap | awk '{ for (i = 1; i < NF; i++) if ($i == ".fastboot.binding") print $(i + 3), $(i + 4) }')
hot=$((0x${hot% *} + 0x${hot#* }))
./fault flip good.snap 0 $hot 1 >flips || fail "a flipped bit ends the process: exit $?, after $(tail -n 1 flips)"
[ "$(tail -n 1 flips)" = ok ] || problem "after all the flipped files, the good one does not thaw: $(tail -n 1 flips)"
# e_shoff, e_shentsize, e_shnum, e_shstrndx are strip's to change, and nothing that thawing reads lies behind them.
awk -v hot=$hot -v file=good.snap.flipped.snap '
  NF < 2 { next }
  { n++; free = ($1 >= 40 && $1 < 48) || ($1 >= 58 && $1 < 64) }
  free && $2 != "ok" { print "WRONG: section header field: " $0; bad = 1 }
  !free && ($2 !~ /^(10[4-8]|201)$/ || $3 != file ":") { print "WRONG: flipped byte " $0; bad = 1 }
  END { print "flipped " n " bytes of " hot; exit bad || n != hot }' flips || problem 'flipped bytes'

# --- something else ---------------------------------------------------------------------------------------------------
echo 'This is no snapshot.' >line.snap
refused 105 'not a snapshot' line.snap
seq 1000 >text.snap
refused 105 'not a snapshot' text.snap
printf '%01000d' 0 >zeros.snap
refused 105 'not a snapshot' zeros.snap
cp "$(type -P true)" elf.snap && chmod 700 elf.snap
refused 105 'not a snapshot' elf.snap
mkdir directory.snap
refused 110 'not a regular file' directory.snap keep
mkfifo fifo.snap
refused 110 'not a regular file' fifo.snap
refused 110 'not a regular file' /dev/null keep
head -c 20000 /dev/zero >zero_page.snap
refused 105 'not a snapshot' zero_page.snap

# The note's first word is the major version; the metadata's hash comes after it, for a newer format may hash otherwise.
note=$(readelf -SW good.snap | awk '{ for (i = 1; i < NF; i++) if ($i == ".note.fastboot") print $(i + 3) }')
cp good.snap newer.snap && chmod 600 newer.snap
printf '\x02' | dd of=newer.snap bs=1 seek=$((0x$note + 24)) conv=notrunc status=none
refused 106 'format version 2\.0; this build reads versions up to 1: use a newer Fastboot' newer.snap

# --- another build, way, type, root -----------------------------------------------------------------------------------
./fault_other freeze other_build.snap $size >out || fail "$(cat out)"
refused 205 'build-id [0-9a-f]{40} .*this program has [0-9a-f]{40}; .*carry it over by fastboot-migrate --add .*, or freeze it again' other_build.snap
./fault_threaded freeze other_way.snap $size >out || fail "$(cat out)"
refused 203 'threaded .*vanilla .*freeze it again' other_way.snap
./fault freeze other_way.snap.vanilla.snap $size >out || fail "$(cat out)"
[[ $(./fault_threaded thaw other_way.snap.vanilla.snap $size) == '203 '*'vanilla'*'threaded'* ]] ||
  problem "a vanilla snapshot in a threaded program: $(./fault_threaded thaw other_way.snap.vanilla.snap $size)"

for type in list char-map int-map; do
  line=$(./fault thaw-as $type good.snap)
  check_line 206 'has type Map Int Entry, and .* was expected' good.snap "$line"
done
check_line 207 'no root "nothing"; its first is "good"' good.snap "$(./fault thaw-root nothing good.snap $size)"
[ "$(./fault thaw-root good good.snap $size)" = ok ] || problem 'thawRoot with the right name'

# A file under another name keeps its root; it is the only one.
cp good.snap renamed.snap && chmod 600 renamed.snap
[ "$(./fault thaw renamed.snap $size)" = ok ] || problem 'a renamed file does not thaw'

# --- whose it is ------------------------------------------------------------------------------------------------------
for mode in 0666 0622 0620 0602 0777 0460; do
  cp good.snap mode.snap && chmod $mode mode.snap
  case $mode in
    0460) pattern='mode is 0460' ;;
    *) pattern="mode is $mode, so others may write it.*chmod go-w" ;;
  esac
  refused 109 "$pattern" mode.snap
  rm -f mode.snap
done
for mode in 0400 0444 0600 0644 0755; do
  cp good.snap mode.snap && chmod $mode mode.snap
  [ "$(./fault thaw mode.snap $size)" = ok ] || problem "mode $mode: $(./fault thaw mode.snap $size)"
  rm -f mode.snap
done
if [ "$(id -u)" = 0 ]; then
  cp good.snap owner.snap && chmod 644 owner.snap && chown nobody owner.snap
  refused 109 "belongs to user $(id -u nobody); .*freeze it again as this user" owner.snap
else
  echo 'owner: skipped, needs root'
  # What can be tested is that root's files are thawed: there are none.
fi

ln -s good.snap link.snap
[ "$(./fault thaw link.snap $size)" = ok ] || problem "a symbolic link: $(./fault thaw link.snap $size)"
ln -s nowhere.snap dangling.snap
refused 101 'no such file' dangling.snap keep
ln -s loop.snap loop.snap
refused 102 'cannot open it' loop.snap keep
if [ "$(id -u)" != 0 ]; then
  cp good.snap unreadable.snap && chmod 000 unreadable.snap
  refused 102 'cannot open it: Permission denied' unreadable.snap
fi

# Names that are hard to print.
cp good.snap 'with space % %s %n.snap' && chmod 600 'with space % %s %n.snap'
[ "$(./fault thaw 'with space % %s %n.snap' $size)" = ok ] || problem 'a name with spaces and percent signs'
: >'percent %s %n.snap'
chmod 600 'percent %s %n.snap'
refused 103 'empty' 'percent %s %n.snap' keep

[ $problems = 0 ] || fail "$problems problems"
echo 'all bad files refused'
