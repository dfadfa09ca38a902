#!/bin/bash
# docs/FORMAT.md lists the error codes that codes.h has, with the same numbers.
diff <(grep -oE '^  [a-z_]+ = [0-9]+' "$FASTBOOT_SOURCE/lib/format/wire/codes.h" | awk '$1 != "ok" { print $3, $1 }') \
  <(grep -oE '^\| [0-9]{3} \| [a-z_]+' "$FASTBOOT_SOURCE/docs/FORMAT.md" | tr -d '|' | awk '{ print $1, $2 }')
