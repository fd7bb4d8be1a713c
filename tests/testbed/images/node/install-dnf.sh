# Rocky Linux and AlmaLinux 9. The engine comes from Docker's own repository, InfluxDB from InfluxData's: neither is in the system's.
cat >/etc/yum.repos.d/docker-ce.repo <<'REPOSITORY'
[docker-ce-stable]
name=Docker CE
baseurl=https://download.docker.com/linux/centos/9/$basearch/stable
gpgcheck=1
gpgkey=https://download.docker.com/linux/centos/gpg
REPOSITORY
cat >/etc/yum.repos.d/influxdata.repo <<'REPOSITORY'
[influxdata]
name=InfluxData
baseurl=https://repos.influxdata.com/stable/$basearch/main
gpgcheck=1
gpgkey=https://repos.influxdata.com/influxdata-archive.key
REPOSITORY
# The images have curl-minimal, which --allowerasing replaces, and leave documentation out, where rsync has its rrsync.
dnf install -y --allowerasing --setopt=install_weak_deps=False --setopt=tsflags= \
  systemd dbus-daemon python3 python3-dnf python3-packaging python3.11 \
  ca-certificates iproute iptables-nft procps-ng curl openssl sudo kmod glibc-langpack-en \
  openssh-server openssh-clients rsync perl-interpreter perl-PathTools perl-Socket \
  docker-ce docker-ce-cli containerd.io python3-requests \
  postgresql-server python3-psycopg2 python3-ruamel-yaml \
  influxdb
dnf clean all
