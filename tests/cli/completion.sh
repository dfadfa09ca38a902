#!/bin/bash
# Completion scripts: installed for each tool and shell, accepted by the shell, and they offer what the tool takes.
set -uo pipefail
failed=0
fail() {
  echo "FAIL: $*" >&2
  failed=1
}
share=$FASTBOOT_STAGE/share
for shell in bash zsh fish; do command -v $shell >/dev/null || fail "$shell is not installed (scripts/install-deps)"; done

for tool in "$FASTBOOT_STAGE"/bin/fastboot-*; do
  tool=${tool##*/}
  bash -n "$share/bash-completion/completions/$tool" || fail "bash: $tool"
  zsh -n "$share/zsh/site-functions/_$tool" || fail "zsh: $tool"
  fish -n "$share/fish/vendor_completions.d/$tool.fish" || fail "fish: $tool"
  [ "$tool" = fastboot-config ] && continue
  # Each option's names are in each script.
  while IFS=$'\t' read -r names _; do
    for name in ${names//,/ }; do
      grep -qE -- "[' ]${name}[' ]" "$share/bash-completion/completions/$tool" || fail "bash: $tool $name"
      grep -qE -- "[ )*]$name(\[|=|\+)" "$share/zsh/site-functions/_$tool" || fail "zsh: $tool $name"
      case $name in
        --*) grep -qE -- " -l ${name#--} " "$share/fish/vendor_completions.d/$tool.fish" || fail "fish: $tool $name" ;;
        *) grep -qE -- " -s ${name#-} " "$share/fish/vendor_completions.d/$tool.fish" || fail "fish: $tool $name" ;;
      esac
    done
  done < <("$FASTBOOT_BUILD/$tool" --completion options)
done

# bash_offers WORD...: what bash offers for the last of these words, one in a line.
bash_offers() {
  bash -c '
    . "$1/bash-completion/completions/$2"
    shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    compopt() { :; } # there is no completion under way
    "_$1"
    printf "%s\n" "${COMPREPLY[@]}"' bash "$share" "$@"
}
fish_offers() {
  fish -c 'source $argv[1]; complete -C $argv[2]' "$share/fish/vendor_completions.d/fastboot-inspect.fish" "$1" | cut -f 1
}
: >here.snap
expect() { # WHAT EXPECTED GOT
  [ "$2" = "$3" ] || fail "$1: offers '$3', expected '$2'"
}
expect 'bash, an option' '--symbols --syms' "$(bash_offers fastboot-inspect --sy | sort | paste -sd ' ')"
expect 'bash, a file' here.snap "$(bash_offers fastboot-inspect her)"
expect 'bash, a value' 'data' "$(bash_offers fastboot-inspect --check = da)"
expect 'bash, a value left out' here.snap "$(bash_offers fastboot-inspect --check her)"
expect 'bash, a choice' whnf "$(bash_offers fastboot-freeze --force wh)"
expect 'bash, a path' here.snap "$(bash_offers fastboot-freeze -o her)"
expect 'bash, no path' '' "$(bash_offers fastboot-freeze --image her)"
expect 'fish, an option' '--symbols --syms' "$(fish_offers 'fastboot-inspect --sy' | sort | paste -sd ' ')"
expect 'fish, a value' '--check=data' "$(fish_offers 'fastboot-inspect --check=da')"
expect 'fish, a file' here.snap "$(fish_offers 'fastboot-inspect her')"

# zsh completes in a terminal only; its own zpty plays one. SPEC words are what _arguments is given.
zsh -c '
  specs=()
  _arguments() { specs=("$@") }
  . "$1"
  for spec in $specs; do print -r -- $spec; done' zsh "$share/zsh/site-functions/_fastboot-inspect" >specs.txt
grep -q -- '--check=-\[.*\]::metadata|data.*:(metadata data' specs.txt || fail "zsh, a value: $(grep -- --check specs.txt)"
grep -q -- '^\*:file:_files$' specs.txt || fail 'zsh, a file'

"$FASTBOOT_BUILD/fastboot-inspect" --completion tcsh >out.txt 2>err.txt
[ $? -eq 2 ] && [ ! -s out.txt ] && grep -q "takes bash, zsh, fish" err.txt || fail 'an unknown shell'
exit $failed
