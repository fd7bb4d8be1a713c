# Debian and Ubuntu.
packages="systemd systemd-sysv dbus python3 python3-apt python3-venv python3-packaging
  ca-certificates iproute2 iptables procps curl openssl sudo kmod
  openssh-server openssh-client rsync python3-gdbm
  docker.io python3-requests
  postgresql python3-psycopg2 python3-ruamel.yaml
  influxdb influxdb-client"
apt-get update
# Debian 13 has the engine's client in a package of its own.
if apt-cache show docker-cli >/dev/null 2>&1; then packages="$packages docker-cli"; fi
# The unstable suite's own Python is newer than any that Galaxy's pins have wheels for.
if apt-cache show python3.13-venv >/dev/null 2>&1; then packages="$packages python3.13-venv"; fi
# shellcheck disable=SC2086
apt-get install -y --no-install-recommends $packages
apt-get clean
rm -rf /var/lib/postgresql/*/main /etc/postgresql/*/main
