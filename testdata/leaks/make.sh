#!/usr/bin/env bash
# Runs the programs in leak/ and lookalike/ with several versions of Go and stores the
# files that they capture: heap and goroutine profiles, a trace, and the GC log. Then
# regenerates manifest.json.
#
# usage: testdata/leaks/make.sh [-o DIR] [-j JOBS] [VERSION…] [-- PROGRAM…]
#
#   -o DIR     the folder for the captures, such as DIR/go1.24/chansend/trace
#              (default: testdata/leaks/captures)
#   -j JOBS    the number of programs that run in parallel (default: 1; each takes five seconds)
#   VERSION    a version that .ci/go-toolchain --list prints (default: 1.21.13 1.24.11 1.27.3)
#   PROGRAM    a folder in leak/, lookalike/ or small/ (default: all in leak/ and lookalike/)
#
# Profiles contain the path of the program. To keep paths of this machine out of them, a
# program runs as /srv/PROGRAM in its own mount namespace. This needs Linux, unshare of
# util-linux, and root or user namespaces.
#
# Numbers differ from run to run. Run check.py afterwards: it checks with Go's tools that
# each capture shows the leak or the look-alike of its program.
set -euo pipefail
shopt -s inherit_errexit

readonly default_versions=(1.21.13 1.24.11 1.27.3)
readonly max_bytes=1000000

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

# Builds a program in a module with the language version of the toolchain.
build() {
  local package=$1 binary=$2 module=$2.mod
  sed "s/^go .*/go $minor/" "$here/go.mod" >"$module"
  (cd "$here" && env -u GOPATH GOROOT="$goroot" GOENV=off GOWORK=off GOTOOLCHAIN=local GOFLAGS=-mod=mod GOPROXY=off \
    GOCACHE="$cache/build" CGO_ENABLED=0 \
    "$goroot/bin/go" build -trimpath -buildvcs=false -modfile="$module" -o "$binary" "./$package") ||
    fail "$package does not build with Go $version"
}

# Prints the paths of this machine that the file contains. /proc, /etc, /dev and /srv exist
# on every machine.
machine_paths() {
  local path
  for path in /root /work /tmp /home /Users /usr "$PWD" "$HOME" "${TMPDIR:-/tmp}" "$here" "$goroot" "$cache"; do
    if [[ $path != / ]] && gzip -cdf "$1" | grep -qaF -- "${path%/}/"; then
      echo "$path"
    fi
  done
}

capture() {
  local package=$1
  local program=${package#*/} to=$out/go$minor/${package#*/} room=$scratch/$minor/${package#*/}
  mkdir -p "$room/out"
  build "$package" "$room/$program"
  # One P, as in a container with one CPU. With more, Go 1.25 and later write megabytes of trace
  # on a busy machine: if the kernel preempts a thread that sweeps, the background sweeper yields
  # in a loop until the thread continues.
  # shellcheck disable=SC2016 # the arguments of the inner shell
  env -u GOGC -u GOMEMLIMIT GODEBUG=gctrace=1 GOMAXPROCS=1 \
    unshare "${namespaces[@]}" sh -c 'mount --bind "$1" /srv && cd / && exec timeout 60 "/srv/$2" /srv/out' sh "$room" "$program" \
    2>"$room/out/gctrace.log" || fail "$program of Go $version failed: $(tail -n 5 "$room/out/gctrace.log")"
  gzip -9n "$room/out/gctrace.log"
  local file size paths
  for file in "$room"/out/*; do
    size=$(wc -c <"$file")
    ((size < max_bytes)) || fail "go$minor/$program/$(basename "$file") is $size bytes; the limit is $max_bytes"
    paths=$(machine_paths "$file")
    [[ -z $paths ]] || fail "go$minor/$program/$(basename "$file") contains a path of this machine: $paths"
  done
  rm -rf "$to"
  mkdir -p "$(dirname "$to")"
  mv "$room/out" "$to"
  rm -r "$room"
  printf '%7d  go%s/%s\n' "$(cat "$to"/* | wc -c)" "$minor" "$program"
}

out=$here/captures
jobs=1
versions=()
wanted=()
while (($# > 0)); do
  case $1 in
    -h | --help)
      usage
      exit
      ;;
    -o | -j)
      (($# >= 2)) || fail "$1 needs a value"
      if [[ $1 == -o ]]; then out=$2; else jobs=$2; fi
      shift
      ;;
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
((${#versions[@]} > 0)) || versions=("${default_versions[@]}")
packages=()
if ((${#wanted[@]} == 0)); then
  mapfile -t packages < <(cd "$here" && printf '%s\n' leak/* lookalike/*)
fi
for program in "${wanted[@]}"; do
  for folder in leak lookalike small; do
    if [[ -f $here/$folder/$program/main.go ]]; then
      packages+=("$folder/$program")
      continue 2
    fi
  done
  fail "there is no program $program"
done
namespaces=(--mount)
((EUID == 0)) || namespaces=(--user --map-root-user --mount)
mkdir -p "$out"
out=$(cd "$out" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for version in "${versions[@]}"; do
  goroot=$("$go_toolchain" "$version")
  minor=$(cut -d. -f1,2 <<<"$version")
  pids=()
  for package in "${packages[@]}"; do
    capture "$package" &
    pids+=($!)
    if ((${#pids[@]} == jobs)); then
      wait "${pids[0]}"
      pids=("${pids[@]:1}")
    fi
  done
  for pid in "${pids[@]}"; do
    wait "$pid"
  done
done
python3 "$here/manifest.py"
