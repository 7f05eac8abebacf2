#!/usr/bin/env bash
# Measures the speed of building timelines with one thread and with two, compared with
# Go's reader when it appends all events to a slice, and how it grows with the trace.
#
# usage: benches/timeline.sh [-n RUNS] [--no-go] TRACE...
#
#   -n RUNS    the number of runs of each side, in turns (default: 5)
#   --no-go    without Go's reader, which needs 300 bytes of memory for each event
#
# Each run is a process that reads the file into memory before the measurement. For one
# thread, taskset pins the process to one processor. A ratio is that of two consecutive
# runs. This needs taskset, and GOTRACE_GOROOT like peers.sh.
set -euo pipefail
shopt -s inherit_errexit

readonly reference_version=1.27.3

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly repo

usage() {
  sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

fail() {
  echo "timeline.sh: $*" >&2
  exit 1
}

# Prints the number that a flat JSON object has under a key.
field() {
  sed -nE "s/.*\"$1\": *([0-9.eE+-]+).*/\1/p" <<<"$2"
}

# Prints the minimum, median and maximum of the numbers on standard input.
spread() {
  sort -g | awk '{ x[NR] = $1 } END {
    if (NR == 0) { print "-"; exit }
    printf "%.1f / %.1f / %.1f", x[1], NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2, x[NR]
  }'
}

# Prints the median of the numbers on standard input.
median() {
  sort -g | awk '{ x[NR] = $1 } END { print NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2 }'
}

measure() {
  local trace=$1 go one two
  local -a first second against_go against_one
  for ((pair = 0; pair < runs; pair++)); do
    one=$(taskset -c "$processor" "$ours" timeline "$trace" 2>"$scratch/memory")
    two=$("$ours" timeline "$trace" 2>/dev/null)
    [[ $(field events "$one") == "$(field events "$two")" ]] || fail "$trace: two threads count other spans than one"
    first+=("$(field seconds "$one")")
    second+=("$(field seconds "$two")")
    against_one+=("$(awk -v a="${first[-1]}" -v b="${second[-1]}" 'BEGIN { print a / b }')")
    if [[ $with_go == yes ]]; then
      go=$("$go_peer" append "$trace")
      against_go+=("$(awk -v a="$(field seconds "$go")" -v b="${first[-1]}" 'BEGIN { print a / b }')")
    fi
  done
  local spans span_bytes table_bytes bytes seconds
  spans=$(sed -nE 's/.*spans: ([0-9]+),.*/\1/p' "$scratch/memory")
  span_bytes=$(sed -nE 's/.*span_bytes: ([0-9]+),.*/\1/p' "$scratch/memory")
  table_bytes=$(sed -nE 's/.*table_bytes: ([0-9]+) .*/\1/p' "$scratch/memory")
  bytes=$(wc -c <"$trace")
  seconds=$(printf '%s\n' "${first[@]}" | median)
  awk -v name="$(basename "$trace")" -v bytes="$bytes" -v spans="$spans" -v span_bytes="$span_bytes" \
    -v tables="$table_bytes" -v s="$seconds" -v two="$(printf '%s\n' "${second[@]}" | median)" \
    -v rss_one="$(field peak_rss_bytes "$one")" -v rss_two="$(field peak_rss_bytes "$two")" \
    -v go="$(printf '%s\n' "${against_go[@]-}" | grep . | spread)" -v by="$(printf '%s\n' "${against_one[@]}" | spread)" \
    'BEGIN {
      printf "%-16s %8.1f %10d %6.1f %9.1f %8.2f %8.2f %7.2f %8.0f %8.0f  %-18s  %s\n", name, bytes / 1e6, spans,
        span_bytes / spans, tables / 1048576, s, two, s / bytes * 1e9, rss_one / 1048576, rss_two / 1048576, by, go
    }'
}

runs=5
with_go=yes
while (($# > 0)); do
  case $1 in
    -h | --help)
      usage
      exit
      ;;
    -n)
      (($# >= 2)) || fail "-n needs a number"
      runs=$2
      shift
      ;;
    --no-go) with_go=no ;;
    -*) fail "unknown option $1; see --help" ;;
    *) break ;;
  esac
  shift
done
(($# >= 1)) || fail "give a trace; see --help"
[[ $runs =~ ^[1-9][0-9]*$ ]] || fail "-n needs a number, not '$runs'"
command -v taskset >/dev/null || fail "there is no taskset"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The first processor that this process is allowed to use.
processor=$(taskset -cp $$ | sed -E 's/.*: *([0-9]+).*/\1/')
readonly processor
if [[ $with_go == yes ]]; then
  if [[ -z ${GOTRACE_GOROOT:-} ]]; then
    GOTRACE_GOROOT=$("$repo/.ci/go-toolchain" "$reference_version")
    export GOTRACE_GOROOT
  fi
  go_peer=$("$repo/benches/build-peer.sh" "$scratch/gotrace-peer")
fi
ours=$(cargo bench --quiet --locked --no-run --bench peers --message-format json --manifest-path "$repo/Cargo.toml" |
  sed -nE '/"name":"peers"/s/.*"executable":"([^"]+)".*/\1/p')
[[ -x $ours ]] || fail "cargo did not say where the benchmark is"

printf '%-16s %8s %10s %6s %9s %8s %8s %7s %8s %8s  %-18s  %s\n' trace MB spans B/span 'tables/M' '1 thread' \
  '2' ns/byte 'RSS 1/M' 'RSS 2/M' 'two threads gain' "against Go's append"
for trace in "$@"; do
  [[ -r $trace ]] || fail "cannot read $trace"
  measure "$trace"
done
