# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print what is on this host, as JSON: files with mode, owner and content, units, accounts, containers, database."""

import hashlib
import json
import os
import stat
import subprocess
from pathlib import Path

ROOTS = ["/boot", "/etc", "/home", "/opt", "/root", "/run", "/srv", "/usr", "/var"]
# What running services, the package manager and Ansible write by themselves; the engine's and the database's own store.
OTHERS = (
    "/home/admin/.ansible",
    "/opt/testbed",
    "/root/.ansible",
    "/root/.cache",
    "/run/docker",
    "/run/containerd",
    "/run/lock",
    "/run/log",
    "/run/postgresql",
    "/run/systemd",
    "/run/user",
    "/srv/galaxy/var",
    "/usr/lib/python3/dist-packages/__pycache__",
    "/var/cache",
    "/var/lib/apt",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/dpkg",
    "/var/lib/influxdb",
    "/var/lib/postgresql",
    "/var/lib/private",
    "/var/lib/systemd",
    "/var/log",
    "/var/tmp",  # noqa: S108 it is only left out
)


def output(*command):
    """Return the lines that a command says; none where there is no such program, or nothing answers it."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except FileNotFoundError:
        return []
    return done.stdout.decode("utf-8", "replace").splitlines() if done.returncode == 0 else []


def content(path, at):
    """Return what tells one content from another."""
    if stat.S_ISLNK(at.st_mode):
        return str(Path(path).readlink())
    if not stat.S_ISREG(at.st_mode):
        return ""
    if at.st_size > 1 << 20:
        return f"{at.st_size} {at.st_mtime_ns}"
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def files():
    """Return every file with mode, owner, group and content."""
    found = {}
    for root in ROOTS:
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if f"{folder}/{name}" not in OTHERS and name != "__pycache__"]
            for path in [f"{folder}/{name}" for name in [*folders, *names]]:
                try:
                    at = os.lstat(path)
                    found[path] = [oct(at.st_mode), at.st_uid, at.st_gid, content(path, at)]
                except FileNotFoundError:
                    continue
    return found


def lines(*command):
    """Return each line that a command says by its first word."""
    return {line.split()[0]: line for line in output(*command) if line.split()}


def named(lines_of_colons):
    """Return lines such as those of passwd by their name."""
    return {line.split(":")[0]: line for line in lines_of_colons}


UNITS = ["systemctl", "list-units", "--no-legend", "--plain"]
PSQL = ["runuser", "--user=postgres", "--", "psql", "--no-align", "--tuples-only", "--command"]
print(
    json.dumps({
        "files": files(),
        "units": lines("systemctl", "list-unit-files", "--no-legend"),
        "active": lines(*UNITS, "--type=service,timer,target,socket", "--state=active"),
        "failed": lines(*UNITS, "--state=failed"),
        "users": named(output("getent", "passwd")),
        "groups": named(output("getent", "group")),
        "containers": lines("docker", "ps", "--all", "--format={{.Names}} {{.Image}}"),
        "images": lines("docker", "image", "ls", "--format={{.ID}}"),
        "volumes": lines("docker", "volume", "ls", "--format={{.Name}}"),
        "packages": lines("dpkg-query", "--show"),
        "roles": lines(*PSQL, "SELECT rolname, rolcanlogin FROM pg_roles"),
        "databases": lines(*PSQL, "SELECT datname FROM pg_database"),
        "rules": dict.fromkeys(output(*PSQL, "SELECT database, user_name, address FROM pg_hba_file_rules"), ""),
    })
)  # fmt: skip
