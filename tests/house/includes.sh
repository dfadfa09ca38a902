#!/bin/bash
# The dependency rule, by reading #include lines:
#   wire <- lib/format <- lib/reloc <- tools; the runtime includes wire and nothing else of lib/;
#   tools never include each other (tools/common is for all); only lib/reloc includes LLVM; CLI11 only in tools/;
#   runtime/ and lib/format/wire use no C++ library but headers that are only types and templates.
# tests/house/includes.sh [TREE]: checks TREE (default: FASTBOOT_SOURCE), after proving that each rule can fail.
set -euo pipefail
tree=${1:-${FASTBOOT_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}}

# check TREE: one line for each offence; status 1 if there is one.
check() {
  local files
  files=$(cd "$1" && { find lib runtime tools -type f \( -name '*.cc' -o -name '*.h' -o -name '*.S' \) 2>/dev/null || true; } | LC_ALL=C sort)
  [ -n "$files" ] || { echo "$1: no sources found"; return 1; }
  (cd "$1" && tr '\n' '\0' <<<"$files" | xargs -0 awk '
    BEGIN {
      # Freestanding by the standard, and the C library under its C++ names.
      n = split("atomic bit compare concepts initializer_list limits new numbers type_traits utility version " \
        "cassert cctype cerrno cinttypes climits csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime", word, " ")
      for (i = 1; i <= n; i++) allowed[word[i]] = 1
    }
    function layer(path) {
      if (path ~ /^lib\/format\/wire\//) return "wire"
      if (path ~ /^lib\/format\//) return "format"
      if (path ~ /^lib\/reloc\//) return "reloc"
      if (path ~ /^runtime\//) return "runtime"
      if (path ~ /^tools\/common\//) return "tools/common"
      if (match(path, /^tools\/[^\/]+\//)) return substr(path, 1, RLENGTH - 1)
      return "nothing"
    }
    # The layer that an include names; "" for what is not ours.
    function included(name) {
      if (name ~ /\.\./) return "a parent directory"
      if (name ~ /^(format|reloc)\//) return layer("lib/" name)
      if (name == "fastboot.h") return "ABI"
      if (name ~ /^(core|ghc-[0-9.]+|include|runtime)\//) return "runtime"
      if (name ~ /^common\//) return "tools/common"
      if (name ~ /^fastboot-/) return layer("tools/" name)
      if (name ~ /^(lib|tools)\//) return layer(name)
      return ""
    }
    function may(from, to) {
      if (to == "" || to == from) return 1
      if (from == "runtime") return to == "wire" || to == "ABI"
      if (from == "format") return to == "wire"
      if (from == "reloc") return to == "wire" || to == "format"
      if (from ~ /^tools/) return to == "wire" || to == "format" || to == "reloc" || to == "tools/common"
      return 0
    }
    function offence(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; bad = 1 }
    /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
      name = $0
      sub(/^[^<"]*[<"]/, "", name); sub(/[>"].*$/, "", name)
      from = layer(FILENAME); to = included(name)
      if (!may(from, to)) offence(from " includes " name ", which belongs to " to)
      if (name ~ /^llvm(-c)?\// && from != "reloc") offence(from " includes " name "; only lib/reloc may include LLVM")
      if (name ~ /^CLI\// && from !~ /^tools/) offence(from " includes " name "; only tools may include CLI11")
      if ((from == "runtime" || from == "wire") && name !~ /\// && name !~ /\.h$/ && !(name in allowed))
        offence(from " includes <" name ">; programs must not need the C++ library")
      if ((from == "runtime" || from == "wire") && name ~ /^(fmt|tl|CLI|llvm|doctest)\//)
        offence(from " includes " name "; the runtime needs libc and the RTS only")
    }
    END { exit bad }')
}

# Every line is a file and an include that must be refused, or (ok) accepted.
self_test() {
  local directory verdict file line got
  directory=$(mktemp -d)
  while read -r verdict file line; do
    rm -rf "$directory/tree"
    mkdir -p "$directory/tree"/{lib,runtime,tools} "$directory/tree/$(dirname "$file")"
    echo "#include $line" >"$directory/tree/$file"
    if check "$directory/tree" >/dev/null; then got=ok; else got=bad; fi
    if [ $got != "$verdict" ]; then
      echo "self-test: #include $line in $file: $got, expected $verdict"
      exit 1
    fi
  done <<'END'
bad lib/format/wire/a.cc "format/reader.h"
bad lib/format/wire/a.cc <vector>
bad lib/format/a.cc "reloc/symbols.h"
bad lib/format/a.cc <llvm/Object/ELF.h>
bad lib/format/a.cc <CLI/CLI.hpp>
bad lib/format/a.cc "common/run.h"
bad lib/format/a.cc "../reloc/symbols.h"
bad lib/reloc/a.cc "fastboot-inspect/options.h"
bad lib/reloc/a.cc "fastboot.h"
bad runtime/core/a.cc "format/reader.h"
bad runtime/core/a.cc <string>
bad runtime/ghc-9.0/a.cc <fmt/core.h>
bad runtime/ghc-9.0/a.cc "reloc/plan.h"
bad tools/fastboot-inspect/a.cc "fastboot-freeze/options.h"
bad tools/common/a.cc "fastboot-freeze/options.h"
bad tools/common/a.cc <llvm/Object/ELF.h>
bad tools/fastboot-inspect/a.cc "core/mapping.h"
ok lib/format/wire/a.cc <cstdint>
ok lib/format/a.cc "format/wire/structs.h"
ok lib/reloc/a.cc <llvm/Object/ELF.h>
ok lib/reloc/a.cc "format/reader.h"
ok runtime/ghc-9.0/a.cc "core/mapping.h"
ok runtime/ghc-9.0/a.cc "Rts.h"
ok runtime/core/a.cc "format/wire/structs.h"
ok runtime/core/a.cc <sys/mman.h>
ok tools/fastboot-inspect/a.cc <CLI/CLI.hpp>
ok tools/fastboot-inspect/a.cc "reloc/symbols.h"
END
  rm -rf "$directory"
}

self_test
check "$tree"
