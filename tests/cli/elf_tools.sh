#!/bin/bash
# The tools of three ELF implementations read a snapshot without a warning, and GNU strip leaves it usable.
# usage: elf_tools.sh [SNAPSHOT...]; without arguments, samples made here.
set -uo pipefail
failed=0
fail() {
  echo "FAIL: $*" >&2
  failed=1
}

make_sample=$FASTBOOT_BUILD/tests/tools/make_sample
inspect=$FASTBOOT_BUILD/fastboot-inspect
for tool in readelf llvm-readobj-14 nm eu-readelf eu-elflint strip; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed (scripts/install-deps)"; exit 77; }
done

if [ $# -eq 0 ]; then
  "$make_sample" small.snap && "$make_sample" --lazy lazy.snap && "$make_sample" --array 5000000 large.snap &&
    "$make_sample" --targets 3000 targets.snap && "$make_sample" --lazy --needed 2 --member needs.snap ||
    fail "make_sample"
  set -- small.snap lazy.snap large.snap targets.snap needs.snap
fi

# quiet COMMAND...: fails the test when the command fails, or says warning or error anywhere.
quiet() {
  local out
  out=$("$@" 2>stderr.txt) || fail "$*: exit code $?"
  [ -s stderr.txt ] && fail "$*: $(head -3 stderr.txt)"
  if grep -iE '(^|[^_.a-z])(warning|error)[: ]' <<<"$out" >hits.txt; then fail "$*: $(head -3 hits.txt)"; fi
  if grep -F '<corrupt' <<<"$out" >hits.txt; then fail "$*: $(head -3 hits.txt)"; fi
}

for snapshot in "$@"; do
  quiet readelf -aW "$snapshot"
  quiet llvm-readobj-14 --all "$snapshot"
  quiet nm -D "$snapshot"
  quiet eu-readelf -a "$snapshot"
  # The one complaint that stays: elfutils knows a fixed list of note owners.
  eu-elflint "$snapshot" 2>&1 | grep -v -e "unknown object file note type 1 with owner name 'Fastboot'" -e '^No errors$' \
    >lint.txt && fail "eu-elflint $snapshot: $(head -3 lint.txt)"

  cp "$snapshot" stripped.snap && chmod u+w stripped.snap
  strip stripped.snap 2>stderr.txt || fail "strip $snapshot"
  [ -s stderr.txt ] && fail "strip $snapshot: $(head -3 stderr.txt)"
  quiet "$inspect" --objects stripped.snap
  for what in "" -r --roots --objects -n; do
    cmp <("$inspect" $what "$snapshot" | sed "s|^$snapshot|x|") <("$inspect" $what stripped.snap | sed 's|^stripped.snap|x|') ||
      fail "strip $snapshot: fastboot-inspect $what shows something else"
  done
  # No section headers at all: they are for tools only.
  objcopy --strip-section-headers "$snapshot" bare.snap 2>/dev/null && quiet "$inspect" --objects bare.snap
done
exit $failed
