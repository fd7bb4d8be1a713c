#!/bin/sh
# On a node, as root: an ordinary user with a key, who becomes root by sudo. Prints the node's host key, and whether it made the user.
#   operator.sh NAME PUBLIC_KEY <PASSWORD
set -eu
name=$1 key=$2 password=$(cat) state=there
if ! id "$name" >/dev/null 2>&1; then
  useradd --create-home --shell /bin/bash "$name"
  install -d -m 0700 -o "$name" -g "$name" "/home/$name/.ssh"
  state=made
fi
printf '%s\n' "$key" >"/home/$name/.ssh/authorized_keys"
if [ -n "$password" ]; then
  printf '%s:%s\n' "$name" "$password" | chpasswd
  echo "$name ALL=(ALL:ALL) ALL" >"/etc/sudoers.d/$name"
else
  echo "$name ALL=(ALL:ALL) NOPASSWD: ALL" >"/etc/sudoers.d/$name"
fi
chmod 0440 "/etc/sudoers.d/$name"
ssh-keygen -A >/dev/null
unit=ssh
[ -e /usr/lib/systemd/system/ssh.service ] || unit=sshd
systemctl enable --quiet --now "$unit.service"
cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub
echo "$state"
