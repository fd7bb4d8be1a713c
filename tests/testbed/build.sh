#!/usr/bin/env bash
# Builds, once, what the test bed needs: a Docker engine, images, binaries. Each is called after the digest of its recipe
# (build/names.sh), so a changed recipe builds another one, and checkouts with other recipes leave each other's alone.
#   build.sh all | edge | monitoring | telegraf | vm | browser | bench | docs     build
#   build.sh project NAME | image NAME | asset NAME                what was built, and where
#   build.sh names | named | clean                                 remove what no recipe of this checkout names any more
#   build.sh engine | engine-answers | engine-stop                 the Docker engine alone
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=versions.env
. "$here/versions.env"
for part in base engine names images assets clean; do
  # shellcheck source=/dev/null
  . "$here/build/$part.sh"
done

case ${1:-all} in
  engine) engine ;;
  engine-answers) engine_answers ;;
  engine-stop) engine_stop ;;
  all)
    # The unit tests of galaxy_release drive the real rsync; the nodes are reached by SSH.
    packages rsync openssh-client
    engine
    # The binary needs one core for minutes, so it is built beside the images.
    telegraf & telegraf_pid=$!
    node_image
    rabbitmq_image
    galaxy_image
    wheels "${image[node]}" flower "${flower_requirements[@]}"
    traefik
    wait "$telegraf_pid" || die "Telegraf was not built"
    say "ready" ;;
  edge | monitoring | telegraf | vm) "scenario_$1" ;;
  browser) packages chromium ;;
  bench) packages rsync openssh-server gnuplot-nox ;;
  docs) command -v dot >/dev/null || packages graphviz ;;
  project) project "$2" ;;
  image) echo "${image[$2]:?is no image of the test bed}" ;;
  asset) echo "$assets/${asset[$2]:?is no asset of the test bed}" ;;
  names) names ;;
  named) named ;;
  clean) clean ;;
  *) die "unknown command '$1'; build.sh begins with a list of them" ;;
esac
