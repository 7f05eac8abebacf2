#!/usr/bin/env bash
# Compares the speed and memory of this crate with those of Go 1.27's trace reader.
#
# usage: benches/peers.sh [-n RUNS] [BIGTRACE]
#
#   -n RUNS    the number of runs of each side and mode, in turns (default: 5)
#   BIGTRACE   the trace (default: a trace of 120 MB, which is generated first)
#
# GOTRACE_GOROOT is a Go 1.27 installation. If it is not set, .ci/go-toolchain downloads
# one.
#
# The modes: raw reads every event in file order, ordered reads with the validating
# reader, and summary and mmu are two of the analyses in src/analysis. "memory" reads the
# file into memory before the measurement, "stream" while decoding. Each run is a process.
# Ours has one thread, and Go runs its garbage collector on all cores. A ratio is that of
# two consecutive runs. Exit 1 if the sides count different numbers of events.
set -euo pipefail
shopt -s inherit_errexit

readonly reference_version=1.27.3
readonly size=120MB

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly repo

usage() {
  sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

fail() {
  echo "peers.sh: $*" >&2
  exit 1
}

# Prints the number that a flat JSON object has under a key.
field() {
  sed -nE "s/.*\"$1\": *([0-9.eE+-]+).*/\1/p" <<<"$2"
}

# Prints the path of the program for this crate.
build_ours() {
  cargo bench --quiet --locked --no-run --bench peers --message-format json --manifest-path "$repo/Cargo.toml" |
    sed -nE '/"name":"peers"/s/.*"executable":"([^"]+)".*/\1/p'
}

# Runs both sides in turns. Prints for each pair the events, seconds and peak memory of Go and of this
# crate.
run_pairs() {
  local mode=$1 go_option=$2 our_option=$3 pair go ours
  for ((pair = 0; pair < runs; pair++)); do
    # shellcheck disable=SC2086 # the option may be empty
    go=$("$go_peer" "$mode" $go_option "$trace")
    # shellcheck disable=SC2086
    ours=$("$our_peer" "$mode" $our_option "$trace")
    [[ $(field events "$go") == "$(field events "$ours")" ]] ||
      fail "$mode: Go counts $(field events "$go") events, we count $(field events "$ours")"
    echo "$(field events "$go")" "$(field seconds "$go")" "$(field seconds "$ours")" \
      "$(field peak_rss_bytes "$go")" "$(field peak_rss_bytes "$ours")"
  done
}

# Prints a row of the table for the lines of run_pairs.
summarise() {
  awk -v name="$1" '
    function sorted(values, n,   i, j, x) {
      for (i = 2; i <= n; i++) {
        x = values[i]
        for (j = i - 1; j > 0 && values[j] > x; j--) values[j + 1] = values[j]
        values[j + 1] = x
      }
    }
    function median(values, n) {
      return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
    }
    {
      n++
      go[n] = $1 / $2 / 1e6
      ours[n] = $1 / $3 / 1e6
      ratio[n] = $2 / $3
      if ($4 > go_peak) go_peak = $4
      if ($5 > our_peak) our_peak = $5
    }
    END {
      sorted(go, n); sorted(ours, n); sorted(ratio, n)
      printf "%-15s  %8.2f  %8.2f  %6.1f / %4.1f / %4.1f  %8.1f  %8.1f\n", name, median(go, n), median(ours, n),
        ratio[1], median(ratio, n), ratio[n], go_peak / 1048576, our_peak / 1048576
    }'
}

runs=5
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
    -*) fail "unknown option $1; see --help" ;;
    *) break ;;
  esac
  shift
done
(($# <= 1)) || fail "one trace at a time; see --help"
[[ $runs =~ ^[1-9][0-9]*$ ]] || fail "-n needs a number, not '$runs'"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if [[ -z ${GOTRACE_GOROOT:-} ]]; then
  GOTRACE_GOROOT=$("$repo/.ci/go-toolchain" "$reference_version")
  export GOTRACE_GOROOT
fi
trace=${1:-$scratch/big.trace}
if (($# == 0)); then
  echo "generating a trace of $size" >&2
  "$repo/benches/bigtrace.sh" "$size" "$trace" >&2
fi
[[ -r $trace ]] || fail "cannot read $trace"
go_peer=$("$repo/benches/build-peer.sh" "$scratch/gotrace-peer")
our_peer=$(build_ours)
[[ -x $our_peer ]] || fail "cargo did not say where the benchmark is"

echo "$(wc -c <"$trace") bytes, $runs runs each"
printf '%-15s  %8s  %8s  %-20s  %8s  %8s\n' \
  mode 'Go Mev/s' 'we Mev/s' '  ratio min/med/max' 'Go MiB' 'we MiB'
modes=(raw ordered summary mmu)
# Go's raw reader does not support v1 traces.
[[ $(head -c 7 "$trace") > 'go 1.21' ]] || modes=(ordered summary mmu)
for mode in "${modes[@]}"; do
  run_pairs "$mode" '' '' | summarise "$mode memory"
  run_pairs "$mode" -stream --stream | summarise "$mode stream"
done
