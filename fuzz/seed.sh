#!/usr/bin/env bash
# Fills the corpora of the fuzz targets with traces of testdata, complete and truncated.
#
# usage: fuzz/seed.sh [-o DIR] [TARGET…]
#
#   -o DIR     the folder for the corpora DIR/TARGET (default: fuzz/corpus, which
#              cargo fuzz reads). Existing inputs stay.
#   TARGET     a fuzz target (default: all)
#
# The target v1 gets the v1 traces, with one byte instead of the header. The target pprof
# gets decompressed profiles, since mutations of a gzip file rarely decompress. The
# target text_profile gets profiles in text form, after the byte for no header. The
# target gctrace gets parts of GC logs, the target dump parts of goroutine dumps, and the
# target diagnose lists of files captured in testdata/leaks. The target synth gets the
# traces of Go 1.22 and later, after the byte for traces, and some after the byte for
# choices. The other targets get the traces of all releases.
#
# If GOTRACE_GOROOT is a Go 1.27 installation, its test cases are seeds too.
#
# Small inputs are fast and mutations change much of them, so the seeds are the small
# traces, and only those larger ones that contain other events.
set -euo pipefail
shopt -s inherit_errexit

# Traces up to this size are seeds.
readonly small_bytes=5000
# Larger traces with events that the small ones lack: experiments, CPU samples, C
# threads, GC, annotations, sweeping.
readonly wanted=(
  go1.21/annotations go1.21/cpuprofile go1.21/cgocall
  go1.22/cpuprofile go1.23/cgo go1.24/allocfree go1.25/flight go1.25/annotations
  go1.26/sweep go1.26/syscalls go1.27/gc go1.27/cpuprofile go1.27/allocfree go1.27/cgo go1.27/annotations
)
# Truncated seeds have this many eighths of a trace.
readonly cut_eighths=(1 4 7)

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly traces=$here/../testdata/traces

usage() {
  sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

fail() {
  echo "seed.sh: $*" >&2
  exit 1
}

# Prints the names of the seeds, such as go1.26/channels.
seeds() {
  {
    (cd "$traces" && find . -name '*.trace' -size "-$((small_bytes + 1))c" | sed 's|^\./||; s|\.trace$||')
    printf '%s\n' "${wanted[@]}"
  } | sort -u
}

is_v1() {
  local minor=${1#go1.}
  ((${minor%%/*} < 22))
}

# Succeeds if a target reads traces of this release.
is_for() {
  case $1 in
    v1) is_v1 "$2" ;;
    synth) ! is_v1 "$2" ;;
  esac
}

# Prints a trace in the form that the target expects.
input() {
  local target=$1 name=$2 trace=$traces/$2.trace
  case $target in
    v1) ;;
    synth)
      printf '\0'
      cat "$trace"
      return
      ;;
    *)
      cat "$trace"
      return
      ;;
  esac
  # The byte modulo three selects the header.
  case $name in
    go1.19/*) printf '\375' ;;
    go1.21/*) printf '\376' ;;
    *) fail "the target v1 has no byte for $name" ;;
  esac
  tail -c +17 "$trace"
}

# Fills the corpus of the target pprof: decompressed profiles, their first halves, and one
# compressed profile.
seed_profiles() {
  local corpus=$out/pprof profile seed
  mkdir -p "$corpus"
  for profile in "$here"/../testdata/profiles/*/*.pb.gz; do
    seed=$corpus/$(basename "$(dirname "$profile")")-$(basename "$profile" .pb.gz)
    gunzip -c "$profile" >"$seed"
    head -c $(($(wc -c <"$seed") / 2)) "$seed" >"$seed-half"
  done
  cp "$profile" "$corpus/packed"
  echo "pprof: $(find "$corpus" -type f | wc -l) inputs"
}

# Fills the corpus of the target text_profile: profiles in text form, and their ends.
seed_texts() {
  local corpus=$out/text_profile text seed
  mkdir -p "$corpus"
  for text in "$here"/../testdata/text-profiles/*/*.txt.gz; do
    seed=$corpus/$(basename "$(dirname "$text")")-$(basename "$text" .txt.gz)
    {
      printf '\4'
      # Not a pipe, since gunzip would fail when head closes it.
      head -c 4000 < <(gunzip -c "$text")
    } >"$seed"
    {
      printf '\1'
      gunzip -c "$text" | tail -c 1500
    } >"$seed-end"
  done
  echo "text_profile: $(find "$corpus" -type f | wc -l) inputs"
}

# Fills the corpus of the target gctrace: the first and last lines of each log, and logs with other
# lines in between.
seed_logs() {
  local corpus=$out/gctrace log seed
  mkdir -p "$corpus"
  for log in "$here"/../testdata/gctrace/logs/*.log; do
    seed=$corpus/$(basename "$log" .log)
    head -n 12 "$log" >"$seed-head"
    tail -c 1500 "$log" >"$seed-tail"
  done
  for log in "$here"/../testdata/leaks/captures/go1.27/*/gctrace.log.gz; do
    # Not a pipe, since gunzip would fail when head closes it.
    head -c 4000 < <(gunzip -c "$log") >"$corpus/leaks-$(basename "$(dirname "$log")")"
  done
  echo "gctrace: $(find "$corpus" -type f | wc -l) inputs"
}

# Fills the corpus of the target dump: goroutine dumps, complete and truncated, and with a prefix on
# each line.
seed_dumps() {
  local corpus=$out/dump dump seed
  mkdir -p "$corpus"
  for dump in "$here"/../testdata/dumps/*/*.txt; do
    seed=$corpus/$(basename "$(dirname "$dump")")-$(basename "$dump" .txt)
    head -c 3000 "$dump" >"$seed-head"
    tail -c 1500 "$dump" >"$seed-tail"
    head -c 2000 "$dump" | sed 's/^/2026-11-30T19:57:07Z stderr F /' >"$seed-prefix"
  done
  echo "dump: $(find "$corpus" -type f | wc -l) inputs"
}

# Prints a part of an input of the target diagnose: its kind, its length in two bytes, and the file.
part() {
  local kind=$1 file=$2 size
  size=$(wc -c <"$file")
  ((size < 65536)) || return 0
  # shellcheck disable=SC2059 # the format contains the bytes
  printf "\\$(printf %03o "$kind")\\$(printf %03o $((size % 256)))\\$(printf %03o $((size / 256)))"
  cat "$file"
}

# Fills the corpus of the target diagnose: for each capture the profiles with the log, and the trace
# with the log.
seed_captures() {
  local corpus=$out/diagnose scratch capture name file
  mkdir -p "$corpus"
  scratch=$(mktemp -d)
  for capture in "$here"/../testdata/leaks/captures/go1.{21,27}/{chansend,timeafter,slow,workerpool,cachewarm,batch}; do
    name=$(basename "$(dirname "$capture")")-$(basename "$capture")
    rm -f "$scratch"/*
    for file in "$capture"/*.gz; do
      gunzip -c "$file" >"$scratch/$(basename "$file" .gz)"
    done
    for file in "$scratch"/*.pb; do
      part 0 "$file"
    done >"$corpus/$name-profiles"
    part 2 "$scratch/gctrace.log" >>"$corpus/$name-profiles"
    {
      part 1 "$capture/trace"
      part 2 "$scratch/gctrace.log"
      part 0 "$scratch/heap.3.pb"
    } >"$corpus/$name-trace"
  done
  rm -r "$scratch"
  echo "diagnose: $(find "$corpus" -type f | wc -l) inputs"
}

# Adds inputs with choices, and the texts of Go's test cases, to the corpus of the target synth.
seed_choices() {
  local corpus=$1 trace case
  for trace in "$traces"/go1.2[67]/channels.trace "$traces"/go1.2[67]/gc.trace; do
    {
      printf '\2'
      head -c 2016 "$trace" | tail -c +17
    } >"$corpus/choices-$(cksum <"$trace" | cut -d' ' -f1)"
  done
  if [[ -n ${GOTRACE_GOROOT:-} ]]; then
    for case in "$GOTRACE_GOROOT"/src/internal/trace/testdata/tests/*.test; do
      {
        printf '\1'
        sed '1,/^-- trace --$/d' "$case"
      } >"$corpus/text-$(basename "$case" .test)"
    done
  fi
  echo "synth: $(find "$corpus" -type f | wc -l) inputs"
}

seed_target() {
  local target=$1 corpus=$out/$1 name seed size eighths
  mkdir -p "$corpus"
  while read -r name; do
    is_for "$target" "$name" || continue
    seed=$corpus/${name/\//-}
    input "$target" "$name" >"$seed"
    size=$(wc -c <"$seed")
    for eighths in "${cut_eighths[@]}"; do
      head -c $((size * eighths / 8)) "$seed" >"$seed-cut$eighths"
    done
  done < <(seeds)
  if [[ $target == synth ]]; then
    seed_choices "$corpus"
    return
  fi
  if [[ $target != v1 && -n ${GOTRACE_GOROOT:-} ]]; then
    cargo run --quiet --locked --manifest-path "$here/Cargo.toml" --example text_seeds -- \
      "$GOTRACE_GOROOT/src/internal/trace/testdata/tests" "$corpus"
  fi
  echo "$target: $(find "$corpus" -type f | wc -l) inputs"
}

out=$here/corpus
targets=()
while (($# > 0)); do
  case $1 in
    -h | --help)
      usage
      exit
      ;;
    -o)
      (($# >= 2)) || fail "-o needs a directory"
      out=$2
      shift
      ;;
    -*) fail "unknown option $1; see --help" ;;
    *) targets+=("$1") ;;
  esac
  shift
done
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$here/fuzz_targets"
if ((${#targets[@]} == 0)); then
  targets=(*.rs)
fi
for target in "${targets[@]%.rs}"; do
  [[ -f $target.rs ]] || fail "there is no target $target"
  case $target in
    pprof) seed_profiles ;;
    text_profile) seed_texts ;;
    gctrace) seed_logs ;;
    dump) seed_dumps ;;
    diagnose) seed_captures ;;
    *) seed_target "$target" ;;
  esac
done
