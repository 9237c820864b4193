# Sourced by the demos, with their arguments: the rest of them runs in namespaces of its own (network, mounts, processes), with a directory $work, and shows
# step after step; each step is checked, and the first that is not as it should be is the end.
# shellcheck shell=bash
if [ "${1:-}" != inside ]; then
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "needs root (to create network namespaces), and there is no sudo"
        exec sudo --preserve-env=PATCHBAY_CNI_BIN,PATCHBAY_BIN,NO_COLOR "$root/hack/${0##*/}"
    fi
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # Not exec, and no handler of its own for Ctrl-C: the inside gets it too, and ends first.
    trap : INT TERM
    status=0
    unshare --net --mount --pid --fork --kill-child --mount-proc -- "$root/hack/${0##*/}" inside "$work" || status=$?
    exit "$status"
fi

work=$2
# Ctrl-C reaches whatever runs just now as well.
trap 'printf "\ninterrupted\n" >&2; exit 130' INT TERM

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' blue=$'\e[1;34m' green=$'\e[32m' red=$'\e[1;31m' dim=$'\e[2m' plain=$'\e[0m'
else
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

# timed FILE COMMAND...: its time in microseconds, the program alone.
timed() {
    local file=$1 start status=0
    shift
    start=${EPOCHREALTIME/./}
    "$@" || status=$?
    echo $((${EPOCHREALTIME/./} - start)) >"$file"
    return "$status"
}
