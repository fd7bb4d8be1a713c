#!/usr/bin/env bash
# platforms.sh test|create|converge|verify|destroy: a step of the scenario platforms, on the image that MOLECULE_IMAGE names, with everything
# downloaded. Without it: on the test bed's node, with what the bed has built.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=versions.env
. "$here/versions.env"
export TESTBED_PROJECT=${TESTBED_PROJECT:-galaxy-celery}-platforms
export MOLECULE_DOCKER_PLAYBOOKS
MOLECULE_DOCKER_PLAYBOOKS=$(python -c 'import molecule_plugins.docker as docker; print(docker.__path__[0])')/playbooks
if [ -z "${MOLECULE_IMAGE:-}" ]; then
  export MOLECULE_IMAGE PLATFORMS_ASSETS=$TESTBED_CACHE/projects/$TESTBED_PROJECT/assets
  MOLECULE_IMAGE=$("$here/build.sh" image node)
  "$here/build.sh" project "$TESTBED_PROJECT"
fi
exec molecule "$1" -s platforms
