#!/bin/bash
# fastboot-inspect --json: whatever is asked of whatever file, the document fits docs/fastboot-inspect.schema.json, which
# knows each member and misses none.
# timeout: 900
set -uo pipefail
# shellcheck source=tests/golden/lib.sh
. "$FASTBOOT_SOURCE/tests/golden/lib.sh"
failed=0
fail() {
  echo "FAIL: $*" >&2
  failed=1
}
inspect=$FASTBOOT_BUILD/fastboot-inspect
schema=$FASTBOOT_SOURCE/docs/fastboot-inspect.schema.json
python3 -c 'import jsonschema' || { echo "python3-jsonschema is not installed (scripts/install-deps)"; exit 1; }

copy_snapshots
mkdir documents
while read -r name arguments; do
  # shellcheck disable=SC2086 # split at spaces
  "$inspect" --json $arguments >"documents/$name.json" 2>errors.txt </dev/null
  status=$?
  [ -s "documents/$name.json" ] && continue
  # No document: the command line is wrong, or help was asked for.
  rm "documents/$name.json"
  [ $status -eq 2 ] && [ -s errors.txt ] || fail "$arguments: no document, and exit status $status"
done < <(cases)
"$inspect" --json --warm plain.snap >documents/warm.json || fail '--warm'
[ "$(find documents -name '*.json' | wc -l)" -gt 30 ] || fail 'few documents'
"$FASTBOOT_SOURCE/tests/tools/check_json.py" "$schema" documents/*.json || fail 'the documents and the schema differ'

# The schema's version is the documents'; the manual describes each member.
python3 - "$schema" "$FASTBOOT_SOURCE/docs/JSON.md" <<'PYTHON' || fail 'docs/JSON.md'
import json, sys
schema, manual = json.load(open(sys.argv[1])), open(sys.argv[2]).read()
def members(node):
  if isinstance(node, dict):
    yield from node.get("properties", {})
    for value in node.values():
      yield from members(value)
missing = sorted({member for member in members(schema) if "`%s`" % member not in manual})
if missing:
  print("docs/JSON.md does not name", missing)
version = schema["properties"]["schema_version"]["const"]
if "| `schema_version` | %d |" % version not in manual:
  print("docs/JSON.md has another schema_version than", version)
  missing = True
sys.exit(1 if missing else 0)
PYTHON
exit $failed
