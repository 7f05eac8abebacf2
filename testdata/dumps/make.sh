#!/usr/bin/env bash
# Runs dumps.go and series/main.go with several versions of Go and stores the goroutine dumps and profiles that they
# write.
#
# usage: testdata/dumps/make.sh [-o DIR] [VERSION…]
#
#   -o DIR     the folder for the files, such as DIR/go1.21/locks.txt (default: testdata/dumps)
#   VERSION    a version that .ci/go-toolchain --list prints (default: 1.21.13 and 1.27.3)
#
# CASE.txt is a dump and CASE.pb.gz the goroutine profile of the same moment. crash-CASE.txt is what the program
# wrote to standard error when it crashed. series/CASE.N.txt.gz are three dumps or heap profiles over time, and
# series/pool.txt.gz has three dumps. Takes about five minutes.
set -euo pipefail
shopt -s inherit_errexit

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

make_dumps() {
  local version=$1 goroot folder name
  goroot=$("$go_toolchain" "$version")
  folder=$out/go$(cut -d. -f1,2 <<<"$version")
  for name in dumps.go series/main.go; do
    (cd "$here" && env -u GOPATH GOROOT="$goroot" GOENV=off GOWORK=off GOTOOLCHAIN=local GOFLAGS=-mod=mod \
      GOPROXY=off GOCACHE="$cache/build" CGO_ENABLED=0 \
      "$goroot/bin/go" build -trimpath -o "$scratch/${name%.go}" "$name") || fail "$name does not build with Go $version"
  done
  mkdir -p "$folder/series"
  for name in channels locks system labels; do
    (cd "$scratch" && env -u GOGC -u GODEBUG GOMAXPROCS=2 ./dumps "$folder" "$name") ||
      fail "$name failed with Go $version"
  done
  for name in deadlock panic nil mapwrite quit; do
    (cd "$scratch" && env -u GOGC -u GODEBUG GOMAXPROCS=2 GOTRACEBACK=all ./dumps "$name" 2>"$folder/crash-$name.txt") &&
      fail "$name did not crash with Go $version"
  done
  (cd "$scratch" && env -u GOGC -u GODEBUG GOMAXPROCS=2 GOTRACEBACK=crash ./dumps quit 2>"$folder/crash-threads.txt") &&
    fail "quit did not crash with Go $version"
  for name in leak pool stacks; do
    (cd "$scratch" && env -u GOGC -u GODEBUG GOMAXPROCS=2 ./series/main "$folder/series" "$name") ||
      fail "$name failed with Go $version"
  done
  gzip -9nf "$folder"/series/*.txt
  du -b "$folder"
}

out=$here
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
((${#versions[@]} > 0)) || versions=(1.21.13 1.27.3)
mkdir -p "$out"
out=$(cd "$out" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# No core files.
ulimit -c 0
for version in "${versions[@]}"; do
  make_dumps "$version"
done
