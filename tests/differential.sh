#!/usr/bin/env bash
# Writes traces with several versions of Go and compares the text that `gotrace dump`
# prints for them with that of go tool trace of Go 1.27.3.
#
# usage: tests/differential.sh [-k DIR] [VERSION…] [-- PROGRAM…]
#
#   -k DIR     keep the traces in DIR (default: a temporary folder)
#   VERSION    a version that .ci/go-toolchain --list prints (default: 1.23.9 1.27.3)
#   PROGRAM    a program in testdata/programs (default: nine of them)
#
# The formats are parsed, wire and footprint. For v1 traces Go's tool supports only
# parsed, and the text may differ in the order of events at the same time: see
# ties.awk. Footprints are compared as sets of the event types that occur, since Go
# also prints the others and the order of equal rows is random. In the formats wire and
# footprint, Go's tool fails at AllocFree events if the header is older than 1.26. Its
# output until then must be the start of ours.
#
# Prints one row for each trace and format, and the first line of each difference. Exit 0
# all are equal, 1 a difference or a failure.
set -euo pipefail
shopt -s inherit_errexit

readonly default_versions=(1.23.9 1.27.3)
readonly default_programs=(allocfree annotations channels cpuprofile gc http manyprocs mutex syscalls)
# The maximum length of a line that is printed.
readonly max_shown=300

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly repo

usage() {
  sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

fail() {
  echo "differential.sh: $*" >&2
  exit 1
}

is_v1() {
  ((${1#go1.} < 22))
}

# Prints the formats that Go's tool supports for traces of go1.N.
formats() {
  echo parsed
  is_v1 "$1" || printf '%s\n' wire footprint
}

# Succeeds if Go's tool is expected to fail in the middle of this trace.
go_stops() {
  local release=$1 program=$2 format=$3
  [[ $program == allocfree && $format != parsed ]] && ((${release#go1.} < 26))
}

# Reduces text to the parts that must be equal.
comparable() {
  local release=$1 format=$2
  if [[ $format == footprint ]]; then
    sed -E 's/ +/ /g; s/ $//' | grep -v ' 0 0\.00%$' | sort
  elif is_v1 "$release"; then
    awk -f "$repo/tests/ties.awk" | sort
  else
    cat
  fi
}

# Counts the events, lines or types in a reduced text.
count() {
  case $1 in
    parsed) grep -cE '^(M=|[0-9]+ -?[0-9]+ M=)' "$2" || true ;;
    wire) wc -l <"$2" ;;
    footprint) grep -vcE '^(Event|-) ' "$2" || true ;;
  esac
}

unit() {
  case $1 in
    parsed) echo events ;;
    wire) echo lines ;;
    footprint) echo types ;;
  esac
}

# Prints the first line in which the files differ.
show_difference() {
  local line first
  # If one file is the start of the other, cmp prints the last common line.
  line=$({ cmp "$1" "$2" 2>&1 || true; } | sed -n 's/.*line \([0-9]*\).*/\1/p')
  line=${line:-1}
  for first in "$line" $((line + 1)); do
    if [[ $(sed -n "${first}p" "$1") != "$(sed -n "${first}p" "$2")" ]]; then
      break
    fi
  done
  printf '    line %s\n    go   %s\n    ours %s\n' "$first" \
    "$(sed -n "${first}p" "$1" | cut -c1-$max_shown)" "$(sed -n "${first}p" "$2" | cut -c1-$max_shown)"
}

# Compares one trace in one format, prints a row, and counts differences.
compare() {
  local trace=$1 release=$2 program=$3 format=$4
  local go=$scratch/go ours=$scratch/ours verdict=same
  local go_status=0 our_status=0
  "$trace_tool" -d="$format" "$trace" 2>"$scratch/go.err" | comparable "$release" "$format" >"$go" || go_status=$?
  "${dump[@]}" --format "$format" "$trace" 2>"$scratch/ours.err" | comparable "$release" "$format" >"$ours" || our_status=$?

  if ((our_status != 0)); then
    verdict="gotrace fails: $(head -n 1 "$scratch/ours.err")"
  elif ((go_status != 0)) && ! go_stops "$release" "$program" "$format"; then
    verdict="Go fails: $(head -n 1 "$scratch/go.err")"
  elif ((go_status != 0)) && [[ $format == footprint ]]; then
    verdict='Go fails as expected'
  elif ((go_status != 0)); then
    verdict='same until Go fails'
    head -c "$(wc -c <"$go")" "$ours" >"$ours.cut"
    mv "$ours.cut" "$ours"
    cmp -s "$go" "$ours" || verdict=different
  elif ! cmp -s "$go" "$ours"; then
    verdict=different
  fi

  printf '%-7s  %-12s  %-9s  %8d %-6s  %s\n' \
    "$release" "$program" "$format" "$(count "$format" "$go")" "$(unit "$format")" "$verdict"
  compared=$((compared + 1))
  case $verdict in
    same | 'same until Go fails' | 'Go fails as expected') return ;;
    different) show_difference "$go" "$ours" ;;
  esac
  differences=$((differences + 1))
}

versions=()
programs=()
keep=
while (($# > 0)); do
  case $1 in
    -h | --help)
      usage
      exit
      ;;
    -k)
      (($# >= 2)) || fail "-k needs a directory"
      keep=$2
      shift
      ;;
    --)
      shift
      programs=("$@")
      break
      ;;
    -*) fail "unknown option $1; see --help" ;;
    *) versions+=("$1") ;;
  esac
  shift
done
((${#versions[@]} > 0)) || versions=("${default_versions[@]}")
((${#programs[@]} > 0)) || programs=("${default_programs[@]}")

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
traces=${keep:-$scratch/traces}
mkdir -p "$traces"

cargo build --quiet --locked --release -p gotrace-cli --manifest-path "$repo/Cargo.toml"
dump=("${CARGO_TARGET_DIR:-$repo/target}/release/gotrace" dump)
[[ -x ${dump[0]} ]] || fail "cargo did not build ${dump[0]}"
trace_tool=$("$repo/.ci/go-toolchain" --trace-tool)

compared=0
differences=0
for version in "${versions[@]}"; do
  release=$(cut -d. -f1,2 <<<"go$version")
  rm -rf "${traces:?}/$release"
  "$repo/testdata/make.sh" -o "$traces" "$version" -- "${programs[@]}" >"$scratch/make.log" ||
    fail "cannot write traces with Go $version: $(tail -n 1 "$scratch/make.log")"
  for trace in "$traces/$release"/*.trace; do
    [[ -e $trace ]] || fail "Go $version wrote no trace"
    for format in $(formats "$release"); do
      compare "$trace" "$release" "$(basename "$trace" .trace)" "$format"
    done
  done
done
echo "$compared texts compared, $differences differ"
((differences == 0))
