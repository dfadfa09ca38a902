# shellcheck shell=bash disable=SC2034,SC2154
# A library of the tests beside it: for each tool that writes something, $tool, $command, and in $product what it writes
# below `work`; the files `old` and `new`: what is there before, and what the command makes.
compile fault -outputdir objects
compile fault_other -outputdir objects_other -DOTHER_BUILD
export FASTBOOT_CACHE=$PWD/cache
./fault freeze input.snap 50 >out || fail "$(cat out)"
./fault freeze old.snap 20 >out || fail "$(cat out)"
bin=$FASTBOOT_BUILD
tools=(freeze embed inspect migrate add ld)

tool_freeze() {
  tool=fastboot-freeze product=made.snap
  command=("$bin/fastboot-freeze" --json -o work/made.snap ./fault -- freeze made.snap 50)
}
tool_embed() {
  tool=fastboot-freeze product=program
  command=("$bin/fastboot-freeze" --json --embed work/program ./fault -- freeze made.snap 50)
}
tool_inspect() {
  tool=fastboot-inspect product=
  command=("$bin/fastboot-inspect" --json input.snap)
}
tool_migrate() {
  tool=fastboot-migrate product=made.snap
  command=("$bin/fastboot-migrate" --json --allow-changed nothing -o work/made.snap input.snap ./fault_other)
}
tool_add() {
  tool=fastboot-migrate
  command=("$bin/fastboot-migrate" --json --add work/input.snap ./fault_other)
  local content build
  content=$(readelf -n input.snap | awk '/Build ID/ && !seen++ { print $3 }')
  build=$(readelf -n fault_other | awk '/Build ID/ && !seen++ { print $3 }')
  product=$content/$build.bind
}

tool_ld() {
  tool=fastboot-ld product=made.snap
  command=("$bin/fastboot-ld" --json --icf -o work/made.snap input.snap old.snap)
}

# The directory that is written to, as it is before.
prepare() {
  rm -rf work
  mkdir work
  cp input.snap work/input.snap
  [ -z "$product" ] || {
    mkdir -p "work/$(dirname "$product")"
    cp old "work/$product"
  }
}

remember() {
  cp old.snap old
  prepare
  "${command[@]}" >out 2>err || fail "$tool: exit $?: $(cat out err)"
  [ -z "$product" ] || cp "work/$product" new
  prepare
  "${command[@]}" >out 2>err || fail "$tool: exit $?: $(cat out err)"
  [ -z "$product" ] || cmp "work/$product" new || fail "$tool: not the same file the second time"
}

others() { find work -type f ! -name input.snap ! -path "work/$product" -o -mindepth 1 -type d ! -path "work/$(dirname "$product")"; }
no_others() { [ -z "$(others)" ] || problem "$situation: leaves $(others)"; }
