#!/bin/bash
# The example of three images, each frozen by a program of its own and pointing into those before it, with functions in them:
# a fourth program's answers are those of values that it builds itself, and nothing is relocated.
# timeout: 900
set -euo pipefail
# shellcheck source=tests/migrate/lib.sh
. "$FASTBOOT_SOURCE/tests/migrate/lib.sh"
size=${COMPOSED_SIZE:-100000}

"$FASTBOOT_SOURCE/examples/composed/build" "$PWD/built" "$size" >build.out 2>&1 || fail "build: exit $?: $(cat build.out)"
grep -q 'index.snap: image index, .*; needs dictionary.snap$' build.out || fail "not told: $(cat build.out)"
grep -q 'model.snap: image model, .*; needs dictionary.snap, index.snap$' build.out || fail "not told: $(cat build.out)"
cd built
for image in dictionary index model; do "$FASTBOOT_BUILD/tests/tools/check_snapshot" $image.snap || fail "$image.snap is not sound"; done

ask() { FASTBOOT_TRACE=1 ./ask >answers 2>trace || fail "ask: $(cat trace)"; }
./ask "$size" >fresh
[ "$(wc -l <fresh)" -ge 2000 ] || fail "few answers: $(wc -l <fresh)"
ask
cmp answers fresh || fail "other answers: $(diff answers fresh | head -n 5)"
grep -q 'model.snap: thawed "model" :: Model; needs 2 images, relocations 0;' trace || fail "relocations: $(cat trace)"
[ "$(grep -c 'relocations 0;' trace)" = 2 ] && ! grep -q rebased trace || fail "relocations: $(cat trace)"
FASTBOOT_REBASE=1 ask
cmp answers fresh || fail "moved: other answers: $(diff answers fresh | head -n 5)"
! grep -q 'relocations 0;' trace || fail "moved, and no word is changed: $(cat trace)"

# The images hold each entry once.
closures() { fastboot-inspect --json "$1.snap" | sed -n 's/.*"closures": *\([0-9]*\).*/\1/p' | head -n 1; }
[ "$(closures dictionary)" -gt $((size * 4)) ] && [ "$(closures model)" -lt 10000 ] && [ "$(closures index)" -lt $((size * 2)) ] ||
  fail "closures: $(closures dictionary) $(closures index) $(closures model)"

# A copy for one program needs what the image needs.
mkdir -p copy
for image in dictionary index model; do
  fastboot-migrate -q -o copy/$image.snap $image.snap ./ask || fail "migrate -o $image.snap"
  cmp <(fastboot-inspect -d $image.snap | tail -n +5) <(fastboot-inspect -d copy/$image.snap | tail -n +5) || fail "$image.snap: -o changes what it needs"
done
(cd copy && FASTBOOT_TRACE=1 ../ask >answers 2>trace) || fail "migrated: $(cat copy/trace)"
cmp copy/answers fresh || fail "migrated: other answers"
grep -q 'needs 2 images, relocations 0;' copy/trace || fail "migrated: $(cat copy/trace)"

# Without a binding for the dictionary the model is refused with the way to it.
id=$(fastboot-inspect --json dictionary.snap | sed -n 's/.*"content_id": *"\([0-9a-f]*\)".*/\1/p' | head -n 1)
mv "$id" "$id.away"
if ./ask >answers 2>trace; then fail 'thawed without a binding'; fi
grep -q 'error 205: model.snap: needs dictionary.snap: ' trace || fail "no binding: $(cat trace)"
grep -q "fastboot-migrate --add 'dictionary.snap'" trace || fail "no binding: no advice: $(cat trace)"
mv "$id.away" "$id"

# Frozen again at an address that its needed images have: refused, with both.
if fastboot-freeze -q --va "$(fastboot-inspect dictionary.snap | sed -n 's/.* at \(0x[0-9a-f]*\),.*/\1/p')" --needs dictionary.snap -o other.snap ./make-index 2>err; then
  fail 'two images of one address'
fi
grep -qE 'its slot (0x[0-9a-f]+) to 0x[0-9a-f]+ overlaps that of dictionary.snap, which it points into: \1 to 0x' err || fail "--va: $(cat err)"
fastboot-freeze -q --va 0x14080000000 --needs dictionary.snap -o other.snap ./make-index || fail "--va"
fastboot-inspect -d other.snap | grep '\[dictionary.snap\]' >/dev/null || fail "--va: $(fastboot-inspect -d other.snap)"

# What is named must be there, and be used as it is.
status=0
fastboot-freeze -q --needs none.snap -o other.snap ./make-index 2>err || status=$?
[ $status = 2 ] && grep -q 'none.snap: ' err || fail "--needs none.snap: $status: $(cat err)"
status=0
mv "$id" "$id.away"
fastboot-freeze -q --needs dictionary.snap -o other.snap ./make-index 2>err || status=$?
mv "$id.away" "$id"
[ $status = 3 ] && grep -q 'error 205: .*dictionary.snap' err || fail "--needs of an image of another build: $status: $(cat err)"
echo "three images of four programs: $(wc -l <fresh) answers as freshly built, no relocations"
