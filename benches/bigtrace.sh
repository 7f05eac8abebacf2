#!/usr/bin/env bash
# Builds and runs benches/bigtrace, which writes a trace of at least SIZE for benchmarks.
#
#   benches/bigtrace.sh [-g GOROOT] SIZE OUT      for example: 120MB /tmp/big.trace
#
# The default GOROOT is GOTRACE_GOROOT. Its version, 1.19 to 1.27, determines the format
# of the trace. GODEBUG is passed on: traceallocfree=1 adds heap events.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

die() {
  echo "bigtrace.sh: $*" >&2
  exit 1
}

goroot=${GOTRACE_GOROOT:-}
while getopts g: option; do
  case $option in
    g) goroot=$OPTARG ;;
    *) die "usage: bigtrace.sh [-g GOROOT] SIZE OUT" ;;
  esac
done
shift $((OPTIND - 1))
[[ $# -eq 2 ]] || die "usage: bigtrace.sh [-g GOROOT] SIZE OUT"
[[ -n $goroot ]] || die "no Go found: pass -g GOROOT or set GOTRACE_GOROOT"
[[ -x $goroot/bin/go ]] || die "$goroot/bin/go: not found or not executable"
goroot=$(cd "$goroot" && pwd)

mkdir -p "$(dirname "$2")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
GOROOT=$goroot GOTOOLCHAIN=local GOFLAGS='' GOWORK=off GO111MODULE=off CGO_ENABLED=0 \
  "$goroot/bin/go" build -o "$work/bigtrace" "$here/bigtrace/main.go"
"$work/bigtrace" -size "$1" -o "$2"
