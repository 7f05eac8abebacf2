#!/usr/bin/env bash
# Runs program.go with several versions of Go and GODEBUG=traceallocfree=1, stores the traces and
# the counts of the program, and runs oracle.py, which counts the events that Go's tool prints.
#
# usage: testdata/allocations/make.sh [VERSION…]
#
#   VERSION    a version that .ci/go-toolchain --list prints, 1.23 or later (default: all of these)
#
# The traces go to go1.N/MODE.trace next to this script, the counts of the program to
# go1.N/MODE.json.gz, and those of oracle.py to oracle.json.gz. GOMAXPROCS is 1, as in a container
# with one CPU. With more, other threads fill the trace with yields if the kernel preempts a thread
# that sweeps.
set -euo pipefail
shopt -s inherit_errexit

readonly modes=(registry ring listeners)
readonly max_bytes=150000
readonly attempts=20

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly go_toolchain=$here/../../.ci/go-toolchain
readonly cache=${GOTRACE_GO_CACHE:-$HOME/.cache/gotrace-go}

case ${1-} in
  -h | --help)
    sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
    exit
    ;;
esac
versions=("$@")
if ((${#versions[@]} == 0)); then
  mapfile -t versions < <("$go_toolchain" --list | grep -E '^1\.(2[3-9]|[3-9][0-9])')
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Runs a mode until its trace has the usual size.
run() {
  local mode=$1 attempt
  for ((attempt = 1; attempt <= attempts; attempt++)); do
    (cd "$scratch" && env -u GOGC -u GOMEMLIMIT GODEBUG=traceallocfree=1 GOMAXPROCS=1 \
      timeout 60 ./program "$mode" "$scratch/trace" "$scratch/truth")
    if (($(wc -c <"$scratch/trace") <= max_bytes)); then
      return
    fi
  done
  echo "make.sh: $mode is larger than $max_bytes bytes in $attempts runs" >&2
  return 1
}

for version in "${versions[@]}"; do
  goroot=$("$go_toolchain" "$version")
  minor=go$(cut -d. -f1,2 <<<"$version")
  env -u GODEBUG -u GOPATH GOROOT="$goroot" GOENV=off GOWORK=off GOTOOLCHAIN=local GOFLAGS=-mod=mod GOPROXY=off \
    GOCACHE="$cache/build" CGO_ENABLED=0 "$goroot/bin/go" build -trimpath -o "$scratch/program" "$here/program.go"
  mkdir -p "$here/$minor"
  for mode in "${modes[@]}"; do
    run "$mode"
    for path in /root /work /tmp /home /usr "$HOME" "$here" "$goroot" "$cache"; do
      if [[ $path != / ]] && grep -qaF -- "$path/" "$scratch/trace"; then
        echo "make.sh: $minor/$mode contains a path of this machine: $path" >&2
        exit 1
      fi
    done
    mv "$scratch/trace" "$here/$minor/$mode.trace"
    gzip -9nc "$scratch/truth" >"$here/$minor/$mode.json.gz"
    printf '%7d  %s/%s\n' "$(wc -c <"$here/$minor/$mode.trace")" "$minor" "$mode"
  done
done
tool=$("$go_toolchain" --trace-tool)
GOTRACE_GOROOT=$("$go_toolchain" 1.27.3) "$here/oracle.py" "$tool" "$here"/go1.*/*.trace | gzip -9n >"$scratch/oracle"
mv "$scratch/oracle" "$here/oracle.json.gz"
