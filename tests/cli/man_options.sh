#!/bin/bash
# One definition of the options: what a tool's --help names is in its man page, and the other way round. For every tool
# that has both; and man pages are clean.
set -uo pipefail
failed=0
fail() {
  echo "FAIL: $*" >&2
  failed=1
}

# The options of a help text and of a man page, one in a line. "-s,--syms,--symbols TEXT", ".It Fl s , Fl -syms Ar x".
help_options() { grep -oE '^  -[^ ]+( |$)' | tr ', ' '\n\n' | grep -E '^-' | LC_ALL=C sort -u; }
man_options() { grep -E '^\.It Fl' "$1" | grep -oE 'Fl (-[a-z-]+|[a-zA-Z])' | sed 's/^Fl /-/' | LC_ALL=C sort -u; }

checked=0
for page in "$FASTBOOT_SOURCE"/man/fastboot-*.1; do
  tool=$(basename "$page" .1)
  [ -x "$FASTBOOT_BUILD/$tool" ] || {
    fail "$page: no tool of that name was built"
    continue
  }
  "$FASTBOOT_BUILD/$tool" --help | help_options >help.txt
  man_options "$page" >man.txt
  [ -s help.txt ] || fail "$tool --help names no option"
  diff help.txt man.txt || fail "$tool: --help (<) and man page (>) differ"
  if command -v mandoc >/dev/null; then
    mandoc -T lint -W warning "$page" || fail "mandoc: $page"
  fi
  checked=$((checked + 1))
done
[ $checked -ge 1 ] || fail 'no man page was found'
exit $failed
