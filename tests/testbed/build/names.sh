# shellcheck shell=bash
# What the images and assets of this checkout are called with these settings. A name ends with the digest of what the
# thing is made from, and an image's digest is part of what the next one is made from.
repository=usegalaxy-eu-testbed
recipes=$here/images
declare -A image asset

# recipe VALUE|FOLDER...: the digest of what something is made from.
recipe() {
  local part
  for part in "$@"; do
    if [ -d "$part" ]; then (cd "$part" && find . -type f -print0 | sort -z | xargs -0 sha256sum); else echo "$part"; fi
  done | sha256sum | cut -c1-12
}

# reference NAME VARIANT VALUE|FOLDER...: an image's name and tag.
reference() { echo "$repository/$1:$2-$(recipe "${@:3}")"; }

# base_reference SUITE: a minimal Debian, made here.
base_packages=ca-certificates
base_reference() { reference base "$1" "$1" "$base_packages"; }

# What the nodes are made from, in front of the digest for those who read a list of images.
node_base=${TESTBED_NODE_BASE_IMAGE:-$(base_reference "$TESTBED_SUITE")}
system=${TESTBED_NODE_BASE_IMAGE:-$TESTBED_SUITE}
system=${system//[^A-Za-z0-9_.-]/-}
# A whole Galaxy, each package as its release pins it.
galaxy=$TESTBED_GALAXY_VERSION${TESTBED_GALAXY_CELERY:+-celery-$TESTBED_GALAXY_CELERY}
galaxy_lock=$here/locks/galaxy-$galaxy.txt
[ -f "$galaxy_lock" ] || die "there is no lock for this Galaxy; \`make galaxy-locks GALAXY=$galaxy\` writes one"
flower_requirements=("flower==$TESTBED_FLOWER_VERSION" "celery==$TESTBED_CELERY_VERSION")

image[node]=$(reference node "$system" "$node_base" "$recipes/node")
image[galaxy]=$(reference galaxy "$galaxy-$system" "${image[node]}" "$recipes/galaxy" "$(cat "$galaxy_lock")")
image[edge]=$(reference edge "$system" "${image[node]}" "$recipes/edge")
image[nfs]=$(reference nfs "$system" "${image[galaxy]}" "$recipes/nfs")
image[monitoring]=$(reference monitoring "$system" "${image[galaxy]}" "$recipes/monitoring")
rabbitmq_base=$(base_reference "$TESTBED_RABBITMQ_SUITE")
image[rabbitmq]=${TESTBED_RABBITMQ_IMAGE:-$(reference rabbitmq "$TESTBED_RABBITMQ_SUITE" "$rabbitmq_base" "$recipes/rabbitmq")}
# The machine of vm.sh.
vm_base=$(base_reference bookworm)
image[vm]=$(reference vm bookworm "$vm_base" "$recipes/vm")

asset[rabbitmq.tar]=rabbitmq-$(recipe "${image[rabbitmq]}").tar
asset[wheels-galaxy]=wheels-galaxy-$(recipe "$(cat "$galaxy_lock")")
asset[wheels-flower]=wheels-flower-$(recipe "${flower_requirements[@]}")
# The environment of this project, for the same machine.
asset[wheels-environment]=wheels-environment-$(recipe "$(cat "$here/../requirements.txt" "$here/../constraints.txt")")
asset[traefik]=traefik-$TESTBED_TRAEFIK_VERSION
asset[telegraf]=telegraf-$TESTBED_TELEGRAF_VERSION-$(recipe "$TESTBED_TELEGRAF_TAGS")
asset[pebble]=pebble-$TESTBED_PEBBLE_VERSION
asset[influxd]=influxd-$TESTBED_INFLUXDB_VERSION
# A given file is called after its content.
[ -z "$TESTBED_TRAEFIK_BINARY" ] || asset[traefik]=traefik-$(sha256sum <"$TESTBED_TRAEFIK_BINARY" | cut -c1-12)
[ -z "$TESTBED_TELEGRAF_BINARY" ] || asset[telegraf]=telegraf-$(sha256sum <"$TESTBED_TELEGRAF_BINARY" | cut -c1-12)

# project NAME: tells a project of containers what it is made from (images.json, which the inventory reads), and hands
# it the assets that are there under their plain names (hard links, so another recipe's build does not change them).
project() {
  local folder=$TESTBED_CACHE/projects/$1 name
  mkdir -p "$folder/assets"
  # The nodes have the folder itself mounted, so what it holds is replaced and it stays.
  find "$folder/assets" -mindepth 1 -delete
  for name in "${!asset[@]}"; do
    [ ! -e "$assets/${asset[$name]}" ] || cp -al "$assets/${asset[$name]}" "$folder/assets/$name"
  done
  images_json >"$folder/images.json"
}

images_json() {
  local name separator='{'
  for name in "${!image[@]}"; do
    printf '%s"%s": "%s"' "$separator" "$name" "${image[$name]}"
    separator=', '
  done
  echo '}'
}
