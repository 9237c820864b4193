# Sourced by the demos: how a step, a command and a check look. Needs nothing but a terminal.
# shellcheck shell=bash
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' blue=$'\e[1;34m' green=$'\e[32m' red=$'\e[1;31m' plain=$'\e[0m'
    # shellcheck disable=SC2034 # for the scripts that source this
    dim=$'\e[2m'
else
    # shellcheck disable=SC2034
    bold='' blue='' green='' red='' dim='' plain=''
fi

step_number=0
step() { step_number=$((step_number + 1)); printf '\n%s%s. %s%s\n' "$blue" "$step_number" "$*" "$plain"; }
shown() { printf '%s$ %s%s\n' "$bold" "$*" "$plain"; }
indented() { awk '{print "    " $0}'; }
good() { printf '  %s✓%s %s\n' "$green" "$plain" "$*"; }
fail() { printf '\n%sThe demo failed in step %s: %s%s\n' "$red" "$step_number" "$*" "$plain" >&2; exit 1; }

# run COMMAND...: shows it, runs it, shows what it prints; its failure is the demo's.
run() { shown "$*"; "$@" 2>&1 | indented || fail "\"$*\" did not succeed"; }
# expect WHAT ACTUAL EXPECTED
expect() { [ "$2" = "$3" ] || fail "$1 is \"$2\", expected \"$3\""; good "$1: ${3:-none}"; }
