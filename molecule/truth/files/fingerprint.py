# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print what a run may change on this host, as JSON: files, units, containers, packages, broker, database."""

import json
import os
import stat
import subprocess

HOME = "/root"
ROOTS = [
    "/etc",
    "/srv",
    "/usr/local",
    "/opt",
    HOME,
    "/home",
    "/usr/lib/systemd",
    "/run/systemd/system",
    "/var/lib",
    "/var/spool/cron",
    "/var/backups",
]
# What running services write by themselves, what the engine mounts, and where Ansible keeps its own modules.
OWN = [
    "/opt/testbed",
    "/srv/galaxy/var",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/rabbitmq-galaxy/data",
    "/var/lib/postgresql",
    "/var/lib/influxdb",
    "/var/lib/celery-galaxy",
    "/var/lib/flower",
    "/var/lib/telegraf",
    "/var/lib/systemd",
    "/var/lib/private",
    f"{HOME}/.ansible",
    "/home/admin/.ansible",
    f"{HOME}/.cache",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/hostname",
    "/var/lib/apt/periodic",
    "/var/lib/dbus",
]


def output(*command):
    """Return the lines that a command says; none where there is no such program, or nothing answers it."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except FileNotFoundError:
        return []
    return done.stdout.decode("utf-8", "replace").splitlines() if done.returncode == 0 else []


def files():
    """Return every file: the time of the last change of anything about it tells all."""
    found = {}
    for root in ROOTS:
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if f"{folder}/{name}" not in OWN]
            for name in [*folders, *names]:
                path = f"{folder}/{name}"
                try:
                    at = os.lstat(path)
                except FileNotFoundError:
                    continue
                if path not in OWN:
                    # A folder in which a service replaces its own files has another time of change and nothing else.
                    found[path] = [at.st_mode, at.st_uid, at.st_gid] + (
                        [] if stat.S_ISDIR(at.st_mode) else [at.st_size, at.st_ctime_ns]
                    )
    return found


def units():
    """Return what is enabled, and the process of each lasting service."""
    found = {
        "enabled " + line.split()[0]: line.split()[1]
        for line in output("systemctl", "list-unit-files", "--no-legend")
        if line.split()
    }
    names = "--property=Id,Type,ActiveState,MainPID,ExecMainStartTimestampMonotonic,NeedDaemonReload"
    for block in "\n".join(output("systemctl", "show", names, "*.service", "*.timer", "*.target", "*.socket")).split(
        "\n\n"
    ):
        unit = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if unit and unit.get("Type") != "oneshot":
            found[unit["Id"]] = [
                unit.get(key)
                for key in ("ActiveState", "MainPID", "ExecMainStartTimestampMonotonic", "NeedDaemonReload")
            ]
    return found


def containers():
    """Return the engine's objects."""
    found = {}
    for identity in output("docker", "ps", "--all", "--quiet", "--no-trunc"):
        found[identity] = output(
            "docker", "inspect", "--format={{.Name}} {{.Image}} {{.State.StartedAt}} {{.State.Status}}", identity
        )
    for kind in ("image", "volume", "network"):
        found[kind] = sorted(output("docker", kind, "ls", "--quiet"))
    return found


def broker():
    """Return the broker's definitions, without what its clients declare."""
    lines = output(
        "docker",
        "exec",
        "--user=999",
        "rabbitmq-galaxy",
        "rabbitmqctl",
        "--quiet",
        "export_definitions",
        "-",
        "--format=json",
    )
    if not lines:
        return {}
    kinds = ("users", "vhosts", "permissions", "topic_permissions", "parameters", "global_parameters", "policies")
    # A value of its own for each object: which one it is must not be guessed from a digest.
    return {
        kind: sorted(json.dumps(item, sort_keys=True) for item in json.loads("\n".join(lines)).get(kind, []))
        for kind in kinds
    }


def database():
    """Return PostgreSQL's roles, databases and settings."""
    psql = ["runuser", "--user=postgres", "--", "psql", "--no-align", "--tuples-only", "--command"]
    return {
        "roles": output(*psql, "SELECT * FROM pg_authid ORDER BY oid"),
        "databases": output(*psql, "SELECT datname, datdba, datacl FROM pg_database ORDER BY oid"),
        "settings": output(
            *psql, "SELECT name, setting FROM pg_settings WHERE source = 'configuration file' ORDER BY name"
        ),
    }


print(
    json.dumps(
        {
            "files": files(),
            "units": units(),
            "containers": containers(),
            "packages": {line.split()[0]: line for line in output("dpkg-query", "--show")},
            "broker": broker(),
            "database": database(),
        }
    )
)
