#!/usr/bin/env bash
# Runs every scenario many times and counts: `assignment` 100 times, every other one 20 times, half of the runs on a quiet
# machine and half beside ten times the work it has cores for. Prints a table, keeps what a failing run said, and exits
# with 1 if any run did not pass.
#
#   tests/scenarios/hundred_runs.sh [OPTIONS]
#
#     --epoca FILE      the program (default: target/release/epoca; `cargo build --release --locked` makes it)
#     --half quiet|busy only this half (default: quiet, then busy)
#     --only NAMES      these scenarios, with commas (default: all that `epoca scenario list` names)
#     --sheet-runs N    runs of `assignment` in both halves together (default: 100)
#     --runs N          runs of each other scenario in both halves together (default: 20)
#     --load N          busy loops for each core in the busy half (default: 10)
#     --chaos-seconds N how long `chaos` makes faults (default: what its text says)
#     --keep DIR        where the output and the JSON of failing runs is kept (default: a new folder below ${TMPDIR:-/tmp})
#     --lang LANG       the language of the runs (default: en)
#
# Each run has a folder for temporary files of its own and ports that the system chooses, so several of these scripts may
# run at once. The busy loops are children of this script and end with it. The processes and the folder of a run that does
# not end are ended after RUN_SECONDS (default 900).
set -u

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
epoca=$top/target/release/epoca
halves="quiet busy"
only=
sheet_runs=100
runs=20
load=10
chaos=()
keep=
lang=en
limit=${RUN_SECONDS:-900}

usage() { sed -n '2,/^set -u/p' "${BASH_SOURCE[0]}" | sed -n 's/^# \{0,1\}//p'; }
wrong() { echo "hundred_runs: $1; --help shows how it is used" >&2; exit 2; }

while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --epoca | --half | --only | --sheet-runs | --runs | --load | --chaos-seconds | --keep | --lang)
            [ $# -ge 2 ] || wrong "$1 needs a value" ;;
        *) wrong "there is no option $1" ;;
    esac
    case $1 in
        --epoca) epoca=$2 ;;
        --half) case $2 in quiet | busy) halves=$2 ;; *) wrong "--half is quiet or busy" ;; esac ;;
        --only) only=${2//,/ } ;;
        --sheet-runs) sheet_runs=$2 ;;
        --runs) runs=$2 ;;
        --load) load=$2 ;;
        --chaos-seconds) chaos=(--chaos-seconds "$2") ;;
        --keep) keep=$2 ;;
        --lang) lang=$2 ;;
    esac
    shift 2
done
for number in "$sheet_runs" "$runs" "$load"; do
    case $number in '' | *[!0-9]*) wrong "$number is no number" ;; esac
done
[ -x "$epoca" ] || wrong "there is no program at $epoca (cargo build --release --locked)"
epoca=$(realpath "$epoca")

work=$(mktemp -d "${TMPDIR:-/tmp}/epoca-runs.XXXXXX") || exit 2
keep=${keep:-$work/failed}
mkdir -p "$keep" || exit 2
keep=$(realpath "$keep")
loops=()
child=

end_load() {
    [ ${#loops[@]} -eq 0 ] || kill "${loops[@]}" 2>/dev/null
    for loop in ${loops[@]+"${loops[@]}"}; do wait "$loop" 2>/dev/null; done
    loops=()
}
tidy_up() {
    # `timeout` hands the signal on, and the run ends its nodes and its folder.
    [ -z "$child" ] || { kill -TERM "$child" 2>/dev/null && wait "$child" 2>/dev/null; }
    end_load
    rm -rf "$work/tmp"
    rmdir "$work/failed" "$work" 2>/dev/null
}
trap tidy_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

begin_load() {
    local count=$(($(nproc) * load)) loop
    for ((loop = 0; loop < count; loop++)); do
        # A loop ends by itself when this script is gone, however it ended.
        bash -c 'while [ "$PPID" = "'$$'" ] && kill -0 "'$$'" 2>/dev/null; do for ((i = 0; i < 200000; i++)); do :; done; done' &
        loops+=($!)
    done
}

# The half of so many runs; an odd one more belongs to the quiet half.
share() { if [ "$2" = quiet ]; then echo $((($1 + 1) / 2)); else echo $(($1 / 2)); fi; }

names=${only:-$("$epoca" scenario list --output json | tr '{' '\n' | sed -n 's/.*"name": *"\([^"]*\)".*/\1/p')}
[ -n "$names" ] || names=$("$epoca" scenario list | awk '{ print ($1 ~ /^[0-9]$/) ? $2 : $1 }')

failures=0
echo "| scenario | machine | runs | passed | done again | shortest | longest |"
echo "| --- | --- | --- | --- | --- | --- | --- |"
for half in $halves; do
    [ "$half" = busy ] && begin_load
    for name in $names; do
        if [ "$name" = assignment ]; then count=$(share "$sheet_runs" "$half"); else count=$(share "$runs" "$half"); fi
        passed=0 again=0 shortest= longest=0
        for ((run = 1; run <= count; run++)); do
            folder=$work/tmp/$half-$name-$run
            mkdir -p "$folder" || exit 2
            begun=$(date +%s%N)
            env -u EPOCA_CONNECT TMPDIR="$folder" timeout -k 20 "$limit" \
                "$epoca" scenario run "$name" --lang "$lang" ${chaos[@]+"${chaos[@]}"} --report "$folder/report.md" \
                >"$folder/stdout" 2>"$folder/stderr" </dev/null &
            # In the background, so that a signal to this script is handled at once.
            child=$!
            wait "$child"
            code=$?
            child=
            tenths=$((($(date +%s%N) - begun) / 100000000))
            if [ "$code" -eq 0 ]; then
                passed=$((passed + 1))
                again=$((again + $(grep -c '^  ↻' "$folder/stderr")))
                [ -z "$shortest" ] || [ "$tenths" -lt "$shortest" ] && shortest=$tenths
                [ "$tenths" -gt "$longest" ] && longest=$tenths
            else
                failures=$((failures + 1))
                kept=$keep/$half-$name-$run
                mkdir -p "$kept"
                cp "$folder/stdout" "$folder/stderr" "$kept/"
                [ -f "$folder/report.md" ] && cp "$folder/report.md" "$kept/"
                echo "$half $name, run $run: exit $code, kept in $kept" >&2
                grep -E '^  (✗|\?|FAIL|UNKNOWN)' "$folder/stderr" | head -5 >&2
            fi
            rm -rf "$folder"
        done
        seconds() { echo "$(($1 / 10)).$(($1 % 10)) s"; }
        machine="quiet"
        [ "$half" = busy ] && machine="busy, ${#loops[@]} loops on $(nproc) cores"
        echo "| $name | $machine | $count | $passed | $again | $(seconds "${shortest:-0}") | $(seconds "$longest") |"
    done
    end_load
done
if [ "$failures" -gt 0 ]; then
    echo "$failures runs did not pass; what they said is in $keep" >&2
    exit 1
fi
