#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell which processes of Galaxy run with former settings."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: galaxy_process_info
short_description: Find processes of Galaxy that still use the previous broker
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Galaxy reads its configuration when it starts. If a process was not restarted after a change of C(galaxy.yml), it
    still sends its tasks to the previous broker. This is not visible in another way.
  - Looks in C(/proc) for the processes of one Galaxy (web server, job handlers, workers), each together with its
    children. They are stale if they started before the last change of the file, and none of them is connected to the
    broker.
options:
  config_file:
    description: Path of C(galaxy.yml).
    type: path
    required: true
  server_dir:
    description: Directory of Galaxy's code.
    type: path
    required: true
  venv_dir:
    description: Galaxy's virtual environment.
    type: path
    required: true
  host:
    description: Name or address of the broker in C(galaxy.yml).
    type: str
    required: true
  port:
    description: TCP port of the broker in C(galaxy.yml).
    type: int
    required: true
notes:
  - Needs root, to read the connections of other users' processes.
attributes:
  check_mode:
    description: Reads only, so check mode makes no difference.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Look for processes that have not been restarted
  usegalaxy_eu.celery.galaxy_process_info:
    config_file: /srv/galaxy/server/config/galaxy.yml
    server_dir: /srv/galaxy/server
    venv_dir: /srv/galaxy/server/.venv
    host: mq.example.org
    port: 5671
  register: found
  failed_when: found.stale | length > 0
"""

RETURN = r"""
processes:
  description: The processes of Galaxy whose parent is not a process of Galaxy.
  returned: success
  type: list
  elements: dict
  contains:
    pid:
      description: Number of the process.
      type: int
    name:
      description: Purpose of the process.
      type: str
      sample: web server
    age_seconds:
      description: Seconds since it started.
      type: int
    connected:
      description: Whether the process or one of its children is connected to the broker.
      type: bool
stale:
  description: Those of RV(processes) that started before the file was written, and are not connected.
  returned: success
  type: list
  elements: int
"""

import ipaddress
import os
import re
import socket
import sys
import time

from ansible.module_utils.basic import AnsibleModule

PROC = "/proc"
# What each process is for, by a part of its command line. Beat connects only when it sends something.
KINDS = {
    "web server": re.compile(r"galaxy\.webapps\.galaxy|galaxy\.webapps\.base"),
    "job handler": re.compile(r"galaxy[./]main(\.py)?\b|galaxy-main"),
    "worker": re.compile(r"galaxy\.celery\b.*\bworker\b"),
}
ESTABLISHED = "01"


def text_of(pid: str, name: str) -> str:
    """Return a file of a process with spaces for its zeros; nothing where it cannot be read."""
    try:
        with open(os.path.join(PROC, pid, name), encoding="utf-8", errors="replace") as stream:
            return stream.read().replace("\0", " ").strip()
    except OSError:
        return ""


def kind_of(pid: str, places: list[str]) -> str | None:
    """Return what a process of this Galaxy is for, or None. The places tell it from another Galaxy on the host."""
    command = text_of(pid, "cmdline")
    kind = next((name for name, pattern in KINDS.items() if pattern.search(command)), None)
    if kind is None:
        return None
    try:
        here = os.readlink(os.path.join(PROC, pid, "cwd"))
    except OSError:
        here = ""
    told = f"{command} {text_of(pid, 'environ')} {here} "
    return kind if any(re.search(re.escape(place) + r"[/ :]", told) for place in places) else None


def parent_and_start(pid: str) -> tuple[str, float]:
    """Return the parent of a process, and the seconds from the boot to its start."""
    # The name, in brackets, may hold anything.
    fields = text_of(pid, "stat").rpartition(")")[2].split()
    return fields[1], int(fields[19]) / os.sysconf("SC_CLK_TCK")


def address_of(text: str) -> tuple[str, int]:
    """Return the (address, port) that a line of /proc/net/tcp has, each word of it turned around."""
    address, port = text.split(":")
    raw = b"".join(int(address[place : place + 8], 16).to_bytes(4, sys.byteorder) for place in range(0, len(address), 8))
    found = ipaddress.ip_address(raw)
    return str(getattr(found, "ipv4_mapped", None) or found), int(port, 16)


def peers(pid: str) -> set[tuple[str, int]]:
    """Return the (address, port) of all that a process is connected to."""
    sockets = set()
    try:
        folder = os.path.join(PROC, pid, "fd")
        for name in os.listdir(folder):
            sockets.add(os.readlink(os.path.join(folder, name)))
    except OSError:
        pass
    found = set()
    for table in ("net/tcp", "net/tcp6"):
        # Each process has the table of its own network namespace.
        for line in text_of(pid, table).splitlines()[1:]:
            fields = line.split()
            if fields[3] == ESTABLISHED and f"socket:[{fields[9]}]" in sockets:
                found.add(address_of(fields[2]))
    return found


def families(places: list[str]) -> list[tuple[str, str, float, list[str]]]:
    """Return the processes of Galaxy that no other one has started, each with all that belong to it."""
    kinds = {pid: kind for pid in os.listdir(PROC) if pid.isdecimal() and (kind := kind_of(pid, places))}
    known = {}
    for pid in kinds:
        try:
            known[pid] = parent_and_start(pid)
        except (IndexError, ValueError):  # it has just ended
            continue
    members: dict[str, list[str]] = {}
    for pid in known:
        first = pid
        while known[first][0] in known:
            first = known[first][0]
        members.setdefault(first, []).append(pid)
    return [(first, kinds[first], known[first][1], pids) for first, pids in members.items()]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "config_file": {"type": "path", "required": True},
            "server_dir": {"type": "path", "required": True},
            "venv_dir": {"type": "path", "required": True},
            "host": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        written = os.stat(params["config_file"]).st_mtime
        wanted = {answer[4][:2] for answer in socket.getaddrinfo(params["host"], params["port"], type=socket.SOCK_STREAM)}
    except OSError as error:
        module.fail_json(msg=f"{params['config_file']} cannot be read, or {params['host']} has no address: {error.strerror}.")
    with open(os.path.join(PROC, "uptime"), encoding="ascii") as stream:
        uptime = float(stream.read().split()[0])
    found, stale = [], []
    for first, kind, start, pids in sorted(families([params["config_file"], params["server_dir"], params["venv_dir"]])):
        age, connected = uptime - start, any(peers(pid) & wanted for pid in pids)
        found.append({"pid": int(first), "name": kind, "age_seconds": int(age), "connected": connected})
        if not connected and time.time() - age < written:
            stale.append(int(first))
    module.exit_json(changed=False, processes=found, stale=stale)


if __name__ == "__main__":
    main()
