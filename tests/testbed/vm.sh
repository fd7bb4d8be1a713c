#!/usr/bin/env bash
# Boots a machine with a kernel of its own under qemu, with a clone of this project, and runs the test bed there: cgroups
# of version 2, NFS of the kernel. The machine reaches no network: its disk has all that it needs.
#   vm.sh             the scenario vm, from create to destroy
#   VM=full vm.sh     the demo too
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=versions.env
. "$here/versions.env"
for part in base engine names images assets; do
  # shellcheck source=/dev/null
  . "$here/build/$part.sh"
done
: "${VM:=}" "${VM_CPUS:=$(nproc)}" "${VM_MEMORY_MB:=$([ "$VM" = full ] && echo 14336 || echo 7168)}"
# Emulation is about eleven times slower than the machine below.
BOOT_SECONDS=1800
root=$(cd "$here/../.." && pwd)
logs=$TESTBED_CACHE/logs/vm
work=$TESTBED_CACHE/vm-$$
maker=$repository-vm-$$
qemu=

clean_up() {
  trap - EXIT
  [ -z "$qemu" ] || { kill "$qemu" 2>/dev/null || true; wait "$qemu" 2>/dev/null || true; }
  docker rm --force "$maker" >/dev/null 2>&1 || true
  rm -rf "$work"
}

# build: the image of the machine, and the wheels of the environment that Ansible runs in.
build() {
  packages qemu-system-x86 openssh-client e2fsprogs
  "$here/build.sh" all
  "$here/build.sh" vm
  docker_build vm "$vm_base" bookworm
  wheels "${image[vm]}" environment --requirement "$root/tests/requirements.txt" --constraint "$root/tests/constraints.txt"
}

# accelerator: KVM where it is the processor's own. Others (/sys/module/kvm_pvm) take only kernels made for them.
accelerator() {
  if [ -w /dev/kvm ] && { [ -d /sys/module/kvm_intel ] || [ -d /sys/module/kvm_amd ]; }; then
    echo -accel kvm -cpu host
  else
    echo -accel tcg,thread=multi -cpu max
  fi
}

in_machine() {
  ssh -q -i "$work/key" -p "$port" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ServerAliveInterval=60 \
    -o ServerAliveCountMax=30 root@127.0.0.1 "$@"
}

boot() {
  local start=$SECONDS
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  say "the machine boots ($(accelerator), $VM_CPUS processors, $VM_MEMORY_MB MB); its console is $logs/console.log"
  # shellcheck disable=SC2046  # words
  qemu-system-x86_64 $(accelerator) -smp "$VM_CPUS" -m "$VM_MEMORY_MB" -display none -serial "file:$logs/console.log" -no-reboot \
    -kernel "$work"/boot/vmlinuz-* -initrd "$work"/boot/initrd.img-* -append "console=ttyS0 root=/dev/vda rw" \
    -drive "file=$work/disk.img,if=virtio,format=raw,cache=unsafe" -device virtio-rng-pci \
    -nic "user,model=virtio-net-pci,restrict=on,hostfwd=tcp:127.0.0.1:$port-:22" >"$logs/qemu.log" 2>&1 &
  qemu=$!
  until in_machine -o ConnectTimeout=30 true; do
    kill -0 "$qemu" 2>/dev/null || { cat "$logs/qemu.log" >&2; die "qemu ended"; }
    [ $((SECONDS - start)) -lt $BOOT_SECONDS ] || { tail -n 20 "$logs/console.log" >&2; die "the machine did not boot"; }
    sleep 2
  done
  say "the machine is up after $((SECONDS - start)) s: $(in_machine 'docker info --format "cgroups of version {{ .CgroupVersion }}, driver {{ .CgroupDriver }}"')"
}

# An image that no recipe names goes, the others stay.
clean_test='node=$(tests/testbed/build.sh image node) && docker tag "$node" usegalaxy-eu-testbed/node:older && make testbed-clean &&
  docker image inspect "$node" >/dev/null && ! docker image inspect usegalaxy-eu-testbed/node:older'

passed=0 failed=0
# step NAME COMMAND: one step in the machine; the next ones run all the same.
step() {
  local start=$SECONDS log=$logs/$1.log
  say "$1 (in $log)"
  if in_machine "cd /srv/celery && $2" >"$log" 2>&1; then
    passed=$((passed + 1))
    say "$1: passed after $((SECONDS - start)) s"
  else
    failed=$((failed + 1))
    tail -n 60 "$log" >&2
    say "$1: FAILED after $((SECONDS - start)) s"
  fi
}

[ "$(id -u)" = 0 ] && [ "$(uname -m)" = x86_64 ] || die "root on an x86_64 machine is needed, to make the disk"
[ -z "$(git -C "$root" status --porcelain)" ] || die "the machine gets a clone of what is committed: commit first"
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$logs" "$work"
build
run vm-disk "$here/vm-disk.sh" "$work" "$maker"
boot
step vm "make molecule SCENARIO=vm"
step testbed-clean "$clean_test"
[ "$VM" != full ] || step demo "make demo"
echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
