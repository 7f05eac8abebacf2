#!/usr/bin/env bash
# Builds benches/peer, the program that runs Go's own trace reader.
#
#   GOTRACE_GOROOT=/path/to/go1.27 benches/build-peer.sh [OUTPUT]
#
# The default OUTPUT is target/gotrace-peer in this repository. The reader is an internal
# package of the standard library, so the program is built as a command of GOROOT.
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
exec "$repo/.ci/build-in-goroot" cmd/gotracepeer "$repo/benches/peer/main.go" "${1:-$repo/target/gotrace-peer}"
