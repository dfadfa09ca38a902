# shellcheck shell=bash disable=SC2034,SC2154 # fail, and check, are the callers'
# A library of the tests beside it: interferes with one system call after the other.
inject=$FASTBOOT_BUILD/tests/tools/inject
"$inject" --calls openat true || { echo "system calls cannot be traced here"; exit 77; }

# Of many calls of a kind only some, for each costs a run of the program: the first SWEEP_EACH (25) of them in turn, and from
# there on with growing steps, a quarter of what is behind. SWEEP_EACH=all: each of them.
SWEEP_EACH=${SWEEP_EACH:-25}
[ "$SWEEP_EACH" != all ] || SWEEP_EACH=1000000000
# sweep LABEL CALLS ACTION... -- COMMAND...: runs the command with the action (--error ERRNO, --kill, ...) on the first of the
# calls, on the second, and so on until there are no more of them; the options before -- are inject's. Each time, `prepare`
# before, and afterwards
#   check STATUS CALL      the command's exit status, and on which call was acted
# with the command's output in the files out and err. Counts into $swept, and says how often it failed and went well.
swept=0
sweep() {
  local label=$1 calls=$2 options=() n=0 last=0 acted=1 status call well=0 known=$problems before=$swept
  shift 2
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  while true; do
    n=$((n + (n < SWEEP_EACH ? 1 : n / 4 + 1)))
    prepare
    status=0
    "$inject" --calls "$calls" --nth $n "${options[@]}" --report report "$@" >out 2>err </dev/null || status=$?
    [ $status != 125 ] || fail "$label: inject: $(cat err)"
    read -r last acted call <report
    [ "$acted" = 1 ] || break
    situation="$label, call $n ($call ${options[*]})"
    check $status "$call"
    [ $status != 0 ] || well=$((well + 1))
    swept=$((swept + 1))
    [ $((problems - known)) -lt 10 ] || fail "$label: and so on"
    [ $n -lt 30000 ] || fail "$label: no end of calls"
  done
  # The last run was left alone.
  [ $status = 0 ] || problem "$label: fails with nothing in its way: $(cat out err)"
  echo "$label, $calls ${options[*]}: $last calls, tried $((swept - before)), $well of them without harm"
}

finish() {
  [ $problems = 0 ] || fail "$problems problems"
  echo "$1: interfered $swept times: all well"
}
