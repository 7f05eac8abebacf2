#!/usr/bin/env bash
# Captures programs of Debian under load, for a minute each: three heap and goroutine profiles,
# a trace of five seconds, and the GC log. Everything but the log is captured over HTTP. None of
# the programs is known to leak under this load.
#
# usage: testdata/leaks/real/load.sh [-o DIR] [-j JOBS] [PROGRAM[=BINARY]…]
#
#   -o DIR      the folder for the captures, such as DIR/etcd/trace
#               (default: ${GOTRACE_LEAKS:-$HOME/.cache/gotrace-leaks}/real)
#   -j JOBS     the number of programs that run in parallel (default: 2)
#   PROGRAM     one of: prometheus etcd caddy nats-server node-exporter victoria-metrics
#               pushgateway influxd docker-registry (default: all)
#   BINARY      the program, for another version, such as caddy=/tmp/caddy-go1.27. The captures are
#               stored under the name of this file. Without it, this script downloads Debian's
#               package, but does not install it
#
# The programs listen on 127.0.0.1 only. load.py sends requests. Some connections are closed and
# opened again all the time, so goroutines come and go. This needs curl, python3 and, without
# BINARY, apt-get and dpkg-deb.
set -euo pipefail
shopt -s inherit_errexit

readonly programs=(
  prometheus etcd caddy nats-server node-exporter victoria-metrics pushgateway influxd docker-registry
)
readonly warm_up=15
readonly between_profiles=20
readonly trace_seconds=5

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here

usage() {
  sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

fail() {
  echo "load.sh: $*" >&2
  exit 1
}

# Prints the path of the program in Debian's package, which it downloads.
debian_binary() {
  local package=$1 path=$1
  case $1 in
    etcd) package=etcd-server ;;
    node-exporter | pushgateway) package=prometheus-$1 path=prometheus-$1 ;;
    influxd) package=influxdb ;;
  esac
  (cd "$scratch" && apt-get download -qq "$package" 2>/dev/null && dpkg-deb -x "$package"_*.deb "debian-$1") ||
    fail "cannot download Debian's package $package"
  find "$scratch/debian-$1/usr" -path "*bin/$path" -type f
}

# Starts the program in the current folder and sets `profiles`, the URL of its profiles, `load`, the
# arguments of load.py, and `server`, the process.
start() {
  local name=$1 binary=$2 port=$3
  local address=127.0.0.1:$port
  local url=http://$address
  local arguments=()
  profiles=$url/debug/pprof
  case $name in
    prometheus)
      cat >prometheus.yml <<YML
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: itself
    static_configs: [{targets: ["$address"]}]
YML
      arguments=(--config.file=prometheus.yml --storage.tsdb.path=data "--web.listen-address=$address")
      load=("GET $url/api/v1/query?query=up" "GET $url/api/v1/query_range?query=rate(go_gc_duration_seconds_count[10s])&start=NOW-60&end=NOW&step=1" "GET $url/metrics" "GET $url/api/v1/targets")
      ;;
    etcd)
      arguments=(--data-dir data --enable-pprof "--listen-client-urls=$url" "--advertise-client-urls=$url"
        "--listen-peer-urls=http://127.0.0.1:$((port + 1))" "--initial-advertise-peer-urls=http://127.0.0.1:$((port + 1))"
        "--initial-cluster=default=http://127.0.0.1:$((port + 1))")
      load=("POST $url/v3/kv/put {\"key\":\"a2V5\",\"value\":\"dmFsdWU=\"}" "POST $url/v3/kv/range {\"key\":\"a2V5\"}"
        "POST $url/v3/lease/grant {\"TTL\":2}" "STREAM $url/v3/watch {\"create_request\":{\"key\":\"a2V5\"}}" "GET $url/metrics")
      ;;
    caddy)
      mkdir -p site
      head -c 200000 /dev/urandom | base64 >site/large.txt
      cat >Caddyfile <<CADDY
{
  admin $address
  auto_https off
}
http://127.0.0.1:$((port + 1)) {
  encode gzip
  handle /backend/* {
    reverse_proxy 127.0.0.1:$((port + 2))
  }
  root * site
  file_server
}
http://127.0.0.1:$((port + 2)) {
  respond "backend"
}
CADDY
      arguments=(run --config Caddyfile)
      local site=http://127.0.0.1:$((port + 1))
      load=("GET $site/large.txt" "GET $site/backend/x" "GET $site/missing")
      ;;
    nats-server)
      arguments=(--addr 127.0.0.1 --port $((port + 1)) --profile "$port")
      load=("NATS 127.0.0.1:$((port + 1))")
      ;;
    node-exporter)
      arguments=("--web.listen-address=$address")
      load=("GET $url/metrics" "GET $url/")
      ;;
    victoria-metrics)
      arguments=(-storageDataPath=data "-httpListenAddr=$address")
      load=("POST $url/write metric,host=a,n=RANDOM value=RANDOM" "GET $url/api/v1/query?query=metric_value" "GET $url/metrics")
      ;;
    pushgateway)
      arguments=("--web.listen-address=$address")
      load=("POST $url/metrics/job/jRANDOM value RANDOM\n" "GET $url/metrics" "GET $url/api/v1/metrics")
      ;;
    influxd)
      cat >influxdb.conf <<CONF
bind-address = "127.0.0.1:$((port + 1))"
reporting-disabled = true
[meta]
  dir = "data/meta"
[data]
  dir = "data/data"
  wal-dir = "data/wal"
[http]
  bind-address = "$address"
CONF
      arguments=(-config influxdb.conf)
      load=("POST $url/query?q=CREATE%20DATABASE%20db" "POST $url/write?db=db metric,n=RANDOM value=RANDOM" "GET $url/query?db=db&q=SELECT%20mean(value)%20FROM%20metric")
      ;;
    docker-registry)
      cat >registry.yml <<YML
version: 0.1
storage: {filesystem: {rootdirectory: data}}
http: {addr: "127.0.0.1:$((port + 1))", debug: {addr: "$address"}}
YML
      arguments=(serve registry.yml)
      local registry=http://127.0.0.1:$((port + 1))
      load=("GET $registry/v2/" "GET $registry/v2/_catalog" "POST $registry/v2/image/blobs/uploads/" "GET $registry/v2/image/tags/list")
      ;;
    *) fail "there is no program $name" ;;
  esac
  GODEBUG=gctrace=1 "$binary" "${arguments[@]}" >stdout 2>out/gctrace.log &
  server=$!
}

# Runs in a subshell.
capture() {
  local name=$1 binary=$2 port=$3 stored_as=$4
  local room=$scratch/run-$stored_as
  local profiles load server n
  mkdir -p "$room/out"
  cd "$room"
  start "$name" "$binary" "$port"
  # shellcheck disable=SC2064 # the variable is expanded now
  trap "kill $server 2>/dev/null" EXIT
  for ((n = 0; n < 50; n++)); do
    ! curl -sfo /dev/null "$profiles/goroutine" || break
    sleep 0.2
  done
  ((n < 50)) || fail "$name does not answer: $(tail -n 1 out/gctrace.log)"
  "$here/load.py" $((warm_up + 2 * between_profiles + 10)) "${load[@]}" >load.txt &
  local client=$!
  sleep "$warm_up"
  for n in 1 2 3; do
    curl -sfo "out/heap.$n.pb.gz" "$profiles/heap"
    curl -sfo "out/goroutine.$n.pb.gz" "$profiles/goroutine"
    if ((n < 3)); then
      sleep $((between_profiles - trace_seconds))
      if ((n == 2)); then
        # influxd and pushgateway have no traces. etcd 3.4 has a space in the name.
        curl -sfo out/trace "$profiles/trace?seconds=$trace_seconds" ||
          curl -sfo out/trace "$profiles/trace%20?seconds=$trace_seconds" || sleep "$trace_seconds"
      else
        sleep "$trace_seconds"
      fi
    fi
  done
  wait "$client" || true
  printf '{"name": "%s", "kind": "lookalike", "mode": "real", "piles_up": false, "culprits": []}\n' "$stored_as" >out/truth.json
  rm -rf "${out:?}/$stored_as"
  mv out "$out/$stored_as"
  echo "$out/$stored_as: $(tail -n 1 load.txt)"
}

out=${GOTRACE_LEAKS:-$HOME/.cache/gotrace-leaks}/real
jobs=2
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
    -*) fail "unknown option $1; see --help" ;;
    *) wanted+=("$1") ;;
  esac
  shift
done
((${#wanted[@]} > 0)) || wanted=("${programs[@]}")
mkdir -p "$out"
out=$(cd "$out" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

port=19100
for program in "${wanted[@]}"; do
  name=${program%%=*}
  stored_as=$name
  if [[ $program == *=* ]]; then
    binary=$(realpath "${program#*=}")
    stored_as=$(basename "$binary")
  else
    binary=$(debian_binary "$name")
  fi
  while (($(jobs -rp | wc -l) >= jobs)); do
    wait -n || true
  done
  (capture "$name" "$binary" "$port" "$stored_as") &
  port=$((port + 10))
done
wait
