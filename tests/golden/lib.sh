# shellcheck shell=bash
# A library of golden.sh, update and tests/cli/inspect_json.sh. CASES has a line for each run of fastboot-inspect: a name,
# and the arguments, split at spaces. They run in a copy of the snapshots, since Git keeps neither owner nor mode.
golden=$FASTBOOT_SOURCE/tests/golden

# copy_snapshots: into the present directory.
copy_snapshots() {
  (cd "$golden" && tar -cf - --exclude=expected -- *.snap bad [0-9a-f]*[0-9a-f]/) | tar -xf - --no-same-owner
  find . -name '*.snap' -exec chmod 0444 {} + -o -name '*.bind' -exec chmod 0444 {} +
}

# cases: NAME ARGUMENT..., without comments.
cases() { grep -vE '^(#|$)' "$golden/CASES"; }

# run_case ARGUMENT...: exit status, standard error and standard output as one text.
run_case() {
  local status=0
  "$FASTBOOT_BUILD/fastboot-inspect" "$@" >stdout.txt 2>stderr.txt || status=$?
  printf 'exit status %s\n--- standard error\n' "$status"
  cat stderr.txt
  printf -- '--- standard output\n'
  cat stdout.txt
}
