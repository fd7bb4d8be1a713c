#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the source address of this host to others."""
from __future__ import annotations

DOCUMENTATION = r"""
---
module: source_addresses
short_description: Find the source address of this host to others
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Asks the kernel which source address it chooses for each of several hosts. It sends nothing to them.
  - A host in several networks has one address in each. The other hosts see the source address of the connection.
options:
  targets:
    description: >-
      The other hosts, each a name or an address. The key is the name of the host in the result. Empty values are
      ignored.
    type: dict
    required: true
attributes:
  check_mode:
    description: Changes nothing, and works in the same way in check mode.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Ask the kernel for the source addresses to two hosts
  usegalaxy_eu.celery.source_addresses:
    targets: {broker: 127.0.0.1, database: ""}
"""

RETURN = r"""
addresses:
  description: The source address to each target that has a route.
  returned: always
  type: dict
  sample: {broker: 198.51.100.10}
problems:
  description: Why there is none, for each other target.
  returned: always
  type: dict
  sample: {galaxy: "galaxy cannot be resolved here: Name or service not known."}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._source_address import (
    SourceAddressError,
    source_address,
)

# Which port makes no difference to the way.
DISCARD = 9


def measured(targets: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the address towards each target, and why there is none."""
    addresses, problems = {}, {}
    for name, host in targets.items():
        if not host:
            continue
        try:
            addresses[name] = source_address(str(host), DISCARD)
        except SourceAddressError as exc:
            problems[name] = str(exc)
    return {"addresses": addresses, "problems": problems}


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(argument_spec={"targets": {"type": "dict", "required": True}}, supports_check_mode=True)
    module.exit_json(changed=False, **measured(module.params["targets"]))


if __name__ == "__main__":
    main()
