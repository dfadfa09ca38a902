#!/bin/bash
# fastboot-inspect's manners: exit codes, streams, options, and that help and man page name the same options.
set -uo pipefail
failed=0
fail() {
  echo "FAIL: $*" >&2
  failed=1
}
make_sample=$FASTBOOT_BUILD/tests/tools/make_sample
inspect=$FASTBOOT_BUILD/fastboot-inspect
man=$FASTBOOT_SOURCE/man/fastboot-inspect.1

# expect CODE STDOUT-PATTERN STDERR-PATTERN ARG...; an empty pattern: no output there.
expect() {
  local code=$1 out=$2 err=$3
  shift 3
  "$inspect" "$@" >out.txt 2>err.txt
  local got=$?
  [ $got -eq "$code" ] || fail "$*: exit code $got, expected $code"
  if [ -z "$out" ]; then [ ! -s out.txt ]; else grep -qE -- "$out" out.txt; fi || fail "$*: stdout is not '$out': $(head -3 out.txt)"
  if [ -z "$err" ]; then [ ! -s err.txt ]; else grep -qE -- "$err" err.txt; fi || fail "$*: stderr is not '$err': $(head -3 err.txt)"
}

"$make_sample" --lazy --cells 1000 a.snap || fail make_sample
expect 0 '^a.snap: fastboot snapshot 1.0, x86_64, ghc 9.0.2 threaded$' '' a.snap
expect 0 'image +sample, .* 2,003 closures \(1 lazy\)' '' a.snap
expect 0 'roots +1: sample :: \[Int\]' '' a.snap
expect 0 '^ELF Header:' '' -h a.snap
expect 0 '\.fastboot\.data +PROGBITS' '' -S a.snap
expect 0 'OBJECT  GLOBAL DEFAULT .* fb.root.sample' '' -s a.snap
expect 0 'base:GHC\.Base\.\+\+$' '' -sC a.snap
expect 0 'R_X86_64_GLOB_DAT +static +base_GHCziBase_zpzp_closure' '' -r a.snap
expect 0 'internal relocations' '' --relocs a.snap
expect 0 'Build ID: [0-9a-f]{40}$' '' -n a.snap
expect 0 'sample +\[Int\]$' '' --roots a.snap
expect 0 '1,000 +24,000 +[0-9.]+ % +ghc-prim:GHC.Types.:$' '' --objects a.snap
expect 0 '^File: a.snap$' '' -h a.snap a.snap
expect 0 '^fastboot-inspect \(Fastboot\) [0-9.]+$' '' --version
expect 0 'Usage:' '' --help
printf -- '-h\na.snap' >response
expect 0 '^ELF Header:' '' @response
"$make_sample" --lazy --needed 2 --member needs.snap || fail make_sample
expect 0 '\(NEEDED\) +Shared library: \[other1.snap\]$' '' -d needs.snap
expect 0 '\(SONAME\) +Library soname: \[sample\]$' '' --dynamic needs.snap
expect 0 '^ *0000012380000000 +0x400000 +4 +(c0){20} +other0.snap$' '' -d needs.snap
expect 0 '^ *0000012300200000 +0000012440200000 .* part$' '' -d needs.snap
diff <(readelf -dW needs.snap | awk '/NEEDED|SONAME/ { print $2, $NF }') \
  <("$inspect" -d needs.snap | awk '/NEEDED|SONAME/ { print $2, $NF }') || fail '-d differs from readelf'

expect 2 '' 'no file to show' --roots
expect 2 '' "error: unknown option '--objets', did you mean '--objects'" --objets a.snap
expect 2 '' 'error: none.snap: cannot open' none.snap
expect 2 '' 'error: .: is a directory' .
: >empty.snap
expect 1 '' 'error: empty.snap: the file is empty' empty.snap
expect 1 '' 'error: .*: not a snapshot' "$0"
head -c 3000 a.snap >cut.snap
expect 1 'fastboot snapshot 1.0.*' 'warning: cut.snap: .*truncated|warning: cut.snap: .*past the end' cut.snap
cp a.snap flipped.snap && chmod u+w flipped.snap
printf '\xff' | dd of=flipped.snap bs=1 seek=1600 conv=notrunc status=none
expect 1 'metadata <corrupt>$' 'warning: flipped.snap: the metadata does not match its hash' flipped.snap
expect 1 '"hash_mismatch"' 'flipped.snap' --json -h -S -s -r -n -d --roots --objects flipped.snap
expect 1 '^b?|a.snap: fastboot' 'none.snap|empty' empty.snap a.snap

"$inspect" -s a.snap | head -1 >/dev/null
[ "${PIPESTATUS[0]}" -eq 0 ] || fail 'a closed pipe is an error'
"$inspect" a.snap >/dev/full 2>err.txt
[ $? -eq 2 ] && grep -q 'cannot write to standard output' err.txt || fail 'a full disk is no error'

if command -v python3 >/dev/null; then
  "$inspect" --json -hSsrndC --roots --objects a.snap empty.snap needs.snap >run.json 2>/dev/null
  python3 -c '
import json, sys
run = json.load(open("run.json"))
assert run["schema"] == "fastboot-inspect" and run["schema_version"] == 1
sound, bad, needs = run["files"]
assert [(n["name"], n["words"], n["slot_address"]) for n in needs["dynamic"]["needed"]] == [
  ("other0.snap", 4, "0x12380000000"), ("other1.snap", 4, "0x123c0000000")]
assert [e["value"] for e in needs["dynamic"]["entries"] if e["tag"] == "NEEDED"] == ["other0.snap", "other1.snap"]
assert needs["dynamic"]["members"][0]["whole"] and not sound["dynamic"]["needed"]
assert sound["ok"] and not sound["problems"]
assert sound["objects"]["closures"] == sound["header"]["closures"] == 2003
assert sound["header"]["slot_address"] == "0x12300000000"
assert [r["name"] for r in sound["roots"]] == ["sample"]
assert any(s.get("decoded") == "base:GHC.Base.++" for s in sound["symbols"])
assert not bad["ok"] and bad["problems"][0]["code"] == 103 and bad["problems"][0]["name"] == "empty_file"
documented = open(sys.argv[1]).read()
def keys(value):
  if isinstance(value, dict):
    for key, inner in value.items():
      yield key
      yield from keys(inner)
  elif isinstance(value, list):
    for inner in value:
      yield from keys(inner)
missing = {key for key in keys(run) if "`%s`" % key not in documented}
assert not missing, "not in docs/JSON.md: %s" % missing
' "$FASTBOOT_SOURCE/docs/JSON.md" || fail 'JSON'
fi

# One definition of the options: what --help names is in the man page, and the other way round.
"$inspect" --help | grep -oE '^  -[^ ]+( |$)' | tr ', ' '\n\n' | grep -E '^-' | sort -u >help.txt
grep -E '^\.It Fl' "$man" | grep -oE 'Fl (-[a-z-]+|[a-zA-Z])' | sed 's/^Fl /-/' | sort -u >man.txt
diff help.txt man.txt || fail '--help and the man page differ'

if command -v mandoc >/dev/null; then
  for page in "$FASTBOOT_SOURCE"/man/fastboot-inspect.1 "$FASTBOOT_SOURCE"/man/fastboot-snapshot.5; do
    mandoc -T lint -W warning "$page" || fail "mandoc: $page"
  done
fi
exit $failed
