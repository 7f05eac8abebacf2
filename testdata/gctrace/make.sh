#!/usr/bin/env bash
# Runs the program in program/ with several versions of Go and stores the GC logs
# that the runtime writes.
#
# usage: testdata/gctrace/make.sh [-o DIR] [VERSION…]
#
#   -o DIR     the folder for the logs, such as DIR/go1.22-leak.log
#              (default: testdata/gctrace/logs)
#   VERSION    a version that .ci/go-toolchain --list prints (default: all)
#
# The toolchains come from .ci/go-toolchain. GOMAXPROCS is 2. The log "mixed" also has
# the lines of gctrace=2, of the pacer and of the scavenger. In Go 1.26 the
# goroutineleak profile is still an experiment, which this script enables.
set -euo pipefail
shopt -s inherit_errexit

readonly modes=(leak cache batch steady mixed)
readonly max_bytes=60000

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly go_toolchain=$here/../../.ci/go-toolchain
readonly cache=${GOTRACE_GO_CACHE:-$HOME/.cache/gotrace-go}

usage() {
  sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

fail() {
  echo "make.sh: $*" >&2
  exit 1
}

# Runs the go command of $goroot without the Go settings of this machine.
go_build() {
  env -u GOPATH GOROOT="$goroot" GOENV=off GOWORK=off GOTOOLCHAIN=local GOFLAGS=-mod=mod GOPROXY=off \
    CGO_ENABLED=0 GOCACHE="$cache/build" "$@"
}

make_log() {
  local name=$1 mode=$2 setting=gctrace=1 log=$out/$1-$2.log
  if [[ $mode == mixed ]]; then
    setting=gctrace=2,gcpacertrace=1,scavtrace=1
  fi
  (cd "$scratch" && env -u GOGC -u GOMEMLIMIT GODEBUG=$setting GOMAXPROCS=2 timeout 60 ./main "$mode" 2>"$log") ||
    fail "$mode of $name failed"
  local size
  size=$(wc -c <"$log")
  ((size > 0 && size <= max_bytes)) || fail "$log has $size bytes; the limit is $max_bytes"
  printf '%6d  %s-%s\n' "$size" "$name" "$mode"
}

out=$here/logs
versions=()
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
    -*) fail "unknown option $1; see --help" ;;
    *) versions+=("$1") ;;
  esac
  shift
done
if ((${#versions[@]} == 0)); then
  mapfile -t versions < <("$go_toolchain" --list)
fi
mkdir -p "$out"
out=$(cd "$out" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for version in "${versions[@]}"; do
  goroot=$("$go_toolchain" "$version")
  name=go$(cut -d. -f1,2 <<<"$version")
  experiment=
  if [[ $name == go1.26 ]]; then
    experiment=goroutineleakprofile
  fi
  (cd "$here/program" && go_build GOEXPERIMENT="$experiment" "$goroot/bin/go" build -trimpath -o "$scratch/main" main.go) ||
    fail "the program does not build with Go $version"
  for mode in "${modes[@]}"; do
    make_log "$name" "$mode"
  done
done
