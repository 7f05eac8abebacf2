#!/usr/bin/env bash
# Captures two real programs under load: Debian's prometheus, over HTTP like any service,
# and npm's esbuild, which can write profiles of itself.
#
# usage: testdata/leaks/real/make.sh PROMETHEUS ESBUILD [DIR]
#
#   PROMETHEUS  the binary from Debian's package prometheus
#   ESBUILD     the binary from npm's package @esbuild/linux-x64
#   DIR         the folder for the captures (default: testdata/leaks/real)
#
# Both run in /srv of their own mount namespace, for a minute. prometheus scrapes itself, listens
# on 127.0.0.1 only and gets some queries per second. This needs root or user namespaces, curl
# and python3.
set -euo pipefail
shopt -s inherit_errexit

readonly address=127.0.0.1:19090
readonly max_bytes=1000000

# This runs in the namespace, where the scratch folder is /srv.
run_prometheus() {
  cat >/srv/prometheus.yml <<'EOF'
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: itself
    static_configs: [{targets: ["127.0.0.1:19090"]}]
EOF
  GODEBUG=gctrace=1 GOMAXPROCS=1 /srv/prometheus --config.file=/srv/prometheus.yml --storage.tsdb.path=/srv/data \
    --web.listen-address="$address" 2>/srv/out/gctrace.log &
  local server=$!
  # shellcheck disable=SC2064 # the variable is expanded now
  trap "kill $server" EXIT
  until curl -sfo /dev/null "http://$address/-/ready"; do sleep 0.2; done
  ask &
  local asker=$!
  sleep 10
  for n in 1 2 3; do
    sleep 12
    curl -sfo "/srv/out/heap.$n.pb.gz" "http://$address/debug/pprof/heap"
    curl -sfo "/srv/out/goroutine.$n.pb.gz" "http://$address/debug/pprof/goroutine"
    if ((n == 2)); then
      curl -sfo /srv/out/trace "http://$address/debug/pprof/trace?seconds=1"
    fi
  done
  kill "$asker"
}

ask() {
  while sleep 0.2; do
    curl -sfo /dev/null "http://$address/api/v1/query_range?query=rate(prometheus_http_requests_total%5B10s%5D)&start=$(($(date +%s) - 60))&end=$(date +%s)&step=1" || true
    curl -sfo /dev/null "http://$address/api/v1/query?query=histogram_quantile(0.9,sum%20by(le,handler)(rate(prometheus_http_request_duration_seconds_bucket%5B30s%5D)))" || true
  done
}

run_esbuild() {
  python3 - <<'EOF'
import pathlib
src = pathlib.Path("/srv/src")
src.mkdir()
for m in range(120):
    body = "".join(f"export function f{m}_{i}(a, b) {{ return a.map(x => x * {i} + b).filter(Boolean) }}\n" for i in range(60))
    src.joinpath(f"m{m}.js").write_text((f"import './m{m - 1}.js'\n" if m else "") + body + f"console.log(f{m}_0)\n")
EOF
  GODEBUG=gctrace=1 GOMAXPROCS=2 /srv/esbuild --bundle --minify /srv/src/m119.js --outfile=/srv/bundle.js \
    --heap=/srv/out/heap.1.pb.gz --trace=/srv/out/trace --log-level=warning 2>/srv/out/gctrace.log
}

# This script runs itself in the namespace.
if [[ ${1:-} == --inside ]]; then
  mkdir /srv/out
  "run_$2"
  exit
fi

if (($# < 2)) || [[ $1 == -* ]]; then
  sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
  exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${3:-$here}
namespaces=(--mount)
((EUID == 0)) || namespaces=(--user --map-root-user --mount)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for name in prometheus esbuild; do
  room=$scratch/$name
  mkdir -p "$room" "$out"
  cp "$1" "$room/$name"
  cp "${BASH_SOURCE[0]}" "$room/make.sh"
  shift
  # shellcheck disable=SC2016 # the arguments of the inner shell
  unshare "${namespaces[@]}" sh -c 'mount --bind "$1" /srv && cd /srv && exec bash /srv/make.sh --inside "$2"' sh "$room" "$name"
  gzip -9n "$room/out/gctrace.log"
  for file in "$room"/out/*; do
    (($(wc -c <"$file") < max_bytes)) || { echo "make.sh: $file is too large" >&2; exit 1; }
  done
  rm -rf "${out:?}/$name"
  mv "$room/out" "$out/$name"
  ls -l "$out/$name"
done
