#!/usr/bin/env bash
# Runs programs/profiles.go under several versions of Go and keeps the profiles
# that it writes.
#
# usage: testdata/profiles.sh [-o DIR] [VERSION…]
#
#   -o DIR     where the profiles go: DIR/go1.21/heap.pb.gz and so on
#              (default: testdata/profiles)
#   VERSION    as .ci/go-toolchain --list prints them (default: 1.21.13, 1.24.11,
#              1.26.6 and 1.27.3)
#
# Toolchains come from .ci/go-toolchain. The profile goroutineleak is there from Go
# 1.26 on, which writes it when built with GOEXPERIMENT=goroutineleakprofile.
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly go_toolchain=$here/../.ci/go-toolchain
readonly cache=${GOTRACE_GO_CACHE:-$HOME/.cache/gotrace-go}

usage() {
  sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

fail() {
  echo "profiles.sh: $*" >&2
  exit 1
}

make_profiles() {
  local version=$1 goroot minor experiment=
  goroot=$("$go_toolchain" "$version")
  minor=go$(cut -d. -f1,2 <<<"$version")
  [[ $minor != go1.26 ]] || experiment=goroutineleakprofile
  (cd "$here/programs" && env -u GOPATH GOROOT="$goroot" GOENV=off GOWORK=off GOTOOLCHAIN=local GOFLAGS=-mod=mod \
    GOPROXY=off GOCACHE="$cache/build" CGO_ENABLED=0 GOEXPERIMENT="$experiment" \
    "$goroot/bin/go" build -trimpath -o "$scratch/profiles" profiles.go) || fail "it does not build with Go $version"
  mkdir -p "$out/$minor"
  # The binary's path stands in the profiles, as does the machine's libraries' if it has any: it has none.
  (cd "$scratch" && env -u GOGC -u GOMEMLIMIT -u GODEBUG GOMAXPROCS=2 ./profiles "$out/$minor") ||
    fail "it failed with Go $version"
  du -b "$out/$minor"/*.pb.gz
}

out=$here/profiles
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
((${#versions[@]} > 0)) || versions=(1.21.13 1.24.11 1.26.6 1.27.3)
mkdir -p "$out"
out=$(cd "$out" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for version in "${versions[@]}"; do
  make_profiles "$version"
done
