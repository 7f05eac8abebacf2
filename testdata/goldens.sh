#!/usr/bin/env bash
# Prints every trace with the reference tool, go tool trace -d=FORMAT, and keeps the
# text, compressed.
#
# usage: testdata/goldens.sh [-t TRACES] [-o DIR]
#
#   -t TRACES  a folder as make.sh writes it (default: testdata/traces)
#   -o DIR     where the text goes: DIR/go1.22/channels.parsed.gz and so on
#              (default: testdata/golden)
#
# The formats are parsed, wire and footprint. Of a v1 trace (Go 1.21 and before)
# there is only parsed: the tool refuses the others. Where it stops in the middle
# of a v2 trace, what it printed until then is kept and its complaint goes to
# DIR/go1.23/NAME.FORMAT.err; each such case is reported. It has to parse
# every trace to the end.
set -euo pipefail
shopt -s inherit_errexit nullglob

# Text of a large trace is larger still.
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

# The 22 of a header that reads "go 1.22 trace".
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
