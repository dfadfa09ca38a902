#!/bin/bash
# Lazy closures whose evaluation is disturbed (Forcing.hs): by asynchronous exceptions, time limits, all capabilities at once, and by
# needing itself. Without the parallel collector, whose threads wait for one another for minutes where other programs have the processors.
# FORCING_SEEDS='1 2 3' overrides the seeds; FORCING_DEBUG=1 adds the debug runtime with its sanity checks.
# timeout: 900
set -euo pipefail
# shellcheck source=tests/roundtrip/lib.sh
source "$FASTBOOT_SOURCE/tests/roundtrip/lib.sh"

read -ra seeds <<<"${FORCING_SEEDS:-1 2}"
programs=('forcing -C0' 'forcing_threaded -N2 -C0 -qg' 'forcing_threaded -N4 -qg')
collectors=('-A1m' '-A64k' '-A64k --nonmoving-gc' '-A64k -c' '-G1' '-A64k -G3')
compile forcing Forcing.hs
compile forcing_threaded Forcing.hs -threaded
if [ -n "${FORCING_DEBUG:-}" ]; then
  compile forcing_debug Forcing.hs -debug
  compile forcing_debug_threaded Forcing.hs -debug -threaded
  programs+=('forcing_debug -C0 -DS' 'forcing_debug_threaded -N2 -qg -DS')
fi

runs=0
for way in "${programs[@]}"; do
  read -ra flags <<<"$way"
  program=${flags[0]}
  mkdir -p "images_$program"
  [ -e "images_$program/loop.snap" ] || "./$program" freeze "images_$program" >out 2>&1 || fail "$way: freeze: $(cat out)"
  for seed in "${seeds[@]}"; do
    for case in exceptions timeouts crowd loop; do
      # The debug runtime without threads asserts in doneWithMsgThrowTo() that a message is locked, which only the threaded one does:
      # it cannot throw to a thread that masks exceptions, in any program (GHC's issue 19075).
      [[ $program != forcing_debug || $case = crowd ]] || continue
      # The collectors in turn, each case with another one.
      runs=$((runs + 1))
      read -ra collector <<<"${collectors[runs % ${#collectors[@]}]}"
      # The debug runtime does not know the collector that does not move: see tests/stress/run.
      [[ $program != *debug* || ${collector[*]} != *nonmoving* ]] || collector=(-A64k)
      timeout 60 "./$program" $case "images_$program" "$seed" +RTS "${flags[@]:1}" "${collector[@]}" >out 2>&1 ||
        fail "$way ${collector[*]}: $case, seed $seed: exit $?: $(head -c 1500 out)"
    done
  done
done
echo "disturbed evaluations: $runs runs in ${#programs[@]} ways"
