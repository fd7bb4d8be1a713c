#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which runs on the controller."""
from __future__ import annotations

DOCUMENTATION = r"""
---
module: groups
short_description: Find the hosts for each play of the stack
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Reads the groups of the inventory, with the names in C(celeryservers_group) and similar variables. Returns the
    groups that the plays of this collection need, C(stack_workers) for example, with their hosts.
  - C(ansible.builtin.add_host) creates them. A group of the inventory with such a name does not change.
  - Runs only on the controller, and never connects to a host.
options:
  named:
    description: Hosts that the operator names, one host, several separated by commas, or a list.
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
    description: Changes nothing, and works in the same way in check mode.
    support: full
  diff_mode:
    description: There is nothing to show.
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
