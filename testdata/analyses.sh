#!/usr/bin/env bash
# Stores the results of the analyses of go tool trace for every trace, compressed: JSON lines,
# as described in tests/oracle/oracle.go, in testdata/golden/VERSION/NAME.analyses.gz.
#
# usage: GOTRACE_GOROOT=/path/to/go1.27 testdata/analyses.sh
set -euo pipefail

# The same limit as in goldens.sh.
readonly max_trace_bytes=200000

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
oracle=$("$here/../tests/oracle/build.sh" "$scratch/oracle")
for trace in "$here"/traces/*/*.trace; do
  (($(wc -c <"$trace") <= max_trace_bytes)) || continue
  version=$(basename "$(dirname "$trace")")
  "$oracle" "$trace" | gzip -9n >"$here/golden/$version/$(basename "$trace" .trace).analyses.gz"
done
du -ch "$here"/golden/*/*.analyses.gz | tail -1
