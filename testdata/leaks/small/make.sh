#!/usr/bin/env bash
# Runs the programs in this folder and stores what a diagnosis gets from them: inputs that are
# too few, too short or do not belong together, and one short series of profiles.
#
# usage: testdata/leaks/small/make.sh [DIR]
#
#   DIR    the folder for the captures (default: testdata/leaks/small/captures)
#
# This needs the same tools as ../make.sh.
set -euo pipefail
shopt -s inherit_errexit

readonly version=1.27.3 minor=1.27

if [[ ${1:-} == -* ]]; then
  sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
  exit
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$here/captures}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$here/../make.sh" -o "$scratch" "$version" -- web worker restart onecycle instant fastleak
from=$scratch/go$minor

# Stores a captured file: store PROGRAM FILE NAME
store() {
  mkdir -p "$(dirname "$out/$3")"
  cp "$from/$1/$2" "$out/$3"
}

rm -rf "$out"
store web heap.pb.gz one-profile/heap.pb.gz
store web heap.pb.gz two-programs/heap.web.pb.gz
store worker heap.pb.gz two-programs/heap.worker.pb.gz
store restart heap.1.pb.gz restart/heap.1.pb.gz
store restart heap.2.pb.gz restart/heap.2.pb.gz
store restart gctrace.log.gz restart/gctrace.log.gz
store onecycle gctrace.log.gz one-collection/gctrace.log.gz
store instant trace instant/trace
for n in 1 2 3 4 5; do
  store fastleak "heap.$n.pb.gz" "fastleak/heap.$n.pb.gz"
done
store fastleak gctrace.log.gz fastleak/gctrace.log.gz
