#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask systemd for the units of Celery, and their processes for the release that they run."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: celery_unit_info
short_description: Show which Celery units run, and which of them should be restarted
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - When a unit starts, it mounts the current release in its own mount namespace, and keeps it when the link of the
    current release changes. This module reads the release inside of that namespace, so it returns what the process
    really runs.
  - A unit is outdated if it runs another release than the current one, or if its unit file, a drop-in, an environment file
    or one of O(files) was written after it started. So a later run also restarts units that an interrupted run left
    out.
options:
  units:
    description: Names of the systemd units.
    type: list
    elements: str
    required: true
  supporting_units:
    description:
      - Names of further units, such as targets and timers. The module only checks whether they run. See RV(settled)
        and RV(missing).
    type: list
    elements: str
    default: []
  current_release:
    description:
      - Path of the link to the current release, for example V(/srv/galaxy-releases/current).
      - Empty if there are no releases. Then nothing is compared.
    type: str
    default: ""
  files:
    description: >-
      Further files that the units read at their start, such as Galaxy's configuration if there are no releases.
    type: list
    elements: str
    default: []
  patterns:
    description:
      - Patterns of unit names, for example V(celery-galaxy-*@*.service). RV(surplus) names the units that match, are loaded
        or enabled, and are not among O(units); RV(surplus_files) the files of templates that match and have no unit among
        them.
    type: list
    elements: str
    default: []
notes:
  - Needs root, to read the namespaces of other users' processes.
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
"""

EXAMPLES = r"""
- name: Find the units that run an old release
  usegalaxy_eu.celery.celery_unit_info:
    units: [celery-galaxy-worker@1.service]
    current_release: /srv/galaxy-releases/current
  register: found
"""

RETURN = r"""
active:
  description: The units that are active.
  returned: always
  type: list
  elements: str
settled:
  description: Those of O(units) and O(supporting_units) that are active and enabled.
  returned: always
  type: list
  elements: str
missing:
  description: Those of O(units) and O(supporting_units) that have no file and do not run.
  returned: always
  type: list
  elements: str
outdated:
  description: Those of O(units) in RV(pids) that should be restarted.
  returned: always
  type: list
  elements: str
reasons:
  description: Why each of RV(outdated) should be restarted.
  returned: always
  type: dict
  sample: {celery-galaxy-worker@1.service: [/etc/systemd/system/celery-galaxy-worker@.service is newer]}
nodes:
  description:
    - The Celery node name of each unit in RV(pids), from its process. Null if it is unknown.
    - Null also for a unit of the role celery that has not consumed since it started. It has no tasks, so it can be
      stopped.
  returned: always
  type: dict
  sample: {celery-galaxy-worker@1.service: worker-1@celery-1}
errors:
  description:
    - The last error that each of O(units) wrote to the journal in its last two attempts to start, for units that have
      failed or are starting again. Passwords in URLs are masked.
  returned: always
  type: dict
  sample: {celery-galaxy-worker@1.service: "ModuleNotFoundError: No module named 'pebble' (/srv/galaxy/server/lib/galaxy/celery/__init__.py, line 14)"}
pids:
  description:
    - The main process of each of O(units) and RV(surplus) that has one. A unit may have a process, and tasks, before
      it is active.
  returned: always
  type: dict
  sample: {celery-galaxy-worker@1.service: 812}
surplus:
  description: The units that match O(patterns) and are not among O(units).
  returned: always
  type: list
  elements: str
surplus_files:
  description: The files of templates below C(/etc/systemd/system) that match O(patterns) and have no unit among O(units).
  returned: always
  type: list
  elements: str
  sample: [/etc/systemd/system/celery-galaxy-old@.service]
reload_needed:
  description: Whether a unit file has changed since systemd read it.
  returned: always
  type: bool
releases:
  description: The fingerprint of the release that each of O(units) in RV(pids) runs. Null if it is unknown.
  returned: always
  type: dict
  sample: {celery-galaxy-worker@1.service: 3f2a9c0d1e4b}
current:
  description: The fingerprint of the current release; null if there is none.
  returned: always
  type: str
"""

import fnmatch
import glob
import json
import os
import re
import socket
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_app import mask
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._journal import unit_error

# An option with its value in one word, as Celery takes it too.
GLUED_NAME = re.compile(r"(?:--hostname=|-n)(.+)")
# What systemd says of a unit; EnvironmentFiles is a list, all else text.
Properties = dict[str, Any]

# Where the units of the role celery see the description of their release.
INSIDE = "run/galaxy-release.json"


def fingerprint(path: str) -> str | None:
    """Return the fingerprint that a release.json names, or None if there is no such file."""
    try:
        with open(path, encoding="utf-8") as stream:
            found: str | None = json.load(stream)["fingerprint"]
            return found
    except (OSError, ValueError, KeyError, TypeError):
        return None


def node_of(pid: str) -> str | None:
    """Return the Celery node name of a worker's process, from its command line; None if that does not tell.

    A unit's own name for it may be another one by now: its file may have changed since the process started.
    """
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as stream:
            arguments = stream.read().split("\0")
    except OSError:
        return None
    after = [arguments[place + 1] for place, word in enumerate(arguments[:-1]) if word in ("--hostname", "-n")]
    after += [found[1] for found in map(GLUED_NAME.fullmatch, arguments) if found]
    if not after and "worker" not in arguments:
        return None
    # As Celery completes it: units of older roles give a name without an @, or none, or one with places for the host's.
    host = socket.gethostname()
    name = after[-1] if after else host
    short, _dot, domain = host.partition(".")
    for place, value in (("%h", host), ("%n", short), ("%d", domain)):
        name = name.replace(place, value)
    return name if "@" in name else f"celery@{name}"


PROPERTIES = (
    "LoadState",
    "ActiveState",
    "Type",
    "UnitFileState",
    "MainPID",
    "ExecMainStartTimestampMonotonic",
    "NeedDaemonReload",
    "FragmentPath",
    "DropInPaths",
    "EnvironmentFiles",
)
# What `systemctl set-property` writes holds at once, without a restart.
LIVE = "/systemd/system.control/"
# Links of enabled units, also of those that systemd has not loaded.
ENABLED = "/etc/systemd/system/*.wants/*"
TEMPLATES = "/etc/systemd/system/*@.*"


def properties(module: AnsibleModule, units: list[str]) -> dict[str, Properties]:
    """Return PROPERTIES of each unit, as systemd prints them for programs."""
    command = ["systemctl", "show", "--property=" + ",".join(PROPERTIES), "--", *units]
    output = module.run_command(command, check_rc=True)[1]
    # EnvironmentFiles comes once for each file; the units come in the order asked.
    found = {}
    for unit, block in zip(units, output.strip().split("\n\n")):
        lines = [line.split("=", 1) for line in block.splitlines()]
        values: Properties = dict(lines)
        files = [value.rpartition(" (") for key, value in lines if key == "EnvironmentFiles"]
        # systemd passes over one that is not there where the unit has a dash before it, and takes all that a pattern means.
        values["EnvironmentFiles"] = [
            item
            for path, _bracket, options in files
            for item in sorted(glob.glob(path)) or ([] if "ignore_errors=yes" in options else [path])
        ]
        found[unit] = values
    return found


def matching(module: AnsibleModule, patterns: list[str]) -> set[str]:
    """Return the units that are loaded or enabled and match one of the patterns."""
    if not patterns:
        return set()
    command = ["systemctl", "list-units", "--all", "--full", "--plain", "--no-legend", "--", *patterns]
    output = module.run_command(command, check_rc=True)[1]
    lines = [line.split() for line in output.splitlines() if line.strip()]
    # systemd remembers how one ended whose file is gone.
    loaded = {name for name, load, active, *_rest in lines if load != "not-found" or active in ("active", "activating")}
    enabled = {os.path.basename(path) for path in glob.glob(ENABLED)}
    return loaded | {name for name in enabled if named(name, patterns)}


def named(name: str, patterns: list[str]) -> bool:
    """Return whether one of the patterns matches."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def templates(patterns: list[str], units: list[str]) -> list[str]:
    """Return the files of templates that match one of the patterns and have none of the units."""
    used = {re.sub("@.*[.]", "@.", unit) for unit in units}
    names = ((os.path.basename(path), path) for path in sorted(glob.glob(TEMPLATES)))
    return [path for name, path in names if named(name, patterns) and name not in used]


def settled(unit: Properties) -> bool:
    """Return whether a unit runs now and at the next start of the host."""
    return bool(unit["ActiveState"] == "active" and unit["UnitFileState"] == "enabled")


def has_process(unit: Properties) -> bool:
    """Return whether a unit has a worker's process, which may consume although the unit still waits for it."""
    return unit["ActiveState"] in ("active", "activating") and unit["MainPID"] != "0"


def crashed(unit: Properties) -> bool:
    """Return whether a unit has failed, or is at one of its attempts to start."""
    return unit["ActiveState"] in ("failed", "activating")


def starts(unit: Properties) -> bool:
    """Return whether a worker has not said yet that it consumes, as those of the role celery do."""
    return bool(unit["ActiveState"] == "activating" and unit.get("Type") == "notify")


def missing(unit: Properties) -> bool:
    """Return whether there is nothing of a unit; one whose file was deleted may still run."""
    return unit["LoadState"] == "not-found" and unit["ActiveState"] in ("inactive", "failed")


def newer(unit: Properties, files: list[str], now: tuple[float, float]) -> list[str]:
    """Return why a unit's files say that it should be restarted.

    :param unit: its properties.
    :param files: further files.
    :param now: (seconds of the clock, seconds of the monotonic clock) at one moment.
    """
    started = now[0] - (now[1] - int(unit.get("ExecMainStartTimestampMonotonic", 0)) / 1e6)
    reasons = []
    settings = [path for path in unit.get("DropInPaths", "").split() if LIVE not in path]
    for path in [unit.get("FragmentPath"), *settings, *unit["EnvironmentFiles"], *files]:
        try:
            if path and os.stat(path).st_mtime > started:
                reasons.append(f"{path} is newer")
        except OSError:
            reasons.append(f"{path} cannot be read")
    return reasons


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "str", "required": True},
            "supporting_units": {"type": "list", "elements": "str", "default": []},
            "current_release": {"type": "str", "default": ""},
            "files": {"type": "list", "elements": "str", "default": []},
            "patterns": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    units, link = module.params["units"], module.params["current_release"]
    patterns = module.params["patterns"]
    surplus = sorted(matching(module, patterns) - set(units))
    own = list(dict.fromkeys(units + module.params["supporting_units"]))
    found = properties(module, own + surplus) if own + surplus else {}
    active = [unit for unit in units if found[unit]["ActiveState"] == "active"]
    running = [unit for unit in units if has_process(found[unit])]
    releases = {unit: fingerprint(os.path.join("/proc", found[unit]["MainPID"], "root", INSIDE)) for unit in running}
    current = fingerprint(os.path.join(link, "release.json")) if link else None
    now, reasons = (time.time(), time.monotonic()), {}
    for unit in running:
        other = [f"it runs the release {releases[unit]}"] if link and releases[unit] != current else []
        reasons[unit] = other + newer(found[unit], module.params["files"], now)
    running += [unit for unit in surplus if has_process(found[unit])]
    errors = {unit: error for unit in units if crashed(found[unit]) and (error := mask(unit_error(module, unit)))}
    nodes = {unit: None if starts(found[unit]) else node_of(found[unit]["MainPID"]) for unit in running}
    pids = {unit: int(found[unit]["MainPID"]) for unit in running}
    module.exit_json(
        changed=False,
        active=active,
        settled=[unit for unit in own if settled(found[unit])],
        missing=[unit for unit in own if missing(found[unit])],
        outdated=[unit for unit, why in reasons.items() if why],
        reasons={unit: why for unit, why in reasons.items() if why},
        releases=releases,
        current=current,
        errors=errors,
        nodes=nodes,
        pids=pids,
        surplus=surplus,
        surplus_files=templates(patterns, units),
        reload_needed=any(unit.get("NeedDaemonReload") == "yes" for unit in found.values()),
    )


if __name__ == "__main__":
    main()
