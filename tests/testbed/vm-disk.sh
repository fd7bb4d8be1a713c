#!/usr/bin/env bash
# Makes the disk of vm.sh: a clone of the project, its environment, the images and the assets. A container makes them at this
# machine's speed; its engine stores the images where the machine's own finds them.
#   vm-disk.sh FOLDER CONTAINER     makes FOLDER/disk.img, FOLDER/boot and FOLDER/key; vm.sh removes both
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=versions.env
. "$here/versions.env"
for part in base names; do
  # shellcheck source=/dev/null
  . "$here/build/$part.sh"
done
root=$(cd "$here/../.." && pwd)
work=$1 maker=$2

mkdir "$work/docker" "$work/root"
git -C "$root" bundle create -q "$work/project.bundle" HEAD
ssh-keygen -q -t ed25519 -N '' -f "$work/key"
docker run --detach --name "$maker" --network none --cap-add SYS_ADMIN --cap-add NET_ADMIN \
  --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
  -v "$work/docker:/var/lib/docker" -v "$work/project.bundle:/mnt/project.bundle:ro" -v "$assets:/mnt/assets:ro" \
  "${image[vm]}" dockerd --iptables=false --bridge=none
for _ in $(seq 60); do docker exec "$maker" docker info >/dev/null 2>&1 && break; sleep 1; done
docker save "${image[node]}" "${image[galaxy]}" "${image[nfs]}" "${image[rabbitmq]}" | docker exec -i "$maker" docker load
docker exec "$maker" git clone -q /mnt/project.bundle /srv/celery
docker exec -e PIP_NO_INDEX=1 -e "PIP_FIND_LINKS=/mnt/assets/${asset[wheels-environment]}" "$maker" make -C /srv/celery venv
docker exec "$maker" mkdir -p /root/.cache/usegalaxy_eu.celery/assets
for name in rabbitmq.tar wheels-flower traefik telegraf; do
  docker exec "$maker" cp -a "/mnt/assets/${asset[$name]}" /root/.cache/usegalaxy_eu.celery/assets/
done
docker exec "$maker" ssh-keygen -q -A
docker stop "$maker"
docker export "$maker" | tar -x -C "$work/root"
docker rm "$maker"
rmdir "$work/root/var/lib/docker"
mv "$work/docker" "$work/root/var/lib/docker"
rm -f "$work/root/.dockerenv"
# Docker keeps these to itself.
echo testbed-vm >"$work/root/etc/hostname"
echo '127.0.0.1 localhost testbed-vm' >"$work/root/etc/hosts"
install -D -m 0600 "$work/key.pub" "$work/root/root/.ssh/authorized_keys"
mv "$work/root/boot" "$work/boot"
truncate -s 40G "$work/disk.img"
mkfs.ext4 -q -d "$work/root" "$work/disk.img"
rm -rf "$work/root"
