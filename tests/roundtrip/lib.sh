# shellcheck shell=bash disable=SC2154 # graphs and flags are the callers'
# A library of the tests beside it: builds programs, freezes and thaws all graphs of one.
fail() {
  echo "FAILED: $*"
  exit 1
}

sources=$FASTBOOT_SOURCE/tests/roundtrip
read -ra ghc_flags <<<"$("$FASTBOOT_STAGE/bin/fastboot-config" --ghc-flags)"

# compile OUTPUT MAIN [FLAG...]
compile() {
  local output=$1 main=$2
  shift 2
  ghc -v0 -O1 -rtsopts "${ghc_flags[@]}" -i"$sources" -outputdir "objects_${main%.hs}" "$@" "$sources/$main" -o "$output" ||
    fail "$main does not compile"
}

# build_program NAME MAIN: ./NAME with the vanilla runtime system, and ./NAME_threaded. thaw_each takes the last one built.
build_program() {
  program=$1
  compile "$1" "$2"
  compile "$1_threaded" "$2" -threaded
}

# freeze_each PROGRAM DIRECTORY [RTS flag...]: all of ${graphs[@]}
freeze_each() {
  local program=$1 directory=$2 graph
  shift 2
  mkdir -p "$directory"
  local wrong=0
  for graph in "${graphs[@]}"; do
    "./$program" freeze "$graph" "$directory/$graph.snap" +RTS -V0 "$@" 2>freeze.err && continue
    echo "$program $*: cannot freeze $(cat freeze.err)"
    wrong=$((wrong + 1))
  done
  [ $wrong = 0 ] || fail "$program $*: $wrong of ${#graphs[@]} graphs cannot be frozen"
  echo "froze ${#graphs[@]} graphs with $program $* ($(du -sh "$directory" | cut -f1))"
}

# One line of thaw_each's list: PROGRAM DIRECTORY MODE GRAPH FLAG...
thaw_one() {
  local program=$1 directory=$2 mode=$3 graph=$4 status=0
  shift 4
  local err
  err=$(timeout "${THAW_LIMIT:-120}" "./$program" thaw "$mode" "$graph" "$directory/$graph.snap" +RTS -V0 "$@" 2>&1) || status=$?
  [ $status != 0 ] || return 0
  # One write, for others append too.
  printf '%s\n' "$graph: ./$program thaw $mode $graph $directory/$graph.snap +RTS $* (exit $status): $(tr '\n' ' ' <<<"${err:0:600}")" \
    >>failures
}
export -f thaw_one

# run_list FUNCTION: with the words of each line of the file `list`, several at once; ends the test where any failed.
run_list() {
  # shellcheck disable=SC2016 # the inner shell's words
  tr '\n' '\0' <list | xargs -0 -P"$(nproc)" -n1 bash -c 'read -ra words <<<"$1"; "$0" "${words[@]}"' "$1" ||
    fail "$1: the list of $(wc -l <list) comparisons did not run"
  [ -s failures ] || return 0
  sort failures | head -n 20
  fail "$1: $(wc -l <failures) of $(wc -l <list) comparisons, in the graphs $(cut -d: -f1 failures | sort -u | tr '\n' ' ')"
}

# thaw_each MODE...: every graph under every one of ${flags[@]}, in the one or the other runtime system in turn (with THAW_ALL in
# both), and with the modes in turn. The graphs in $slow, which take seconds each, meet every third. $change_lines is a sed
# script for the list.
slow=' long_list left_nested boundary_arrays bytes_10mb large_array million_thunks byte_string_large deep_thunks '
thaw_each() {
  local modes=("$@") round i graph flag mode start=$SECONDS
  : >failures
  for round in "${!flags[@]}"; do
    flag=${flags[$round]}
    for i in "${!graphs[@]}"; do
      graph=${graphs[$i]}
      [[ $slow != *" $graph "* || $((round % 3)) = 0 ]] || continue
      # Neighbours in `flags` often differ in the nursery only: each runtime system is to meet both.
      mode=$((i + round / 2))
      [ -z "${THAW_ALL:-}" ] && [ $(((i + round + round / 2) % 2)) = 0 ] || echo "$program vanilla ${modes[mode % ${#modes[@]}]} $graph $flag"
      [ -z "${THAW_ALL:-}" ] && [ $(((i + round + round / 2) % 2)) = 1 ] ||
        echo "${program}_threaded threaded ${modes[(mode + 1) % ${#modes[@]}]} $graph $flag -N2"
    done
  done | sed "${change_lines:-}" >list
  run_list thaw_one
  echo "compared ${#graphs[@]} graphs ($(wc -l <list) comparisons) under ${#flags[@]} collectors in 2 runtime systems in $((SECONDS - start)) s"
}

# One line of thaw_elsewhere's list: SITUATION and what thaw_one takes.
thaw_one_elsewhere() {
  local situation=$1
  shift
  case $situation in
    asked) FASTBOOT_REBASE=1 thaw_one "$@" ;;
    base) thaw_one "$@" -xb0x600000000000 ;;
    limit) (ulimit -v 3000000 && thaw_one "$@") ;;
    limit_base) (ulimit -v 3000000 && thaw_one "$@" -xb0x600000000000) ;;
  esac
}
export -f thaw_one_elsewhere

# thaw_elsewhere MODE...: every graph where its image's address is not to be had or the heap has another range, in both runtime
# systems in turn.
thaw_elsewhere() {
  local modes=("$@") situations=(asked base limit limit_base) i=0 situation graph moved start=$SECONDS
  : >failures
  for situation in "${situations[@]}"; do
    for graph in "${graphs[@]}"; do
      [[ $slow != *" $graph "* || $situation = asked ]] || continue
      i=$((i + 1))
      if [ $((i / 2 % 2)) = 0 ]; then
        echo "$situation $program vanilla ${modes[i % ${#modes[@]}]} $graph"
      else
        echo "$situation ${program}_threaded threaded ${modes[i % ${#modes[@]}]} $graph -N2"
      fi
    done
    i=$((i + 1))
  done >list
  # The situation is what its name says: the range is another one, and what was frozen for the usual one moves.
  for situation in asked base limit limit_base; do
    moved=$(export FASTBOOT_TRACE=1 && thaw_one() { timeout 120 "./$1" thaw "$3" "$4" "$2/$4.snap" +RTS "${@:5}" 2>&1; } &&
      thaw_one_elsewhere $situation "$program" vanilla early "${graphs[0]}")
    case $situation in
      limit) [[ $moved == *thawed* ]] ;; # the range grows by what the image needs
      *) [[ $moved == *'and rebased'* ]] ;;
    esac || fail "$situation: not what it should be: $moved"
  done
  run_list thaw_one_elsewhere
  echo "compared ${#graphs[@]} graphs at other addresses ($(wc -l <list) comparisons) in $((SECONDS - start)) s"
}

# thaw_together: all graphs in one process but those that take long, in several orders and under several collectors.
thaw_together() {
  local number=0 flag way start=$SECONDS
  # A small nursery and several threads on a busy machine: the parallel collector's threads wait for one another for minutes.
  for flag in '-A1m' '-A1m --nonmoving-gc'; do
    for way in "$program vanilla" "${program}_threaded threaded -N2"; do
      number=$((number + 1))
      read -ra words <<<"$way"
      # shellcheck disable=SC2086 # several flags
      timeout 300 "./${words[0]}" thaw-all $number "${words[1]}" $slow +RTS -V0 "${words[@]:2}" $flag >together.out 2>&1 ||
        fail "together: ./${words[0]} thaw-all $number ${words[1]} +RTS ${words[*]:2} $flag: exit $?: $(head -c 1000 together.out)"
    done
  done
  echo "thawed all in one process, in $number orders, in $((SECONDS - start)) s"
}
