#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell from which address this host would reach others."""
from __future__ import annotations

DOCUMENTATION = r"""
---
module: source_addresses
short_description: Tell from which address this host would reach others
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Asks the kernel which of its addresses it would choose towards each of several hosts. Nothing is sent to them.
  - A host with several networks has an address for each, and the others know it by the one that it comes from.
options:
  targets:
    description: The other hosts, each a name or an address, by what the answer is to call them. One that is empty is passed over.
    type: dict
    required: true
attributes:
  check_mode:
    description: Changes nothing, and does the same in check mode.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Ask the kernel for the addresses towards two hosts
  usegalaxy_eu.celery.source_addresses:
    targets: {broker: 127.0.0.1, database: ""}
"""

RETURN = r"""
addresses:
  description: The address towards each target that there is a way to.
  returned: always
  type: dict
  sample: {broker: 198.51.100.10}
problems:
  description: Why there is none, by target.
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
