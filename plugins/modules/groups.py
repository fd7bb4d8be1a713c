#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which runs on the controller."""
from __future__ import annotations

DOCUMENTATION = r"""
---
module: groups
short_description: Say which hosts each play of the stack is for
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Looks up the groups of the inventory, by the names that C(celeryservers_group) and the like give them, and says which groups the hosts
    of each part are to have for the plays of this collection, C(stack_workers) for example.
  - M(ansible.builtin.add_host) makes them. An inventory's own group of such a name is left as it is.
  - Runs on the controller alone and never opens a connection to a host.
options:
  named:
    description: Hosts that the operator names, one, several with commas between them, or a list.
    type: raw
    default: []
  leave:
    description: Whether the named hosts leave the stack.
    type: bool
    default: false
  gone:
    description: Whether the hosts that leave cannot be asked any more.
    type: bool
    default: false
attributes:
  action:
    description: Runs on the controller.
    support: full
  check_mode:
    description: Changes nothing, and does the same in check mode.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Look which hosts the stack has
  usegalaxy_eu.celery.groups:
  run_once: true
  register: __stack_groups
"""

RETURN = r"""
members:
  description: Each group with each of its hosts, in their order.
  returned: always
  type: list
  elements: dict
  sample:
    - {host: celery-1, group: stack_workers}
problems:
  description: What is wrong with the named hosts, one sentence with its remedy for each.
  returned: always
  type: list
  elements: str
"""
