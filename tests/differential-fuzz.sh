#!/usr/bin/env bash
# Asks this crate and Go 1.27's reader of the same inputs of a fuzz corpus whether they
# are traces, and reports where the two disagree.
#
# usage: tests/differential-fuzz.sh [-n COUNT] [CORPUS…]
#
#   -n COUNT   how many inputs, taken evenly from all (default: 500)
#   CORPUS     a folder of inputs, or a file (default: fuzz/corpus/reader)
#
# GOTRACE_GOROOT is the GOROOT of a Go 1.27; .ci/go-toolchain fetches one if it is not
# set. The Go side is benches/peer, ours is `gotrace dump`.
#
# An input is accepted if it can be read to its end. Where both accept it, the text of
# its events has to be the same, but for the ties of ties.awk. Disagreements are grouped
# by what the side that refuses says, with their number and the name of one input. Some are
# meant: they are in the table below and do not count as a failure. Of the others the input
# itself is printed too, unless it is large.
#
# Exit 0 no disagreement but those, 1 others, or a crash, hang or failure of ours.
set -euo pipefail
shopt -s inherit_errexit

# What one side refuses and the other takes, and that is right: who refuses, traces of
# which age (old: before Go 1.22), a part of what it says, and why. Each is here because
# an input showed it, and in ARCHITECTURE.md under "Where we differ from Go's reader".
readonly meant='
ours|new|the trace is empty|Go takes a header for a trace
ours|new|the batch ends inside an integer|Go takes the end of a table inside an integer for the end of the trace
ours|new|the batch is a copy of the previous one|Go takes some batches twice
ours|new|follows generation|Go takes generations that are skipped if their statuses agree
ours|new|invalid clock frequency|Go takes a rate that no clock has
ours|any|a timestamp overflows|Go lets times wrap around
ours|new|invalid status 0 for goroutine|Go takes status 0, which no runtime writes
ours|new|while it is still on thread|Go lets a goroutine or P be on two threads
ours|new|after the version of the trace|Go takes events that the version does not have
ours|old|repeated clock frequency|Go takes the last of two rates
ours|old|the stack ID|Go takes the last of two stacks with the same ID
ours|old|a stack has the ID 0|Go takes stack 0
ours|old|unknown stack ID|Go takes an old trace that is cut between its stacks for a whole one
ours|old|unknown string ID|Go takes a string that no old table has for an empty one
ours|old|the trace is followed by other data|Go reads events behind the rate of an old trace, where no runtime writes any
Go|any|misuse of region|a mistake of the traced program, a warning here
Go|any|task ID conflict|a mistake of the traced program, a warning here
'

# What takes longer than this many seconds hangs.
readonly patience=10
# What takes more memory than this, in KiB, takes too much.
readonly max_memory=1048576
# The largest input that is printed, in bytes as it is packed.
readonly max_printed=8192
# The exit status of the command for input that cannot be read.
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

# Prints the inputs to ask about: every so manieth of all.
choose() {
  find "$@" -type f | LC_ALL=C sort >"$scratch/all"
  awk -v all="$(wc -l <"$scratch/all")" -v count="$count" \
    'int(NR * count / all) > int((NR - 1) * count / all) || count >= all' "$scratch/all"
}

# Prints ok, or what Go says against the input. A process that dies says nothing.
ask_go() {
  local answer
  answer=$(timeout "$patience" "$go_peer" check "$1" 2>/dev/null | tr -d '\0') || true
  # Behind the name and a count; what Go says may have tabs of its own.
  answer=${answer#*$'\t'*$'\t'}
  echo "${answer:-no answer: it hangs or dies}"
}

# Prints ok, or what we say against the input; what the events are goes to $scratch/ours.
ask_ours() {
  local status=0
  (ulimit -v "$max_memory" && exec timeout "$patience" "${dump[@]}" "$1") >"$scratch/ours" 2>"$scratch/ours.err" || status=$?
  case $status in
    0) echo ok ;;
    "$refused") sed -n '1s/^[a-z ]*dump: [^:]*: //p' "$scratch/ours.err" ;;
    *) echo "broken: status $status: $(paste -sd' ' "$scratch/ours.err")" ;;
  esac
}

# Is our text of an input both accept that of Go's tool?
same_text() {
  "$trace_tool" -d=parsed "$1" >"$scratch/go" 2>/dev/null || true
  cmp -s "$scratch/go" "$scratch/ours" || {
    is_old "$1" && [[ $(untied <"$scratch/go") == "$(untied <"$scratch/ours")" ]]
  }
}

untied() {
  awk -f "$repo/tests/ties.awk" | sort
}

# Is the input a trace from before Go 1.22?
is_old() {
  head -c 13 "$1" | grep -qaE '^go 1\.(11|19|21) trace'
}

# Why it is right that this side alone refuses this input for this reason; fails if it is
# not.
excuse() {
  local age=new side ages pattern why
  if is_old "$3"; then age=old; fi
  while IFS='|' read -r side ages pattern why; do
    if [[ $side == "$1" && ($ages == any || $ages == "$age") && $2 == *"$pattern"* ]]; then
      echo "$why"
      return
    fi
  done <<<"$meant"
  return 1
}

# Notes a disagreement: who refuses, the reason, the input.
disagree() {
  local why
  if why=$(excuse "$1" "$2" "$3"); then
    echo "meant, $why"
  else
    # Without the numbers, those of the same sort are one group.
    echo "$1: $(LC_ALL=C sed -E 's/0x[0-9a-f]+|[0-9]+/N/g; s/ at byte .*//; s/[^ -~]/?/g' <<<"$2" | cut -c1-120)"
  fi | sed "s|[[:blank:]]*$|\t$3|" >>"$scratch/disagreements"
}

# Prints an input, so that it is not lost with the machine that found it.
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
[[ -e ${corpora[0]} ]] || fail "there is no ${corpora[0]}; fuzz/seed.sh makes the corpora"

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
  ours=$(ask_ours "$input")
  go=$(ask_go "$input")
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

echo "both accept ${tally["both accept"]}, both refuse ${tally["both refuse"]}, they disagree $(wc -l <"$scratch/disagreements")"
cut -f1 "$scratch/disagreements" | sort | uniq -c | sort -rn | while read -r number group; do
  echo "  $number × $group"
  example=$(grep -m1 -F "$group"$'\t' "$scratch/disagreements" | cut -f2)
  echo "    such as ${example#"$repo"/}"
  [[ $group == 'meant, '* ]] || print_input "$example"
done
unexplained=$(grep -vc '^meant, ' "$scratch/disagreements" || true)
echo "$unexplained disagreements to explain"
((unexplained == 0))
