#!/bin/bash
# The images of examples/composed, each of which points into those before it and was frozen by a program of its own, linked into one
# file: a fourth program thaws it with no other file beside it and no word relocated, at its address and elsewhere, and answers as
# with values built afresh. And what does not go together is refused.
# timeout: 900
set -euo pipefail
fail() {
  echo "FAILED: $*"
  exit 1
}
example=$FASTBOOT_SOURCE/examples/composed/build
[ -x "$example" ] || { echo "SKIPPED: there is no examples/composed"; exit 77; }
size=100000
"$example" "$PWD/made" $size >made.out 2>&1 || fail "examples/composed/build: $(cat made.out)"
cd made
./ask $size >built.txt || fail "ask: exit $?"
[ "$(wc -l <built.txt)" -gt 1000 ] || fail "few answers: $(wc -l <built.txt)"
images=(dictionary.snap index.snap model.snap)
id() { fastboot-inspect --json "$1" | sed -n 's/.*"content_id": *"\([0-9a-f]*\)".*/\1/p' | head -n 1; }

# answers DIRECTORY: what `ask` says there, which thaws model.snap.
answers() {
  (cd "$1" && FASTBOOT_TRACE=1 "$OLDPWD/ask" 2>trace) >"$1.txt" || fail "$1: ask: exit $?: $(cat "$1/trace")"
  cmp "$1.txt" built.txt || fail "$1: other answers than built afresh"
  grep -q 'thawed "model"' "$1/trace" || fail "$1: not thawed: $(cat "$1/trace")"
}
mkdir linked merged dropped
fastboot-ld --for ./ask "${images[@]}" -o linked/model.snap --map linked/map >linked/out || fail "cannot link"
fastboot-ld --for ./ask "${images[@]}" -o merged/model.snap --icf >merged/out || fail "cannot link with --icf"
fastboot-ld --for ./ask "${images[@]}" -o dropped/model.snap --icf --gc-roots --keep model >dropped/out || fail "cannot link with --gc-roots"
fastboot-ld --for ./ask -q dictionary.snap model.snap -o half.snap || fail "cannot link two of them"
fastboot-inspect -d half.snap | grep 'index.snap' >/dev/null || fail "the index is not needed any more: $(fastboot-inspect -d half.snap)"
for directory in linked merged dropped; do
  fastboot-inspect $directory/model.snap >inspect.out 2>&1 || fail "$directory: $(cat inspect.out)"
  answers $directory
  ! grep -q 'is needed' $directory/trace || fail "$directory: other images are looked for: $(cat $directory/trace)"
  FASTBOOT_REBASE=1 answers $directory
  grep -q rebased $directory/trace || fail "$directory: not moved"
  cat $directory/out
done
grep -q ' bytes saved of ' merged/out || fail "what --icf saved is not told: $(cat merged/out)"
nm -D --defined-only linked/model.snap | awk '{ print $3 }' | sort | tr '\n' ' ' |
  grep -qxF 'fb.root.dictionary fb.root.index fb.root.model ' || fail "roots: $(nm -D linked/model.snap)"

# As many mappings of the file as of a single image.
if strace -o /dev/null true; then
  maps() { strace -y -e trace=mmap "$1" 2>&1 >/dev/null | grep -c "/$2>" || true; } # PROGRAM FILE
  one=$(mkdir single && cd single && cp -r ../dictionary.snap ../"$(id ../dictionary.snap)" . && maps ../make-index dictionary.snap)
  three=$(cd linked && maps ../ask model.snap)
  { [ "$one" -gt 0 ] && [ "$three" = "$one" ]; } || fail "mmap calls: $three for three members, $one for one image"
else
  echo "SKIPPED: system calls cannot be traced here: mmap calls are not counted"
fi

# Refused, with both values.
refused() { # WORD... : all are said
  local status=0 word
  fastboot-ld "${command[@]}" -o refused.snap >out 2>&1 || status=$?
  [ $status = 1 ] || fail "${command[*]}: exit $status: $(cat out)"
  for word in "$@"; do grep -qF -- "$word" out || fail "${command[*]}: does not say $word: $(cat out)"; done
  [ ! -e refused.snap ] || fail "${command[*]}: written"
}
mkdir unbound # without the bindings beside them
cp "${images[@]}" unbound
command=(unbound/*.snap)
refused 'must be bound to one program' "fastboot-migrate --add '"
mkdir other
fastboot-freeze -q --force nf -o other/dictionary.snap ./make-dictionary -- 500
command=(--for ./make-dictionary other/dictionary.snap index.snap)
refused "$(id other/dictionary.snap)" "$(id dictionary.snap)" 'index.snap: it needs dictionary.snap'
place=$(fastboot-inspect --json dictionary.snap | sed -n 's/.*"slot_address": *"\(0x[0-9a-f]*\)".*/\1/p' | head -n 1)
command=(--va-base "$place" index.snap)
refused "the output's slot is $place to" "dictionary.snap, which is needed, lies at $place to"
command=(--no-undefined index.snap)
refused 'undefined image: it needs dictionary.snap'
chmod u+w dictionary.snap
printf '\377' | dd of=dictionary.snap bs=1 seek=$(($(stat -c %s dictionary.snap) / 2)) conv=notrunc status=none
command=(--for ./ask "${images[@]}")
refused 'dictionary.snap' 'hash'
