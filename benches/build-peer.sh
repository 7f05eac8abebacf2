#!/usr/bin/env bash
# Builds benches/peer, the program that runs Go's own trace reader.
#
#   GOTRACE_GOROOT=/path/to/go1.27 benches/build-peer.sh [OUTPUT]
#
# OUTPUT is target/gotrace-peer of this repository by default.
#
# The reader is an internal package of the standard library. An overlay lets
# the program pass for the package cmd/gotracepeer, without a change to GOROOT.
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
output=${1:-$repo/target/gotrace-peer}

die() {
  echo "build-peer.sh: $*" >&2
  exit 1
}

goroot=${GOTRACE_GOROOT:-}
[[ -n $goroot ]] || die "set GOTRACE_GOROOT to the GOROOT of a Go 1.27"
[[ -x $goroot/bin/go ]] || die "GOTRACE_GOROOT=$goroot holds no bin/go"
goroot=$(cd "$goroot" && pwd)
version=$(GOTOOLCHAIN=local GOROOT=$goroot "$goroot/bin/go" env GOVERSION)
[[ $version =~ ^go1\.27([^0-9]|$) ]] || die "GOTRACE_GOROOT=$goroot is $version, Go 1.27 is needed"
[[ -f $goroot/src/internal/trace/reader.go ]] || die "GOTRACE_GOROOT=$goroot has no source of internal/trace"

mkdir -p "$(dirname "$output")"
output=$(cd "$(dirname "$output")" && pwd)/$(basename "$output")

overlay=$(mktemp)
trap 'rm -f "$overlay"' EXIT
quote() {
  local s=${1//\\/\\\\}
  printf '"%s"' "${s//\"/\\\"}"
}
printf '{"Replace": {%s: %s}}\n' \
  "$(quote "$goroot/src/cmd/gotracepeer/main.go")" \
  "$(quote "$repo/benches/peer/main.go")" >"$overlay"

cd "$goroot/src/cmd"
GOROOT=$goroot GOTOOLCHAIN=local GOFLAGS='' GOWORK=off CGO_ENABLED=0 \
  "$goroot/bin/go" build -overlay "$overlay" -o "$output" cmd/gotracepeer
echo "$output"
