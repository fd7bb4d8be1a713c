#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which runs on the controller."""
from __future__ import annotations

DOCUMENTATION = r"""
---
module: check_inventory
short_description: Report the problems of a whole inventory
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Collects the results of M(usegalaxy_eu.celery.check_variables) of all hosts, and adds problems of the whole
    inventory - groups without hosts, variables that differ between hosts and must not, and weak or repeated
    passwords.
  - Reports each problem once, with its hosts, and fails if there is one. It shows no secret. All undefined variables
    are one problem, without their follow-up problems.
  - Without a problem it returns the parts of each host.
  - Passwords are the variables of this collection's roles that end with C(_password), C(_cookie), C(_token) or C(_secret). A
    variable whose default is another one (C(rabbitmq_galaxy_password) for C(galaxy_amqp_password)) may have the same
    value.
  - Runs only on the controller, and never connects to a host.
options: {}
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
- name: Check | Report the problems of the inventory
  usegalaxy_eu.celery.check_inventory:
"""

RETURN = r"""
parts:
  description: The groups of the stack that each host is in, by host.
  returned: when there is no problem
  type: dict
left_out:
  description: The groups of the stack without a host.
  returned: when there is no problem
  type: list
  elements: str
lines:
  description: The same, as lines of text.
  returned: when there is no problem
  type: list
  elements: str
problems:
  description: >-
    One sentence or two for each problem, with the hosts that have it and without any secret. Empty if there is none.
  returned: always
  type: list
  elements: str
  sample:
    - "celery-1, celery-2: celery_concurency is not a variable of the role celery. Did you mean celery_concurrency?"
hosts:
  description: The number of hosts in the groups of the stack.
  returned: always
  type: int
  sample: 7
"""
