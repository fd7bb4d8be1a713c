#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a running broker ready for another version, or say why it cannot be."""
from __future__ import annotations

DOCUMENTATION = r"""
---
module: rabbitmq_upgrade
short_description: Prepare a running RabbitMQ for another version, or refuse it
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Run it before you replace the program of a broker. It does not upgrade anything itself.
  - Refuses a lower version, and an upgrade path that RabbitMQ does not support in place. 4.0 needs 3.13 before it.
    4.1 and 4.2 need 3.13 or newer. All others need the series before them.
  - Refuses 4.x while a policy mirrors classic queues, which 4.0 no longer supports, and while C(khepri_db) is enabled
    on 3.13, because no 4.x can read its data.
  - Enables the stable feature flags when the series changes, because the next one may not start without them. They
    cannot be disabled again.
  - In a cluster whose nodes are upgraded one after the other, this is done for the first of them. When a node runs a
    newer series, only the upgrade path is checked for the others, because the flags of that series can be enabled
    only when all nodes run it.
  - It does not enable the flag C(khepri_db), which moves all metadata to another store. 4.3 and newer need it. The
    module then says how to enable it.
options:
  version:
    description: The next version, for example C(4.1.4).
    type: str
    required: true
extends_documentation_fragment:
  - usegalaxy_eu.celery.rabbitmq_management
attributes:
  check_mode:
    description: Reports which flags a run would enable, and refuses what a run would refuse.
    support: full
  diff_mode:
    description: RV(enabled) has the changes.
    support: none
notes:
  - Written after U(https://www.rabbitmq.com/docs/upgrade) and the release notes of 4.3.0.
"""

EXAMPLES = r"""
- name: Prepare the broker for the next version
  usegalaxy_eu.celery.rabbitmq_upgrade:
    username: admin
    password: "{{ rabbitmq_admin_password }}"
    version: 4.1.4
"""

RETURN = r"""
running:
  description: The version that runs.
  returned: success
  type: str
  sample: 3.13.7
enabled:
  description: The feature flags that were enabled, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [message_containers]
"""

import re
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._rabbitmq_management import (
    CONNECTION,
    Management,
    ManagementError,
    path_of,
)

# The series from which each one can be reached in place, where it is not only the one before it.
SOURCES = {
    (4, 0): [(3, 13)],
    (4, 1): [(3, 13), (4, 0)],
    (4, 2): [(3, 13), (4, 0), (4, 1)],
}
KHEPRI = "khepri_db"
KHEPRI_REQUIRED = (4, 3)
MIRRORS = ("ha-mode", "ha-params", "ha-sync-mode", "ha-promote-on-shutdown", "ha-promote-on-failure")


def parse(version: str) -> tuple[int, int, int]:
    """Return a version as three numbers."""
    match = re.match(r"(\d+)\.(\d+)\.(\d+)(?!\d)", version)
    if not match:
        raise ManagementError(f"version: {version!r} is no version of RabbitMQ such as 4.1.4.")
    return int(match[1]), int(match[2]), int(match[3])


def jump_problem(running: str, wanted: str) -> str | None:
    """Say why one version cannot follow another, or return None."""
    old, new = parse(running), parse(wanted)
    if new < old:
        return (
            f"RabbitMQ {running} runs, and {wanted} is older: RabbitMQ does not support downgrades. Keep {running}, or start "
            "an empty broker of the older version and restore a backup of the definitions that it wrote itself."
        )
    if new[:2] == old[:2]:
        return None
    sources = SOURCES.get(new[:2], [(new[0], new[1] - 1)])
    if old[:2] in sources:
        return None
    allowed = ", ".join(f"{major}.{minor}" for major, minor in sources if minor >= 0)
    return (
        f"RabbitMQ does not support the jump from {running} to {wanted}: {new[0]}.{new[1]} can follow {allowed or 'none'}. "
        "Go there in steps, one supported series after the other."
    )


def policy_problems(policies: list[dict[str, Any]], wanted: str) -> list[str]:
    """Return what the policies hold against the version."""
    if parse(wanted)[0] < 4:
        return []
    mirroring = [
        f"{item['name']} on {item['vhost']}" for item in policies if any(key in item["definition"] for key in MIRRORS)
    ]
    if not mirroring:
        return []
    return [
        f"RabbitMQ 4 has no mirrored classic queues, but these policies ask for them: {', '.join(mirroring)}. Remove the keys "
        "ha-* from them, and use quorum queues where a queue must outlive a node."
    ]


def flag_plan(flags: list[dict[str, Any]], running: str, wanted: str) -> tuple[list[str], list[str]]:
    """Return the names of the feature flags to enable and what speaks against the version."""
    old, new = parse(running), parse(wanted)
    if old[:2] == new[:2]:
        return [], []
    problems = []
    state = {flag["name"]: flag["state"] for flag in flags}
    if old[0] < 4 <= new[0] and state.get(KHEPRI) == "enabled":
        problems.append(
            f"The feature flag {KHEPRI} is enabled on {running}, and no 4.x can read its data. Start an empty broker of "
            f"{wanted}, and restore a backup of the definitions there."
        )
    # A state that is none of the two is that of a migration, or of a cluster that does not agree.
    unsure = [name for name, value in state.items() if value not in ("enabled", "disabled")]
    if unsure:
        problems.append(
            f"The feature flags {', '.join(unsure)} are {', '.join(state[name] for name in unsure)}: wait, or look into the log."
        )
    if new[:2] >= KHEPRI_REQUIRED and state.get(KHEPRI) == "disabled":
        problems.append(
            f"RabbitMQ {wanted} needs the feature flag {KHEPRI}, which moves all metadata to another store, and back there is "
            f"no way. With a backup at hand, in a quiet hour: rabbitmqctl enable_feature_flag {KHEPRI}"
        )
    enable = [
        flag["name"]
        for flag in flags
        if flag["state"] == "disabled" and flag.get("stability", "stable") != "experimental" and flag["name"] != KHEPRI
    ]
    return enable, problems


def nodes_ahead(nodes: list[dict[str, Any]], running: str) -> list[str]:
    """Return the names of the nodes of a cluster that run a newer series already."""
    versions = {
        node["name"]: application["version"]
        for node in nodes
        for application in node.get("applications") or []
        if application["name"] == "rabbit"
    }
    return sorted(name for name, version in versions.items() if parse(version)[:2] > parse(running)[:2])


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={**CONNECTION, "version": {"type": "str", "required": True}},
        supports_check_mode=True,
    )
    wanted = module.params["version"]
    enable, done = list[str](), list[str]()
    try:
        parse(wanted)
        api = Management(**{key: module.params[key] for key in CONNECTION})
        running = api.call("GET", path_of("overview"))["rabbitmq_version"]
        flags_path = path_of("feature-flags")
        problem = jump_problem(running, wanted)
        problems = [problem] if problem else []
        # Of a jump that is refused anyway the rest would only confuse. And once a node of the cluster runs the next series its
        # flags were enabled; those that are disabled now are of that series, which the other nodes cannot enable yet.
        if not problem and not nodes_ahead(api.call("GET", path_of("nodes")), running):
            enable, problems = flag_plan(api.call("GET", flags_path), running, wanted)
            if parse(running)[0] < 4:
                problems += policy_problems(api.call("GET", path_of("policies")), wanted)
        if problems:
            raise ManagementError("\n".join(["Nothing was changed.", *problems]))
        if not module.check_mode:
            for name in enable:
                api.call("PUT", path_of("feature-flags", name, "enable"), {"name": name})
                done.append(name)
            if enable:
                left = [flag["name"] for flag in api.call("GET", flags_path) if flag["state"] != "enabled"]
                left = sorted(set(left) & set(enable))
                if left:
                    raise ManagementError(
                        f"The broker does not enable the feature flags {', '.join(left)}. Its log says why; "
                        f"RabbitMQ {wanted} may not start without them."
                    )
    except ManagementError as error:
        module.fail_json(msg=str(error), changed=bool(done), enabled=done)
    module.exit_json(changed=bool(enable), running=running, enabled=enable)


if __name__ == "__main__":
    main()
