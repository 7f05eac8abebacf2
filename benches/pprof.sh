#!/usr/bin/env bash
# Compares gotrace with go tool pprof of Go 1.27 for the difference of two heap profiles.
#
# usage: benches/pprof.sh [-n RUNS] [BASE LATER]
#
#   -n RUNS       the number of runs of each side, in turns (default: 5)
#   BASE LATER    the profiles (default: two of 50 MB before compression, which are
#                 generated first)
#
# The measured commands are:
#   go tool pprof -top -diff_base BASE LATER
#   gotrace heap --diff-base BASE LATER
# A ratio is that of two consecutive runs. .ci/go-toolchain builds the tool.
set -euo pipefail
shopt -s inherit_errexit

readonly size=50000000

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly repo

usage() {
  sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

fail() {
  echo "pprof.sh: $*" >&2
  exit 1
}

# Prints the path of an executable that cargo builds with the given arguments.
build() {
  cargo "$@" --locked --message-format json --manifest-path "$repo/Cargo.toml" 2>/dev/null |
    sed -nE 's/.*"executable":"([^"]+)".*/\1/p' | tail -n 1
}

# Runs a command and prints its seconds, CPU seconds and peak memory in bytes.
measure() {
  python3 - "$@" <<'PYTHON'
import os, sys, time
begin = time.perf_counter()
pid = os.fork()
if pid == 0:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
if status != 0:
    sys.exit(f"{sys.argv[1:]} failed")
print(time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
PYTHON
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
(($# == 0 || $# == 2)) || fail "two profiles; see --help"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PPROF_TMPDIR=$scratch
tool=$("$repo/.ci/go-toolchain" --pprof-tool)
gotrace=$(build build --release -p gotrace-cli)
[[ -x $gotrace ]] || fail "cargo did not say where the command is"
base=${1:-$scratch/base.pb.gz}
later=${2:-$scratch/later.pb.gz}
if (($# == 0)); then
  "$(build bench --no-run --bench pprof)" make "$size" "$base" "$later"
fi
echo "$(gunzip -c "$base" | wc -c) and $(gunzip -c "$later" | wc -c) bytes before compression, $runs runs each"
for ((run = 0; run < runs; run++)); do
  echo "$(measure "$tool" -top -diff_base "$base" "$later")" "$(measure "$gotrace" heap --diff-base "$base" "$later")"
done | awk '
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
    go[n] = $1; ours[n] = $4; time[n] = $1 / $4; cpu[n] = $2 / $5; memory[n] = $3 / $6
    if ($3 > go_peak) go_peak = $3
    if ($6 > our_peak) our_peak = $6
  }
  END {
    sorted(go, n); sorted(ours, n); sorted(time, n); sorted(cpu, n); sorted(memory, n)
    printf "%-10s  %10s  %10s  %s\n", "", "Go", "gotrace", "ratio min/med/max"
    printf "%-10s  %8.2f s  %8.2f s  %.1f / %.1f / %.1f\n", "wall", median(go, n), median(ours, n), time[1], median(time, n), time[n]
    printf "%-10s  %10s  %10s  %.1f / %.1f / %.1f\n", "CPU", "", "", cpu[1], median(cpu, n), cpu[n]
    printf "%-10s  %6.0f MiB  %6.0f MiB  %.1f / %.1f / %.1f\n", "peak", go_peak / 1048576, our_peak / 1048576, memory[1], median(memory, n), memory[n]
  }'
