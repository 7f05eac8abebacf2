#!/usr/bin/env bash
# Runs the goroutine leaks in Go's own test suite, and healthy variants of the same load, and
# stores the profiles, traces and GC logs that they capture. Go's code is copied from the
# toolchain to a temporary folder, and never to the repository.
#
# usage: testdata/leaks/goker/make.sh [OPTION…] [VERSION…] [-- NAME…]
#
#   -o DIR         the folder for the captures, such as DIR/go1.27/quiet/etcd7902/trace
#                  (default: ${GOTRACE_LEAKS:-$HOME/.cache/gotrace-leaks}/goker)
#   -j JOBS        the number of programs that run in parallel (default: 2)
#   -s SECONDS     the time from the first profile to the last (default: 6)
#   -m MODES       quiet, busy or sparse, or several (default: "quiet busy")
#   --kernels      run the leaks only
#   --lookalikes   run the healthy variants only
#   VERSION        a version that .ci/go-toolchain --list prints (default: 1.27.3). The leaks are
#                  always those of Go 1.27.3. They run with other versions if --kernels or NAME
#                  says so
#   NAME           a leak such as etcd7902, or a variant such as ok-batch (default: all)
#
# By default, each program runs twice: quiet, and busy with 600 requests a second. 81 programs take
# about 15 minutes. In the mode sparse, it is busy and calls a leak a tenth as often. A program
# that fails is reported and leaves no capture.
set -euo pipefail
shopt -s inherit_errexit

readonly kernel_version=1.27.3

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly go_toolchain=$here/../../../.ci/go-toolchain
readonly cache=${GOTRACE_GO_CACHE:-$HOME/.cache/gotrace-go}

usage() {
  sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

fail() {
  echo "make.sh: $*" >&2
  exit 1
}

# Builds one binary with the leaks and the healthy variants, in a module with the language
# version of the toolchain.
build() {
  local goroot=$1 minor=$2 source=$3 binary=$4
  mkdir -p "$source"
  cp -r "$here/../capture" "$here/../traffic" "$here" "$source"
  sed "s/^go .*/go $minor/" "$here/../go.mod" >"$source/go.mod"
  "$here/adapt.py" "$("$go_toolchain" "$kernel_version")" "$source/goker"
  (cd "$source" && env -u GOPATH GOROOT="$goroot" GOENV=off GOWORK=off GOTOOLCHAIN=local GOFLAGS=-mod=mod GOPROXY=off \
    GOCACHE="$cache/build" CGO_ENABLED=0 "$goroot/bin/go" build -trimpath -buildvcs=false -o "$binary" ./goker)
}

capture() {
  local binary=$1 name=$2 mode=$3 to=$4/$3/$2
  local room=$scratch/$mode-$name
  mkdir -p "$room"
  if ! env -u GOGC -u GOMEMLIMIT GODEBUG=gctrace=1 \
    timeout $((seconds + 60)) "$binary" "$name" "$mode" "$room" "$seconds" 2>"$room/gctrace.log"; then
    echo "make.sh: $name, $mode, failed: $(grep -m 1 -E '^(panic|fatal)' "$room/gctrace.log" || tail -n 1 "$room/gctrace.log")" >&2
    return
  fi
  "$here/truth.py" "$room"
  rm -rf "$to"
  mkdir -p "$(dirname "$to")"
  mv "$room" "$to"
  echo "$to"
}

out=${GOTRACE_LEAKS:-$HOME/.cache/gotrace-leaks}/goker
jobs=2
seconds=6
modes=(quiet busy)
kind=
versions=()
wanted=()
while (($# > 0)); do
  case $1 in
    -h | --help)
      usage
      exit
      ;;
    -o | -j | -s | -m)
      (($# >= 2)) || fail "$1 needs a value"
      case $1 in
        -o) out=$2 ;;
        -j) jobs=$2 ;;
        -s) seconds=$2 ;;
        -m) read -ra modes <<<"$2" ;;
      esac
      shift
      ;;
    --kernels | --lookalikes) kind=$1 ;;
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
((${#versions[@]} > 0)) || versions=("$kernel_version")
mkdir -p "$out"
out=$(cd "$out" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for version in "${versions[@]}"; do
  goroot=$("$go_toolchain" "$version")
  minor=$(cut -d. -f1,2 <<<"$version")
  binary=$scratch/goker-$minor
  build "$goroot" "$minor" "$scratch/source-$minor" "$binary" || fail "the programs do not build with Go $version"
  names=("${wanted[@]}")
  if ((${#names[@]} == 0)); then
    kinds=(--kernels --lookalikes)
    [[ $version == "$kernel_version" ]] || kinds=(--lookalikes)
    [[ -z $kind ]] || kinds=("$kind")
    for list in "${kinds[@]}"; do
      mapfile -t -O "${#names[@]}" names < <("$binary" "$list")
    done
  fi
  for mode in "${modes[@]}"; do
    for name in "${names[@]}"; do
      while (($(jobs -rp | wc -l) >= jobs)); do
        wait -n
      done
      capture "$binary" "$name" "$mode" "$out/go$minor" &
    done
  done
  wait
done
