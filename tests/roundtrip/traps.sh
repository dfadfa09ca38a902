#!/bin/bash
# The traps of docs/TESTING.md, one after the other, by number: Traps.hs freezes in one process and thaws in another.
#   TRAPS='3 5' runs those only.
# timeout: 600
# shellcheck disable=SC2154 # ghc_flags is of lib.sh
set -euo pipefail
source "$FASTBOOT_SOURCE/tests/roundtrip/lib.sh"

wanted() { [ -z "${TRAPS:-}" ] || [[ " $TRAPS " == *" $1 "* ]]; }

# A fault that is known and not repaired yet. The test fails when it is gone, so that the mark goes, too.
known_fault() { # WHAT COMMAND...
  local what=$1
  shift
  ! "$@" >known.out 2>&1 || fail "repaired: $what; drop its mark in traps.sh"
  echo "KNOWN FAULT: $what"
}

# traps CASE DIRECTORY [RTS flag...]: with ./$program
traps() {
  local name=$1 directory=$2 status=0
  shift 2
  mkdir -p "$directory/again"
  timeout 120 "./$program" "$name" "$directory" +RTS "$@" >out 2>err || status=$?
  [ $status = 0 ] || { echo "./$program $name $directory +RTS $* (exit $status): $(head -c 1500 out err)"; return 1; }
}
run() { traps "$@" || fail "$1"; }

# Programs of one source have different build-ids, so each thaws what it froze.
each_way() { # COMMAND...: with the program and flags of each runtime system
  program=traps "$@"
  program=traps_threaded "$@" -N2
}

words_of_program() { readelf -rW "$1" | grep -c R_X86_64_64 || true; }
content_id() { readelf -nW "$1" | sed -n 's/.*Build ID: //p'; }

compile traps Traps.hs
compile traps_threaded Traps.hs -threaded
compile traps_debug Traps.hs -debug
collectors=('-A1m' '-A64k' '-A64k -c' '-A64k --nonmoving-gc' '-G1' '-G3 -A64k')

# 1. Two builds whose symbols and info tables are the same, and whose code is not.
trap_1() {
  cat >Lambda.hs <<'END'
{-# LANGUAGE CPP #-}
module Main (main) where
import Fastboot
import System.Environment (getArgs)
#ifdef MINUS
#define OPERATOR -
#else
#define OPERATOR +
#endif
make :: Int -> Int -> Int
make n = \x -> x OPERATOR n * 2
{-# NOINLINE make #-}
main :: IO ()
main = getArgs >>= \a -> case a of
  ["freeze"] -> freeze "lambda.snap" (make (length a + 2)) >>= either print (const (putStrLn "frozen"))
  _ -> thaw "lambda.snap" >>= either (\e -> print (thawErrorCode e)) (\f -> print (f (10 :: Int) :: Int))
END
  ghc -v0 -O1 "${ghc_flags[@]}" -outputdir objects_plus Lambda.hs -o plus || fail "Lambda.hs does not compile"
  ghc -v0 -O1 "${ghc_flags[@]}" -outputdir objects_minus -DMINUS Lambda.hs -o minus || fail "Lambda.hs does not compile"
  cmp <(nm plus | cut -c18- | sort) <(nm minus | cut -c18- | sort) || fail "1: the builds' symbols differ: the test tests nothing"
  [ "$(./plus freeze)" = frozen ] || fail "1: cannot freeze"
  [ "$(./plus thaw)" = 16 ] || fail "1: the same build gives $(./plus thaw)"
  [ "$(./minus thaw)" = 205 ] || fail "1: the other build gives $(./minus thaw); expected error 205"
  echo "1: a snapshot of another build with the same symbols is refused"
}

# 2. Numbers that look like addresses of the program.
trap_2() {
  each_way run numbers-freeze 2
  program=traps
  run numbers-freeze 2
  [ "$(words_of_program 2/numbers.snap)" = 0 ] || fail "2: numbers were taken for addresses: $(readelf -rW 2/numbers.snap)"
  [ "$(words_of_program 2/adder.snap)" = 1 ] || fail "2: a closure's number in program range is not recorded: $(readelf -rW 2/adder.snap)"
  for flag in "${collectors[@]}"; do
    # shellcheck disable=SC2086 # several flags
    run numbers-thaw 2 $flag
  done
  echo "2: numbers stay numbers, and a function's are recorded"
}

# 3. Half-read string literals, and the names in type representations.
trap_3() {
  program=traps
  run literals-freeze 3
  local file
  for file in literals type_reps; do
    [ "$(words_of_program 3/$file.snap)" = 0 ] || fail "3: $file.snap refers to the program's data: $(readelf -rW 3/$file.snap)"
  done
  grep -qa 'ver lazy dogs' 3/literals.snap || fail "3: the rest of a literal is not in the image"
  grep -qa 'Quokka' 3/type_reps.snap || fail "3: a type's name is not in the image"
  run literals-thaw 3
  run literals-thaw 3 -A64k --nonmoving-gc
  echo "3: half-read literals and type names are copied"
}

# 4. Functions that are their own SRT: their tables are alive through 20 major collections.
trap_4() {
  local flag
  for program in traps traps_threaded traps_debug; do
    run srt-freeze 4
    for flag in "${collectors[@]}"; do
      # shellcheck disable=SC2086 # several flags
      run srt-thaw 4 $flag
    done
  done
  echo "4: tables that only frozen functions reach live through major collections"
}

# 5. Legitimate writes.
trap_5() {
  program=traps
  run attoparsec 5
  grep -q 'Data.Attoparsec.Text.Buffer.Buf' out && grep -q 'Data.Attoparsec.ByteString.Buffer.Buf' out || fail "5: Buf is not named: $(cat out)"
  run bytes-freeze 5
  run bytes-thaw 5
  local flag name status
  for program in traps traps_threaded traps_debug; do
    run arrays-freeze 5
    for flag in "${collectors[@]}"; do
      [ $program != traps_debug ] || flag="$flag -DS"
      # shellcheck disable=SC2086 # several flags
      run arrays-empty 5 $flag
    done
    traps arrays-empty-several 5
  done
  program=traps
  run arrays-freeze 5
  for name in array small vector; do
    status=0
    # In a shell of its own, which says "Segmentation fault" into the same file.
    (./traps "arrays-$name" 5) >out 2>err || status=$?
    [ $status = 139 ] || fail "5: arrays-$name: exit status $status, expected 139 (SIGSEGV): $(cat err)"
    grep -q '^fastboot: fault at 0x[0-9a-f]*, in the image "arrays", in a closure of stg_.*ARR_PTRS_FROZEN_CLEAN_info: ' err ||
      fail "5: arrays-$name: no image and closure in: $(cat err)"
  done
  echo "5: attoparsec's buffers and IORefs are refused, empty arrays may be thawed in place, writing to others is reported"
}

# 6. Identities. Data.Unique is a newtype of Integer in base 4.15: nothing in the heap says what it is.
trap_6() {
  program=traps
  if [ "$(echo ':info Data.Unique.Unique' | ghc -v0 --interactive 2>/dev/null | grep -c '^newtype')" = 1 ]; then
    known_fault "Data.Unique is a newtype with this GHC and cannot be recognised" traps unique 6
  else
    run unique 6
    echo "6: Data.Unique is refused"
  fi
}

# 7. Alignment.
trap_7() {
  for program in traps traps_threaded; do
    rm -rf 7
    run aligned-freeze 7
    run aligned-thaw 7
    run aligned-thaw 7 -A64k --nonmoving-gc
    # What the thawing process froze.
    mv 7/again/aligned.snap 7/aligned_again.snap
    [ "$(content_id 7/aligned.snap)" = "$(content_id 7/aligned_again.snap)" ] || fail "7: frozen again: another content id"
    mv 7/aligned_again.snap 7/aligned.snap
    run aligned-thaw 7
    FASTBOOT_REBASE=1 run aligned-thaw 7
  done
  echo "7: pinned arrays keep their alignment to 16, 32 and 64, frozen again and rebased, too"
}

# 8. The same graph, whatever the collector did before.
same_files() {
  local when flag first=8/first
  rm -rf 8
  for when in at-once minor major; do
    for flag in "${collectors[@]}"; do
      # shellcheck disable=SC2086 # several flags
      traps canonical-$when 8 $flag || return 1
      [ -e $first ] || mv 8/canonical.snap $first
      [ ! -e 8/canonical.snap ] || cmp $first 8/canonical.snap || {
        echo "8: $program $flag, frozen $when: another file than at once with ${collectors[0]}"
        return 1
      }
    done
  done
  echo "8: $program: $((3 * ${#collectors[@]})) freezes under ${#collectors[@]} collectors gave identical files"
}

trap_8() {
  for program in traps traps_threaded; do
    same_files
    run canonical-full 8
    run canonical-again 8
    [ "$(content_id 8/canonical.snap)" = "$(content_id 8/again/canonical.snap)" ] ||
      fail "8: freeze, thaw, freeze: $(content_id 8/canonical.snap) became $(content_id 8/again/canonical.snap)"
  done
  echo "8: fully evaluated, frozen, thawed and frozen again: the same content id"
}

trap_9() {
  program=traps
  run nullary-freeze 9
  traps nullary-thaw 9
}

# 10. A partial application of a constructor with 67 fields, with numbers among them.
trap_10() {
  local flag
  for program in traps traps_threaded traps_debug; do
    run wide-freeze 10
    for flag in "${collectors[@]}"; do
      [ $program != traps_debug ] || flag="$flag -DS"
      # shellcheck disable=SC2086 # several flags
      run wide-thaw 10 $flag
    done
  done
  echo "10: partial applications with large bitmaps"
}

# 11. Under evaluation by this thread, by another, for ever.
trap_11() {
  local name
  for name in under-evaluation busy never-ends; do
    each_way run $name 11
    cat out
  done
  echo "11: data under evaluation is refused, or waited for"
}

trap_12() {
  local flag
  for program in traps traps_threaded; do
    run caf-freeze 12
    for flag in "${collectors[@]}"; do
      # shellcheck disable=SC2086 # several flags
      run caf-thaw 12 $flag
      grep -q "^written by this process's handle$" out || fail "12: the thawed handle wrote: $(cat out)"
    done
  done
  echo "12: CAFs that hold references and handles are the thawing process's, others are copied"
}

trap_13() {
  local flag
  for program in traps traps_threaded traps_debug; do
    run single-freeze 13
    for flag in "${collectors[@]}"; do
      [ $program != traps_debug ] || flag="$flag -DS"
      # shellcheck disable=SC2086 # several flags
      run single-thaw 13 $flag
    done
  done
  echo "13: single-entry thunks keep their payload"
}

trap_14() {
  for program in traps traps_threaded; do
    run compact 14
    run compact 14 -A64k --nonmoving-gc
    cat out
  done
  tr -s '\n -' ' ' <"$FASTBOOT_SOURCE/runtime/haskell/Fastboot.hs" |
    grep -q "In a function, the first call's argument would decide" || fail "14: Fastboot.hs does not say what frozen does in a function"
  echo "14: thawed data is compacted or refused by the compactor"
}

for number in {1..14}; do
  ! wanted "$number" || trap_"$number"
done
