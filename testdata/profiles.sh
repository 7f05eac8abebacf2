#!/usr/bin/env bash
# Runs programs/profiles.go with several versions of Go and stores the profiles
# that it writes.
#
# usage: testdata/profiles.sh [--text] [-o DIR] [VERSION…]
#
#   --text     write each profile in text form too, such as heap.txt.gz
#   -o DIR     the folder for the profiles, such as DIR/go1.21/heap.pb.gz
#              (default: testdata/profiles, or with --text testdata/text-profiles)
#   VERSION    a version that .ci/go-toolchain --list prints (default: 1.21.13, 1.24.11,
#              1.26.6 and 1.27.3, or with --text 1.21.13 and 1.27.3)
#
# The toolchains come from .ci/go-toolchain. The profile goroutineleak exists since
# Go 1.26, where it needs GOEXPERIMENT=goroutineleakprofile.
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
    "$goroot/bin/go" build -trimpath -o "$scratch/profiles" profiles.go) || fail "profiles.go does not build with Go $version"
  mkdir -p "$out/$minor"
  # Profiles contain the path of the binary and of shared libraries, of which the binary has none.
  (cd "$scratch" && env -u GOGC -u GOMEMLIMIT -u GODEBUG GOMAXPROCS=2 ./profiles "$out/$minor" "${text[@]}") ||
    fail "profiles.go failed with Go $version"
  if ((${#text[@]} > 0)); then
    gzip --best --no-name --force "$out/$minor"/*.txt
  fi
  du -b "$out/$minor"/*.gz
}

out=
versions=()
text=()
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
    --text) text=(text) ;;
    -*) fail "unknown option $1; see --help" ;;
    *) versions+=("$1") ;;
  esac
  shift
done
if ((${#text[@]} > 0)); then
  : "${out:=$here/text-profiles}"
  ((${#versions[@]} > 0)) || versions=(1.21.13 1.27.3)
else
  : "${out:=$here/profiles}"
  ((${#versions[@]} > 0)) || versions=(1.21.13 1.24.11 1.26.6 1.27.3)
fi
mkdir -p "$out"
out=$(cd "$out" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for version in "${versions[@]}"; do
  make_profiles "$version"
done
