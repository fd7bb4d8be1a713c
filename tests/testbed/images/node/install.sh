#!/bin/sh
# Installs what a node has, with the package manager that its system has, and leaves every service off.
set -eu
here=/usr/local/share/testbed
if command -v apt-get >/dev/null; then . "$here/install-apt.sh"; else . "$here/install-dnf.sh"; fi
find /usr/share/doc -mindepth 1 -maxdepth 1 ! -name rsync -exec rm -rf '{}' +
rm -rf /usr/share/man/* /usr/share/locale/* "$here"
rm -f /etc/ssh/ssh_host_* /usr/sbin/policy-rc.d
: >/etc/machine-id
# Some of them one family has alone.
for unit in docker.service docker.socket containerd.service postgresql.service influxdb.service ssh.service ssh.socket sshd.service firewalld.service; do
  if systemctl list-unit-files "$unit" | grep -q "^$unit"; then systemctl disable "$unit"; fi
done
systemctl mask systemd-udevd.service systemd-logind.service systemd-resolved.service systemd-timesyncd.service \
  getty.target console-getty.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
  dnf-makecache.timer
