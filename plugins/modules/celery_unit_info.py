#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask systemd for the units of Celery, and their processes for the release that they run."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: celery_unit_info
short_description: Tell which Celery units run, and which release of Galaxy each of them runs
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - A unit binds the release that is current at its start into its own mount namespace and keeps it, also when the link
    of the current release moves on. This module reads the release from inside of that namespace, so it tells what the
    process really runs.
options:
  units:
    description: Names of the systemd units.
    type: list
    elements: str
    required: true
  current_release:
    description:
      - Path of the link to the current release, for example V(/srv/galaxy-releases/current).
      - Empty where no releases are kept; then no unit is ever outdated.
    type: str
    default: ""
notes:
  - Needs root, to look into the namespaces of other users' processes.
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
"""

EXAMPLES = r"""
- name: Look which units run an old release
  usegalaxy_eu.celery.celery_unit_info:
    units: [galaxy-celery-worker@1.service]
    current_release: /srv/galaxy-releases/current
  register: found
"""

RETURN = r"""
active:
  description: The units that are active.
  returned: always
  type: list
  elements: str
outdated:
  description: The active units whose release is not the current one, or cannot be told.
  returned: always
  type: list
  elements: str
releases:
  description: The fingerprint of the release that each active unit runs; null if it cannot be told.
  returned: always
  type: dict
  sample: {galaxy-celery-worker@1.service: 3f2a9c0d1e4b}
current:
  description: The fingerprint of the current release; null where none is kept.
  returned: always
  type: str
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule

# Where the units of the role celery see the description of their release.
INSIDE = "run/galaxy-release.json"


def fingerprint(path):
    """Return the fingerprint that a release.json names, or None if there is no such file."""
    try:
        with open(path, encoding="utf-8") as stream:
            return json.load(stream)["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def properties(module, units):
    """Return ActiveState and MainPID of each unit, as systemd prints them for programs."""
    command = ["systemctl", "show", "--property=Id,ActiveState,MainPID", "--", *units]
    output = module.run_command(command, check_rc=True)[1]
    blocks = (dict(line.split("=", 1) for line in block.splitlines()) for block in output.strip().split("\n\n"))
    return {block["Id"]: block for block in blocks}


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "str", "required": True},
            "current_release": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    units, link = module.params["units"], module.params["current_release"]
    found = properties(module, units) if units else {}
    active = [unit for unit in units if found.get(unit, {}).get("ActiveState") == "active"]
    releases = {unit: fingerprint(os.path.join("/proc", found[unit]["MainPID"], "root", INSIDE)) for unit in active}
    current = fingerprint(os.path.join(link, "release.json")) if link else None
    outdated = [unit for unit in active if link and releases[unit] != current]
    module.exit_json(changed=False, active=active, outdated=outdated, releases=releases, current=current)


if __name__ == "__main__":
    main()
