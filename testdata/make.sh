#!/usr/bin/env bash
# Runs the programs in programs/ with several versions of Go and stores the
# execution traces that they write.
#
# usage: testdata/make.sh [-o DIR] [VERSION…] [-- PROGRAM…]
#
#   -o DIR     the folder for the traces, such as DIR/go1.22/channels.trace
#              (default: testdata/traces)
#   VERSION    a version that .ci/go-toolchain --list prints (default: all)
#   PROGRAM    a name from the table below (default: all)
#
# The toolchains come from .ci/go-toolchain, and Go itself downloads nothing. A
# trace of 1 MB or more, or one that contains a path of this machine, is an error.
# Times and scheduling differ from run to run, so run goldens.sh afterwards.
set -euo pipefail
shopt -s inherit_errexit

# For each program: the first version of Go that it needs, the maximum size of its
# trace in kB, its environment, and the events that the trace must contain.
#
# If a trace is too large or lacks an event, the program is run again. Both depend
# on luck: if the kernel preempts a thread at a bad moment, runtime.GC yields in a
# loop until the thread continues, which fills the trace.
readonly table='
allocfree     1.23  25  GODEBUG=traceallocfree=1
annotations   1.19  25  -
borders       1.22  45  GODEBUG=traceadvanceperiod=1000000  GCActive GCMarkAssistActive GCSweepActive
cgo           1.22  25  CGO_ENABLED=1
cgocall       1.19  25  CGO_ENABLED=1
channels      1.19  25  -
cpuprofile    1.19  25  -
deepstack     1.19  25  -
flight        1.25  25  -
gc            1.19  25  -
gctruth       1.24  25  GODEBUG=gctrace=1
generations   1.19  25  -
gomaxprocs    1.19  25  -
http          1.19  25  -
iterpull      1.23  25  -
labels        1.19  25  -
lockedthread  1.19  25  -
manyprocs     1.19  25  -
mutex         1.19  25  -
panicgoexit   1.19  25  -
pingpong      1.21  25  -
startstop     1.19  25  -
stoptheworld  1.19  25  -
sweep         1.19  25  -
syscalls      1.19  12  -
timers        1.19  25  -
'
readonly attempts=100
readonly max_bytes=1000000

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly go_toolchain=$here/../.ci/go-toolchain
readonly cache=${GOTRACE_GO_CACHE:-$HOME/.cache/gotrace-go}

usage() {
  sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

fail() {
  echo "make.sh: $*" >&2
  exit 1
}

# at_least 1.25.5 1.23: succeeds if the first version is not older than the second.
at_least() {
  local have=${1#1.} need=${2#1.}
  ((${have%%.*} >= ${need%%.*}))
}

# Runs the go command of $goroot without the Go settings of this machine.
go_build() {
  env -u GOPATH GOROOT="$goroot" GOENV=off GOWORK=off GOTOOLCHAIN=local GOFLAGS=-mod=mod GOPROXY=off \
    GOCACHE="$cache/build" "$@"
}

# Prints the paths of this machine that the file contains. /proc, /etc and /dev
# exist on every machine.
machine_paths() {
  local path
  for path in /root /work /tmp /home /Users /usr "$PWD" "$HOME" "${TMPDIR:-/tmp}" "$here" "$goroot" "$cache"; do
    if [[ $path != / ]] && grep -qaF -- "$path" "$1"; then
      echo "$path"
    fi
  done
}

# Succeeds if the trace contains an event of each of these types.
shows() {
  [[ -n $2 ]] || return 0
  local found event
  found=$("$trace_tool" -d=wire "$1" | cut -d' ' -f1 | sort -u)
  for event in $2; do
    grep -qx "$event" <<<"$found" || return 1
  done
}

make_trace() {
  local version=$1 program=$2 wanted_kb=$3 setting=${4#-} events=$5
  local minor
  minor=go$(cut -d. -f1,2 <<<"$version")
  local trace=$out/$minor/$program.trace
  mkdir -p "$out/$minor"

  # shellcheck disable=SC2086 # the setting may be empty
  (cd "$here/programs" && go_build CGO_ENABLED=0 $setting "$goroot/bin/go" build -trimpath -o "$scratch/$program" "$program.go") ||
    fail "$program does not build with Go $version"

  local attempt size paths
  for ((attempt = 1; attempt <= attempts; attempt++)); do
    # A fixed number of Ps gives the traces the same shape on every machine.
    # shellcheck disable=SC2086
    (cd "$scratch" && env -u GOGC -u GOMEMLIMIT -u GODEBUG GOMAXPROCS=2 $setting timeout 60 "./$program" "$scratch/trace") ||
      fail "$program of Go $version failed"
    size=$(wc -c <"$scratch/trace")
    ((size > 0)) || fail "$minor/$program wrote no trace"
    if ((size <= wanted_kb * 1000)) && shows "$scratch/trace" "$events"; then
      break
    fi
  done
  shows "$scratch/trace" "$events" || fail "$minor/$program lacks one of $events in $attempts runs"
  ((size < max_bytes)) || fail "$minor/$program is $size bytes; the limit is $max_bytes"
  paths=$(machine_paths "$scratch/trace")
  [[ -z $paths ]] || fail "$minor/$program contains a path of this machine: $paths"
  mv "$scratch/trace" "$trace"
  # The GC log that the program gctruth writes next to its trace.
  if [[ -e $scratch/trace.gctrace ]]; then
    mv "$scratch/trace.gctrace" "${trace%.trace}.gctrace"
  fi
  printf '%7d  %s/%s\n' "$size" "$minor" "$program"
}

out=$here/traces
versions=()
wanted=()
while (($# > 0)); do
  case $1 in
    -h | --help)
      usage
      exit
      ;;
    -o)
      (($# >= 2)) || fail "-o needs a directory"
      out=$2
      shift
      ;;
    --)
      shift
      wanted=("$@")
      break
      ;;
    -*) fail "unknown option $1; see --help" ;;
    *) versions+=("$1") ;;
  esac
  shift
done
if ((${#versions[@]} == 0)); then
  mapfile -t versions < <("$go_toolchain" --list)
fi
for program in "${wanted[@]}"; do
  grep -q "^$program " <<<"$table" || fail "there is no program $program"
done
mkdir -p "$out"
out=$(cd "$out" && pwd)
trace_tool=$("$go_toolchain" --trace-tool)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for version in "${versions[@]}"; do
  goroot=$("$go_toolchain" "$version")
  while read -r program since wanted_kb setting events; do
    [[ -n $program ]] || continue
    ((${#wanted[@]} == 0)) || [[ " ${wanted[*]} " == *" $program "* ]] || continue
    if at_least "$version" "$since"; then
      make_trace "$version" "$program" "$wanted_kb" "$setting" "$events"
    fi
  done <<<"$table"
done
