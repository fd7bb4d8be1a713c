#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which runs on the controller."""
from __future__ import annotations

DOCUMENTATION = r"""
---
module: plan
short_description: Compute the values that the hosts of a stack share
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Reads the groups of the inventory, and the facts and variables of their hosts with the defaults of this
    collection's roles, and computes for each host the values that its roles need from other hosts - who may reach the
    broker and the database, the nodes of a cluster, the workers.
  - The playbooks store a host's part as the fact C(stack), which the defaults of the roles read. Variables in the
    inventory override it.
  - A variable without a value, or of the wrong type, counts as missing. M(usegalaxy_eu.celery.check_variables)
    reports it.
  - Runs only on the controller, and never connects to a host. Of a secret it only checks whether it is set.
options:
  leaving:
    description: Hosts of workers to leave out.
    type: list
    elements: str
    default: []
  asked:
    description: Whether the facts of the hosts were gathered. If not, an unknown address is no problem.
    type: bool
    default: true
  playbook:
    description: >-
      Adds the values that only one playbook needs - C(removal) for C(remove_worker), C(rotation) for
      C(rotate_secrets), C(update).
    type: str
    choices: [removal, rotation, update]
attributes:
  action:
    description: Runs on the controller.
    support: full
  check_mode:
    description: Changes nothing, and works in the same way in check mode.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Compute the plan of the stack
  usegalaxy_eu.celery.plan:
  run_once: true
  register: __stack_plan
"""

RETURN = r"""
hosts:
  description: The plan of each host of the inventory, by its name. A host has only the keys that it needs.
  returned: always
  type: dict
  sample:
    celery-1:
      workers: {nodes: [worker-1@celery-1], own_nodes: [worker-1@celery-1], beat: true}
      release: {source_host: galaxy, worker_addresses: [192.0.2.7]}
connections:
  description: Network connections between the hosts, for the person who manages the firewall. Connections within one host are left out.
  returned: always
  type: list
  elements: dict
  contains:
    from:
      description: Hosts that open the connection.
      type: str
    to:
      description: Hosts that they connect to.
      type: str
    port:
      description: TCP port.
      type: int
    tls:
      description: Whether it is encrypted.
      type: str
    why:
      description: Purpose of the connection.
      type: str
table:
  description: The same, as lines of text.
  returned: always
  type: list
  elements: str
"""
