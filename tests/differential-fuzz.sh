#!/usr/bin/env bash
# Reads inputs of a fuzz corpus with this crate and with Go 1.27's reader, and reports the
# inputs that only one of them accepts.
#
# usage: tests/differential-fuzz.sh [-n COUNT] [CORPUS…]
#
#   -n COUNT   the number of inputs, evenly distributed over the corpus (default: 500)
#   CORPUS     a folder with inputs, or a file (default: fuzz/corpus/reader)
#
# GOTRACE_GOROOT is a Go 1.27 installation. If it is not set, .ci/go-toolchain downloads
# one. The programs are benches/peer for Go and `gotrace dump`.
#
# An input is accepted if it can be read to its end. If both accept it, the text of its
# events must be equal, except for the ties in ties.awk. Disagreements are grouped by the
# error message of the side that refuses the input, with their number and the name of one
# input. The disagreements in the table below are intended and not failures. For others,
# the input is printed too, unless it is large.
#
# Exit 0 only intended disagreements, 1 others, or a crash, hang or failure of gotrace.
set -euo pipefail
shopt -s inherit_errexit

# The intended disagreements: the side that refuses the input, the age of the trace (old:
# before Go 1.22), a part of the error message, and the reason. Each has occurred with some
# input. They are also in ARCHITECTURE.md under "Where we differ from Go's reader".
readonly intended='
ours|new|the trace is empty|Go accepts a header as a trace
ours|new|the batch ends inside an integer|Go accepts a table that ends inside an integer as the end of the trace
ours|new|the batch is a copy of the previous batch|Go accepts some repeated batches
ours|new|follows generation|Go accepts missing generations if the statuses agree
ours|new|invalid clock frequency|Go accepts impossible clock frequencies
ours|any|a timestamp overflows|Go lets times overflow
ours|new|invalid status 0 for goroutine|Go accepts status 0, which no runtime writes
ours|new|while it is still on thread|Go accepts a goroutine or P on two threads
ours|new|after the version of the trace|Go accepts events newer than the version of the trace
ours|old|repeated clock frequency|Go uses the last of two clock frequencies
ours|old|the stack ID|Go uses the last of two stacks with the same ID
ours|old|a stack has the ID 0|Go accepts stack 0
ours|old|unknown stack ID|Go accepts an old trace that is cut between its stacks
ours|old|unknown string ID|Go treats an unknown string of an old trace as empty
ours|old|the trace is followed by other data|Go reads events after the clock frequency of an old trace, where no runtime writes any
Go|any|misuse of region|a mistake of the traced program, a warning here
Go|any|task ID conflict|a mistake of the traced program, a warning here
'

# An input that takes longer than this many seconds is a hang.
readonly timeout=10
# The memory limit in KiB.
readonly max_memory=1048576
# The maximum size of an input that is printed, in bytes after compression.
readonly max_printed=8192
# The exit status of gotrace for input that cannot be read.
readonly refused=2

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly repo

usage() {
  sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

fail() {
  echo "differential-fuzz.sh: $*" >&2
  exit 1
}

# Prints the selected inputs.
choose() {
  find "$@" -type f | LC_ALL=C sort >"$scratch/all"
  awk -v all="$(wc -l <"$scratch/all")" -v count="$count" \
    'int(NR * count / all) > int((NR - 1) * count / all) || count >= all' "$scratch/all"
}

# Prints ok, or Go's error message. A process that crashes prints nothing.
read_with_go() {
  local answer
  answer=$(timeout "$timeout" "$go_peer" check "$1" 2>/dev/null | tr -d '\0') || true
  # The output is the name, a count and the answer, separated by tabs. The answer may contain tabs.
  answer=${answer#*$'\t'*$'\t'}
  echo "${answer:-no answer: it hangs or crashes}"
}

# Prints ok, or the error message of gotrace, and writes the text of the events to $scratch/ours.
read_with_gotrace() {
  local status=0
  (ulimit -v "$max_memory" && exec timeout "$timeout" "${dump[@]}" "$1") >"$scratch/ours" 2>"$scratch/ours.err" || status=$?
  case $status in
    0) echo ok ;;
    "$refused") sed -n '1s/^[a-z ]*dump: [^:]*: //p' "$scratch/ours.err" ;;
    *) echo "broken: status $status: $(paste -sd' ' "$scratch/ours.err")" ;;
  esac
}

# Succeeds if the text of the events equals that of Go's tool.
same_text() {
  "$trace_tool" -d=parsed "$1" >"$scratch/go" 2>/dev/null || true
  cmp -s "$scratch/go" "$scratch/ours" || {
    is_old "$1" && [[ $(untied <"$scratch/go") == "$(untied <"$scratch/ours")" ]]
  }
}

# Prints the text so that the order of events with the same time does not matter.
untied() {
  awk -f "$repo/tests/ties.awk" | sort
}

# Succeeds if the input is a v1 trace (before Go 1.22).
is_old() {
  head -c 13 "$1" | grep -qaE '^go 1\.(11|19|21) trace'
}

# Prints why the disagreement is intended, or fails if it is not.
intended_reason() {
  local age=new side ages pattern why
  if is_old "$3"; then age=old; fi
  while IFS='|' read -r side ages pattern why; do
    if [[ $side == "$1" && ($ages == any || $ages == "$age") && $2 == *"$pattern"* ]]; then
      echo "$why"
      return
    fi
  done <<<"$intended"
  return 1
}

# Records a disagreement: the side that refuses, its error message, and the input.
disagree() {
  local why
  if why=$(intended_reason "$1" "$2" "$3"); then
    echo "intended, $why"
  else
    # Without numbers, messages of the same kind are one group.
    echo "$1: $(LC_ALL=C sed -E 's/0x[0-9a-f]+|[0-9]+/N/g; s/ at byte .*//; s/[^ -~]/?/g' <<<"$2" | cut -c1-120)"
  fi | sed "s|[[:blank:]]*$|\t$3|" >>"$scratch/disagreements"
}

# Prints an input, so that it is not lost if the machine is temporary.
print_input() {
  gzip -9n -c "$1" >"$scratch/packed"
  if (($(stat -c %s "$scratch/packed") <= max_printed)); then
    echo "    base64 -d <<< $(base64 -w 0 "$scratch/packed") | gunzip"
  fi
}

count=500
while (($# > 0)); do
  case $1 in
    -h | --help)
      usage
      exit
      ;;
    -n)
      (($# >= 2)) || fail "-n needs a number"
      count=$2
      shift
      ;;
    -*) fail "unknown option $1; see --help" ;;
    *) break ;;
  esac
  shift
done
[[ $count =~ ^[1-9][0-9]*$ ]] || fail "-n needs a number, not '$count'"
corpora=("$@")
((${#corpora[@]} > 0)) || corpora=("$repo/fuzz/corpus/reader")
[[ -e ${corpora[0]} ]] || fail "there is no ${corpora[0]}; fuzz/seed.sh creates the corpora"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if [[ -z ${GOTRACE_GOROOT:-} ]]; then
  GOTRACE_GOROOT=$("$repo/.ci/go-toolchain" 1.27.3)
  export GOTRACE_GOROOT
fi
go_peer=$("$repo/benches/build-peer.sh" "$scratch/gotrace-peer")
trace_tool=$("$repo/.ci/go-toolchain" --trace-tool)
cargo build --quiet --locked --release -p gotrace-cli --manifest-path "$repo/Cargo.toml"
dump=("${CARGO_TARGET_DIR:-$repo/target}/release/gotrace" dump)

touch "$scratch/disagreements"
declare -A tally=(["both accept"]=0 ["both refuse"]=0)
while read -r input; do
  ours=$(read_with_gotrace "$input")
  go=$(read_with_go "$input")
  case $go/$ours in
    */broken:*) disagree broken "$ours" "$input" ;;
    ok/ok)
      tally["both accept"]=$((tally["both accept"] + 1))
      same_text "$input" || disagree both "their events differ" "$input"
      ;;
    ok/*) disagree ours "$ours" "$input" ;;
    */ok) disagree Go "$go" "$input" ;;
    *) tally["both refuse"]=$((tally["both refuse"] + 1)) ;;
  esac
done < <(choose "${corpora[@]}")

echo "both accept ${tally["both accept"]}, both refuse ${tally["both refuse"]}, disagreements $(wc -l <"$scratch/disagreements")"
cut -f1 "$scratch/disagreements" | sort | uniq -c | sort -rn | while read -r number group; do
  echo "  $number × $group"
  example=$(grep -m1 -F "$group"$'\t' "$scratch/disagreements" | cut -f2)
  echo "    such as ${example#"$repo"/}"
  [[ $group == 'intended, '* ]] || print_input "$example"
done
unintended=$(grep -vc '^intended, ' "$scratch/disagreements" || true)
echo "$unintended disagreements that are not intended"
((unintended == 0))
