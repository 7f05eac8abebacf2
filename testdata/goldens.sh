#!/usr/bin/env bash
# Prints every trace with the reference tool, go tool trace -d=FORMAT, and stores the
# text, compressed.
#
# usage: testdata/goldens.sh [-t TRACES] [-o DIR]
#
#   -t TRACES  a folder written by make.sh (default: testdata/traces)
#   -o DIR     the folder for the text, such as DIR/go1.22/channels.parsed.gz
#              (default: testdata/golden)
#
# The formats are parsed, wire and footprint. For v1 traces (before Go 1.22) the
# tool supports only parsed. If the tool fails in the middle of a v2 trace, the
# output until then is stored, the error message goes to DIR/go1.23/NAME.FORMAT.err,
# and the case is reported. In the format parsed the tool must not fail.
set -euo pipefail
shopt -s inherit_errexit nullglob

# Larger traces get no text, since it would be even larger.
readonly max_trace_bytes=200000
readonly first_v2_minor=22

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here

usage() {
  sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

fail() {
  echo "goldens.sh: $*" >&2
  exit 1
}

# Prints 22 for the header "go 1.22 trace".
header_minor() {
  local header
  header=$(head -c 13 "$1" | tr -d '\0')
  [[ $header =~ ^go\ 1\.([0-9]+)\ trace ]] || fail "$1 is not a Go execution trace"
  echo "${BASH_REMATCH[1]}"
}

make_golden() {
  local trace=$1 format=$2 golden=$3
  if "$trace_tool" -d="$format" "$trace" >"$scratch/out" 2>"$scratch/err"; then
    rm -f "$golden.$format.err"
  elif [[ $format == parsed ]]; then
    fail "the tool does not parse $trace: $(<"$scratch/err")"
  else
    echo "goldens.sh: $format of $trace stops early: $(paste -sd' ' "$scratch/err")" >&2
    cp "$scratch/err" "$golden.$format.err"
  fi
  gzip -9n <"$scratch/out" >"$golden.$format.gz"
}

traces=$here/traces
out=$here/golden
while (($# > 0)); do
  case $1 in
    -h | --help)
      usage
      exit
      ;;
    -t | -o)
      (($# >= 2)) || fail "$1 needs a directory"
      if [[ $1 == -t ]]; then traces=$2; else out=$2; fi
      shift
      ;;
    *) fail "unknown argument $1; see --help" ;;
  esac
  shift
done
[[ -d $traces ]] || fail "there is no folder $traces; make.sh writes it"
trace_tool=$("$here/../.ci/go-toolchain" --trace-tool)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

count=0
for trace in "$traces"/*/*.trace; do
  version=$(basename "$(dirname "$trace")")
  name=$(basename "$trace" .trace)
  if (($(wc -c <"$trace") > max_trace_bytes)); then
    echo "goldens.sh: $trace is larger than $max_trace_bytes bytes and gets no golden" >&2
    continue
  fi
  formats=(parsed)
  if (($(header_minor "$trace") >= first_v2_minor)); then
    formats+=(wire footprint)
  fi
  mkdir -p "$out/$version"
  for format in "${formats[@]}"; do
    make_golden "$trace" "$format" "$out/$version/$name"
  done
  count=$((count + 1))
done
echo "$count traces, $(du -sh "$out" | cut -f1) of text in $out"
