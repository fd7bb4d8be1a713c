# shellcheck shell=bash
# The images. TESTBED_REBUILD=1 builds all of them again.

image_stands() { [ -z "${TESTBED_REBUILD:-}" ] && docker image inspect "$1" >/dev/null 2>&1; }

# base SUITE: a minimal Debian, from the machine's own package sources.
base() { once "$(base_reference "$1")" image_stands bootstrap "$1"; }

bootstrap() {
  local sources=$TESTBED_CACHE/$1.sources tar=$TESTBED_CACHE/$1.tar own=() options=()
  packages mmdebstrap
  # The machine's own mirror under another suite's name; mmdebstrap's default where there is no such file.
  if [ -f /etc/apt/sources.list.d/debian.sources ]; then
    sed "s/$(. /etc/os-release && echo "$VERSION_CODENAME")/$1/g" /etc/apt/sources.list.d/debian.sources >"$sources"
    own=("$sources")
  fi
  if [ "$1" = sid ]; then
    # It has neither updates nor security. A mirror that is a snapshot keeps its list of that day.
    options=(--aptopt='Acquire::Check-Valid-Until "false"')
    [ ${#own[@]} = 0 ] || sed -i -e '/^$/,$d' -e 's/^Suites:.*/Suites: sid/' "$sources"
  fi
  run "base-$1" mmdebstrap "${options[@]}" --variant=minbase --include="$base_packages" "$1" "$tar" "${own[@]}"
  run "import-$1" docker import "$tar" "$(base_reference "$1")"
  rm -f "$tar" "$sources"
}

# docker_build NAME BASE [SUITE]: the image NAME from images/NAME, after the Debian below it where that is made here.
docker_build() { once "${image[$1]}" image_stands docker_build_now "$@"; }

docker_build_now() {
  [ -z "${3:-}" ] || base "$3"
  run "image-$1" env DOCKER_BUILDKIT=0 docker build --build-arg "BASE=$2" -t "${image[$1]}" "$recipes/$1"
}

node_image() {
  if [ -n "$TESTBED_NODE_BASE_IMAGE" ]; then docker_build node "$node_base"; else docker_build node "$node_base" "$TESTBED_SUITE"; fi
}

# python_in IMAGE: the interpreter that build-tree.sh takes, as X.Y.
python_in() {
  docker run --rm --network none --entrypoint /bin/sh "$1" -c \
    '"$(command -v python3.11 || command -v python3.13 || command -v python3)" -c "import sys; print(\"%d.%d\" % sys.version_info[:2])"'
}

rabbitmq_image() {
  if [ -n "$TESTBED_RABBITMQ_IMAGE" ]; then
    once "$TESTBED_RABBITMQ_IMAGE" image_stands run pull-rabbitmq docker pull "$TESTBED_RABBITMQ_IMAGE"
  else
    docker_build rabbitmq "$rabbitmq_base" "$TESTBED_RABBITMQ_SUITE"
  fi
  once "${asset[rabbitmq.tar]}" asset_stands save_rabbitmq
}

save_rabbitmq() {
  local tar=$assets/${asset[rabbitmq.tar]}
  run save-rabbitmq docker save -o "$tar.part" "${image[rabbitmq]}"
  mv "$tar.part" "$tar"
}

galaxy_image() { once "${image[galaxy]}" image_stands galaxy_build; }

galaxy_build() {
  local build=$repository-galaxy-build-${image[galaxy]##*-}
  wheels "${image[node]}" galaxy --no-deps --requirement "$galaxy_lock"
  docker rm -f "$build" >/dev/null 2>&1 || true
  run galaxy-tree docker run --name "$build" --network none -v "$assets/${asset[wheels-galaxy]}:/wheels:ro" \
    -v "$recipes/galaxy:/recipe:ro" -v "$galaxy_lock:/lock.txt:ro" "${image[node]}" /recipe/build-tree.sh
  run image-galaxy docker commit --change 'CMD ["/sbin/init"]' "$build" "${image[galaxy]}"
  docker rm "$build" >/dev/null
}
