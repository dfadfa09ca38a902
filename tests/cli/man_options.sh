#!/bin/bash
# One definition of the options: a tool's manual page names the options that its command line knows, all their names and
# the names of their values, in the list and in the synopsis. For every tool that is installed; and the pages are clean.
set -uo pipefail
failed=0
fail() {
  echo "FAIL: $*" >&2
  failed=1
}
command -v mandoc >/dev/null || fail 'mandoc is not installed (scripts/install-deps)'

# defined TOOL: a line "-o --output out.snap" for each option, from its definition.
defined() {
  if [ "$1" = fastboot-config ]; then # a script, whose definition is its help
    sed -n 's/^  \(--[a-z-]*\)  *.*/\1/p' <("$FASTBOOT_STAGE/bin/$1" --help)
  else
    "$FASTBOOT_BUILD/$1" --completion options | awk -F '\t' '{ gsub(",", " ", $1); print $1 ($2 == "" ? "" : " " tolower($2)) }'
  fi | LC_ALL=C sort
}

# documented PAGE: the same, from ".It Fl o , Fl -output Ar out.snap".
documented() {
  awk '/^\.It Fl / {
    names = value = ""
    for (i = 2; i <= NF; i++) {
      if ($i == "Fl") names = names (names == "" ? "" : " ") "-" $++i
      else if ($i == "Ar" || $i == "Op" || $i == "Ns" || ($i == "," && value == "")) continue
      else value = value $i
    }
    print names (value == "" ? "" : " " tolower(value))
  }' "$1" | LC_ALL=C sort
}

# synopsis PAGE: each option there, one in a line; "Fl hSs" are three.
synopsis() {
  awk '/^\.Sh / { on = $2 == "SYNOPSIS" }
    on { sub(/^\./, ""); for (i = 1; i <= NF; i++) if ($i == "Fl") {
      if ($(i + 1) ~ /^-/) print "-" $(i + 1)
      else for (j = 1; j <= length($(i + 1)); j++) print "-" substr($(i + 1), j, 1) } }' "$1"
}

checked=0
tools=("$FASTBOOT_BUILD"/fastboot-*)
for tool in "${tools[@]##*/}"; do
  [ -x "$FASTBOOT_BUILD/$tool" ] && [ -f "$FASTBOOT_BUILD/$tool" ] || continue
  page=$FASTBOOT_SOURCE/man/$tool.1
  [ -f "$page" ] || {
    fail "$tool has no manual page"
    continue
  }
  [ "$tool" != fastboot-config ] || [ -x "$FASTBOOT_STAGE/bin/$tool" ] || continue # built without the Haskell package
  defined "$tool" >defined.txt
  documented "$page" >documented.txt
  [ -s defined.txt ] || fail "$tool knows no option"
  diff defined.txt documented.txt || fail "$tool: its options (<) and its manual page (>) differ"
  if [ "$tool" != fastboot-config ]; then
    synopsis "$page" >synopsis.txt
    while read -r -a names; do
      for name in "${names[@]}"; do grep -qxF -- "$name" synopsis.txt && continue 2; done
      fail "$page: the synopsis has none of ${names[*]}"
    done <defined.txt
    # What --help shows is what is defined.
    while read -r -a names; do
      for name in "${names[@]}"; do
        [[ $name != -* ]] || "$FASTBOOT_BUILD/$tool" --help | grep -E -- "^  .*$name([ ,=]|\[|\$)" >/dev/null || fail "$tool --help does not show $name"
      done
    done <defined.txt
  fi
  checked=$((checked + 1))
done
[ $checked -ge 3 ] || fail 'few tools were found'

for page in "$FASTBOOT_SOURCE"/man/*.[0-9]; do
  mandoc -T lint -W warning "$page" || fail "mandoc: $page"
done
exit $failed
