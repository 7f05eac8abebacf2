#!/usr/bin/env bash
# Builds the oracle, which gives the results that tests expect: the trace tool of Go 1.27 with
# oracle.go added.
#
#   GOTRACE_GOROOT=/path/to/go1.27 tests/oracle/build.sh [OUTPUT]
#
# The default OUTPUT is target/gotrace-oracle in this repository.
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
exec "$repo/.ci/build-in-goroot" cmd/trace "$repo/tests/oracle/oracle.go" "${1:-$repo/target/gotrace-oracle}"
