#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the definitions of a backup back to a broker."""
from __future__ import annotations

DOCUMENTATION = r"""
---
module: rabbitmq_restore
short_description: Restore the definitions of a backup to RabbitMQ
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Compares a backup with the broker, and imports it through the management HTTP API if something is missing or
    different. After that all objects of the backup must exist. Otherwise the module fails and lists the missing ones.
  - Adds and changes objects, and never removes any. Objects that are not in the backup stay.
  - The module's own user does not change, because the backup may contain an old password. The name of the cluster
    does not change either.
  - The broker gives the module's user full permission on each vhost that an import creates. The module removes it
    unless the backup has it.
  - A durable queue is restored empty, because a backup contains no messages.
options:
  path:
    description: A file that M(usegalaxy_eu.celery.rabbitmq_backup) or C(rabbitmqctl export_definitions) wrote, or a directory with
      backups of that module, of which it takes the newest.
    type: path
    required: true
extends_documentation_fragment:
  - usegalaxy_eu.celery.rabbitmq_management
attributes:
  check_mode:
    description: Reports what is missing or different, and imports nothing.
    support: full
  diff_mode:
    description: RV(missing) and RV(changes) have the differences.
    support: none
seealso:
  - module: usegalaxy_eu.celery.rabbitmq_backup
"""

EXAMPLES = r"""
- name: Restore the newest backup
  usegalaxy_eu.celery.rabbitmq_restore:
    username: admin
    password: "{{ rabbitmq_admin_password }}"
    path: /var/backups/rabbitmq-galaxy
    timeout_seconds: 300
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
missing:
  description: Objects of the backup that the broker did not have.
  returned: success
  type: list
  elements: str
  sample: ["user 'galaxy'", "queue 'galaxy.internal' on 'galaxy'"]
changes:
  description: Objects that differed in the broker.
  returned: success
  type: list
  elements: str
kept:
  description: Queues and exchanges that differ in the broker, and were not changed. A warning lists them.
  returned: success
  type: list
  elements: str
  sample: ["queue 'galaxy.external' on 'galaxy'"]
"""

import json
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._rabbitmq_backup import KEYS, backups, differences
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._rabbitmq_management import (
    CONNECTION,
    Management,
    ManagementError,
    path_of,
)


def find(path: str) -> str:
    """Return the file that a path leads to."""
    if not os.path.isdir(path):
        return path
    known = backups(path)
    if not known:
        raise ManagementError(f"path: {path} holds no backup (definitions-<time>.json). Name the file.")
    return known[-1]


def read(path: str) -> dict[str, Any]:
    """Return the definitions of a file."""
    try:
        with open(path, encoding="utf-8") as stream:
            definitions = json.load(stream)
    except OSError as error:
        raise ManagementError(f"path: {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        # The reason names a place in the file and none of its words.
        raise ManagementError(f"path: {path} is not JSON, perhaps cut off: {error}. Take another backup.") from None
    if not isinstance(definitions, dict) or not {"users", "vhosts"} <= set(definitions):
        raise ManagementError(f"path: {path} is no export of a whole broker: it needs users and vhosts.")
    wrong = [kind for kind in KEYS if not objects(definitions.get(kind))]
    if wrong:
        raise ManagementError(f"path: {path} is no export of a broker: {', '.join(wrong)} must be lists of objects.")
    return definitions


def objects(value: object) -> bool:
    """Say whether a value is a list of objects, or nothing."""
    return value is None or (isinstance(value, list) and all(isinstance(item, dict) for item in value))


def without_own(definitions: dict[str, Any], login: str) -> dict[str, Any]:
    """Leave out what belongs to the broker as it is: the login, and the identity of the cluster."""
    leave = {"users": login, "global_parameters": "internal_cluster_id"}
    return {
        kind: [item for item in value if item.get("name") != leave[kind]] if kind in leave else value
        for kind, value in definitions.items()
    }


def take_back(api: Management, wanted: dict[str, Any], before: dict[str, Any]) -> None:
    """Remove the full permission that the broker gives the login on each vhost which the import makes."""
    named = [(item["vhost"], item["user"]) for item in wanted.get("permissions") or []]
    known = [item["name"] for item in before["vhosts"]]
    for vhost in wanted["vhosts"]:
        if vhost["name"] in known or (vhost["name"], api.username) in named:
            continue
        try:
            api.call("DELETE", path_of("permissions", vhost["name"], api.username))
        except ManagementError as error:
            if error.code != 404:  # a login of another database gets none
                raise


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={**CONNECTION, "path": {"type": "path", "required": True}},
        supports_check_mode=True,
    )
    try:
        path = find(module.params["path"])
        api = Management(**{key: module.params[key] for key in CONNECTION})
        wanted = without_own(read(path), api.username)
        before = api.call("GET", path_of("definitions"))
        missing, other, kept = differences(wanted, before)
        if (missing or other) and not module.check_mode:
            try:
                api.call("POST", path_of("definitions"), wanted)
            except ManagementError as error:
                raise ManagementError(f"{error} What comes before it in the file may be there already.") from None
            take_back(api, wanted, before)
            lost, otherwise, _kept = differences(wanted, api.call("GET", path_of("definitions")))
            if lost or otherwise:
                raise ManagementError(f"The broker took {path}, but does not have: {', '.join(lost + otherwise)}.")
    except ManagementError as error:
        module.fail_json(msg=str(error))
    if kept:
        module.warn(
            f"The broker keeps what it has of {', '.join(kept)}, which {path} has otherwise: a queue or an exchange never changes. "
            "To have the one of the backup, empty and delete it, then restore again."
        )
    module.exit_json(changed=bool(missing or other), path=path, missing=missing, changes=other, kept=kept)


if __name__ == "__main__":
    main()
