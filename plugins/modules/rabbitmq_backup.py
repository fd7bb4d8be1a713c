#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Save the definitions of a broker to a file."""
from __future__ import annotations

DOCUMENTATION = r"""
---
module: rabbitmq_backup
short_description: Save the definitions of RabbitMQ to a file
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Exports users with the hashes of their passwords, vhosts, permissions, policies, parameters, limits, exchanges, durable
    queues and bindings through the management HTTP API. Messages are not included.
  - The file C(definitions-<UTC time>.json) has mode 0600. It is written completely or not at all.
  - If the newest backup has the same content, in any order, the module writes nothing and returns that one.
options:
  directory:
    description: An existing directory. Only root should be able to enter it.
    type: path
    required: true
  keep:
    description: Number of backups to keep. Older ones are removed. Other files in O(directory) are not touched.
    type: int
    default: 14
extends_documentation_fragment:
  - usegalaxy_eu.celery.rabbitmq_management
attributes:
  check_mode:
    description: Reads the definitions and reports whether a run would write a file.
    support: full
  diff_mode:
    description: Shows nothing, because the definitions contain hashes of passwords.
    support: none
seealso:
  - module: usegalaxy_eu.celery.rabbitmq_restore
"""

EXAMPLES = r"""
- name: Create the directory of the backups
  ansible.builtin.file:
    path: /var/backups/rabbitmq-galaxy
    state: directory
    mode: "0700"

- name: Save the definitions
  usegalaxy_eu.celery.rabbitmq_backup:
    username: admin
    password: "{{ rabbitmq_admin_password }}"
    directory: /var/backups/rabbitmq-galaxy
"""

RETURN = r"""
path:
  description: The file with the current definitions. Null in check mode if a run would write one.
  returned: success
  type: str
  sample: /var/backups/rabbitmq-galaxy/definitions-20260102T030405.678901Z.json
removed:
  description: Older backups that were removed.
  returned: success
  type: list
  elements: str
summary:
  description: The same as one text, without what there is none of.
  returned: always
  type: str
  sample: 2 policies, 4 users
counts:
  description: Number of objects of each kind.
  returned: success
  type: dict
  sample: {users: 4, vhosts: 1, queues: 5}
"""

import datetime
import json
import os
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._rabbitmq_backup import KEYS, arranged, backups
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._rabbitmq_management import (
    CONNECTION,
    Management,
    ManagementError,
    path_of,
)


def same(path: str, definitions: dict[str, Any]) -> bool:
    """Say whether a file holds these definitions; one that cannot be read does not."""
    try:
        with open(path, encoding="utf-8") as stream:
            return arranged(json.load(stream)) == definitions
    except (OSError, ValueError, AttributeError):
        return False


def write(folder: str, definitions: dict[str, Any]) -> str:
    """Write a new backup, which gets its name only when it is whole."""
    now = datetime.datetime.now(datetime.timezone.utc)
    path = os.path.join(folder, f"definitions-{now:%Y%m%dT%H%M%S.%f}Z.json")
    handle, draft = tempfile.mkstemp(dir=folder, prefix=".definitions-")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(definitions, stream, indent=1, sort_keys=True)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(draft, path)
    except OSError:
        os.unlink(draft)
        raise
    return path


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **CONNECTION,
            "directory": {"type": "path", "required": True},
            "keep": {"type": "int", "default": 14},
        },
        supports_check_mode=True,
    )
    folder, keep = module.params["directory"], module.params["keep"]
    if keep < 1:
        module.fail_json(msg=f"keep is {keep}, but must be at least 1, or the new backup itself would go.")
    if not os.path.isdir(folder) and not module.check_mode:
        module.fail_json(msg=f"directory {folder} is no directory. Make it first, for root alone (mode 0700).")
    try:
        api = Management(**{key: module.params[key] for key in CONNECTION})
        definitions = arranged(api.call("GET", path_of("definitions")))
        known = backups(folder)
        path = known[-1] if known and same(known[-1], definitions) else None
        new = path is None
        if new and not module.check_mode:
            path = write(folder, definitions)
            known.append(path)
        surplus = known[: max(0, len(known) + (new and module.check_mode) - keep)]
        if not module.check_mode:
            for old in surplus:
                os.unlink(old)
    except (ManagementError, OSError) as error:
        module.fail_json(msg=str(error))
    counts = {kind: len(definitions.get(kind) or []) for kind in KEYS}
    module.exit_json(
        changed=bool(new or surplus),
        path=path,
        removed=surplus,
        counts=counts,
        summary=", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(counts.items()) if count),
    )


if __name__ == "__main__":
    main()
