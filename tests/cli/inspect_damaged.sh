#!/bin/bash
# fastboot-inspect on damaged files: bytes of the metadata changed at random, files cut anywhere. It shows what it can,
# ends by itself with exit status 0 or 1, says why when it is 1, and writes JSON that fits the schema.
# DAMAGE_SEED and DAMAGE_CASES choose others and more.
set -uo pipefail
failed=0
fail() {
  echo "FAIL: $*" >&2
  failed=1
}
"$FASTBOOT_BUILD/tests/tools/make_sample" --cells 200 --lazy --raw --fingerprints --needed 2 --member good.snap || fail make_sample
mkdir bad
python3 - "${DAMAGE_SEED:-1}" "${DAMAGE_CASES:-60}" <<'PYTHON' || fail 'no damaged files'
import random, sys
random.seed(int(sys.argv[1]))
good = open("good.snap", "rb").read()
hot = int.from_bytes(good[good.index(b"Fastboot\0") + 12:][56:64], "little")
for index in range(int(sys.argv[2])):
  data = bytearray(good)
  sort = index % 4
  if sort == 0:
    data = data[:random.randrange(64, len(data))]
  else:
    for _ in range(random.choice([1, 1, 1, 3, 20])):
      # Headers, all of the metadata, or the image and the streams.
      at = random.randrange(*[(0, 1500), (0, hot), (hot, len(data))][sort - 1])
      data[at] = random.choice([0, 1, 0x7F, 0x80, 0xFF, data[at] ^ (1 << random.randrange(8))])
  open("bad/%03d.snap" % index, "wb").write(data)
PYTHON
told=0
for file in bad/*.snap; do
  for form in -W --json; do
    timeout 20 "$FASTBOOT_BUILD/fastboot-inspect" $form -aC --relocs=all,internal,cross --objects --check -x .fastboot.roots -p .dynstr "$file" \
      >"out$form.txt" 2>err.txt
    status=$?
    [ $status -le 1 ] || [ "$(grep -c 'there is no section' err.txt)" -gt 0 ] || fail "$file $form: exit status $status: $(head -2 err.txt)"
    [ $status -ne 1 ] || [ -s err.txt ] || fail "$file $form: exit status 1, and no message"
    [ $status -eq 0 ] || told=$((told + 1))
  done
  mv out--json.txt "${file%.snap}.json"
done
[ $told -gt 60 ] || [ -n "${DAMAGE_CASES:-}" ] || fail "only $told runs found damage"
# The schema itself is tried by inspect_json.sh.
"$FASTBOOT_SOURCE/tests/tools/check_json.py" --fit "$FASTBOOT_SOURCE/docs/fastboot-inspect.schema.json" bad/*.json >misfits.txt ||
  fail "$(head -5 misfits.txt)"
exit $failed
