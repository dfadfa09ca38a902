#!/bin/bash
# fastboot-ld on small snapshots made by hand: output, exit codes, what a linker refuses, and what is left behind.
failed=0
fail() {
  echo "FAIL: $*" >&2
  failed=1
}
make_sample=$FASTBOOT_BUILD/tests/tools/make_sample

# ld EXPECTED_STATUS ARG...: output in ./out, messages in ./err
ld() {
  local want=$1 status=0
  shift
  fastboot-ld "$@" >out 2>err || status=$?
  [ $status = "$want" ] || fail "fastboot-ld $*: exit $status, expected $want: $(cat out err)"
}
says() { grep -qF -- "$1" err || fail "the message does not say '$1': $(cat err)"; }

for name in dict index model; do "$make_sample" --name $name --cells 1000 --lazy --raw $name.snap || fail "make_sample $name"; done
"$make_sample" --name user --needed 1 user.snap

# What is written is a sound snapshot, and a linker's tools read it.
ld 0 dict.snap index.snap model.snap -o all.snap --map all.map
grep -q '^all.snap: linked 3 images: .* 3 roots, 8 targets of 24$' out || fail "summary: $(cat out)"
[ ! -s err ] || fail "messages: $(cat err)"
fastboot-inspect all.snap >inspect.out 2>&1 || fail "all.snap: $(cat inspect.out)"
[ "$(stat -c %a all.snap)" = 444 ] || fail "mode $(stat -c %a all.snap)"
[ "$(nm -D --defined-only all.snap | awk '{ print $3 }' | sort | tr '\n' ' ')" = 'fb.root.dict fb.root.index fb.root.model ' ] ||
  fail "nm: $(nm -D all.snap)"
for word in Inputs Members Roots Targets dict.snap ghc-prim:GHC.Types.I#; do grep -q "$word" all.map || fail "the map has no $word"; done
fastboot-inspect -d all.snap | grep -q dict || fail "-d does not show the members: $(fastboot-inspect -d all.snap)"
ld 0 -q dict.snap index.snap -o quiet.snap
[ ! -s out ] || fail "-q prints $(cat out)"
ld 0 dict.snap index.snap -o quiet.snap --map -
grep -q '^Roots' out || fail "--map -: $(cat out)"

# The name is the file's, or --soname; the address follows from it, or is --va-base.
ld 0 dict.snap -o x.y.snap --soname other --va-base 0x12640000000
fastboot-inspect x.y.snap | grep -q 'image *other, .* at 0x12640000000' || fail "$(fastboot-inspect x.y.snap)"
echo "dict.snap 'index.snap' -o response.snap" >words
ld 0 @words
[ -f response.snap ] || fail "@file"

# JSON
ld 0 --json --icf --gc-roots --keep dict --keep index dict.snap index.snap model.snap -o small.snap
python3 - out <<'PYTHON' || fail "JSON: $(cat out)"
import json, sys
d = json.load(open(sys.argv[1]))
assert d["schema"] == "fastboot-ld" and d["schema_version"] == 1 and d["ok"], d
assert [i["image"] for i in d["inputs"]] == ["dict", "index", "model"]
assert [r["name"] for r in d["roots"]] == ["dict", "index"], d["roots"]
assert d["shrunk"]["bytes_saved"] == d["shrunk"]["bytes_before"] - d["shrunk"]["bytes_after"] > 0
# Of the 2,001, the number that holds a raw reference, and so its cell, stay two.
assert d["shrunk"]["merged_closures"] == 1999 and d["closures"] == 2003, d
assert d["shrunk"]["dropped_roots"] == 1 and not any(m["whole"] for m in d["members"])
PYTHON
fastboot-inspect small.snap >inspect.out 2>&1 || fail "small.snap: $(cat inspect.out)"

# What a linker refuses; all that is wrong at once. The old output stays, and nothing else is left.
cp all.snap old.snap && chmod u+w old.snap && cp old.snap before
"$make_sample" --name dict --cells 5 dict2.snap
ld 1 dict.snap dict2.snap -o old.snap
says "image 'dict' has content id"
says "root 'dict' is defined here and in dict.snap"
ld 1 dict.snap dict.snap -o old.snap
says 'give it once'
ld 1 --no-undefined user.snap dict.snap -o old.snap
says 'user.snap: undefined image: it needs other0.snap'
ld 1 --keep nothing --gc-roots dict.snap -o old.snap
says "undefined root 'nothing': no input defines it; their roots are dict"
ld 1 --rename dict:no=x dict.snap -o old.snap
says "the image has no root 'no'"
ld 1 --va-base 0x12380000000 user.snap -o old.snap
says "the output's slot is 0x12380000000 to 0x123c0000000, and other0.snap, which is needed, lies at 0x12380000000 to 0x12380400000"
ld 0 -q --rename dict:dict=words dict.snap index.snap -o renamed.snap
nm -D renamed.snap | grep -q 'fb.root.words' || fail "--rename: $(nm -D renamed.snap)"
cp index.snap damaged.snap && chmod u+w damaged.snap
python3 - damaged.snap <<'PYTHON'
import sys
bytes = bytearray(open(sys.argv[1], "rb").read())
bytes[len(bytes) // 2 - 5000] ^= 1
open(sys.argv[1], "wb").write(bytes)
PYTHON
for options in '' --icf; do
  # shellcheck disable=SC2086 # none or one
  ld 1 $options dict.snap damaged.snap -o old.snap
  says 'damaged.snap'
  says 'hash'
done
cmp -s old.snap before || fail "the old output has changed"

# Trouble
ld 2 dict.snap nowhere.snap -o old.snap
says 'nowhere.snap: cannot open'
ld 2 dict.snap -o dict.snap
says 'is an input'
ld 2 dict.snap -o nowhere/out.snap
ld 2 dict.snap -o old.snap --map nowhere/map
ld 2 -o old.snap
says 'no snapshots to link'
ld 2 dict.snap
says 'no -o OUT.snap'
ld 2 --va-base 5 dict.snap -o old.snap
says '--va-base takes a multiple of 0x40000000'
ld 2 --keep dict dict.snap -o old.snap
says '--keep says what --gc-roots keeps'
ld 2 --rename x=y dict.snap -o old.snap
says '--rename takes IMAGE:ROOT=NAME'
ld 2 --icff dict.snap -o old.snap
says "did you mean '--icf'?"
cmp -s old.snap before || fail "the old output has changed"
echo text >text.snap
ld 1 text.snap -o old.snap
says 'not a snapshot'
leftover=$(find . -name '.*' -type f)
[ -z "$leftover" ] || fail "left behind: $leftover"
exit $failed
