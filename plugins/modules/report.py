#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which runs on the controller."""
from __future__ import annotations

DOCUMENTATION = r"""
---
module: report
short_description: Collect the results of verify of all roles
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Collects the results of the roles' tests on all hosts in this run, for the message of C(verify) and the page of
    C(report).
  - Runs only on the controller, and never connects to a host.
options:
  certificate_days:
    description: Days before the expiry of a certificate at which it warns.
    type: int
    default: 14
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
- name: Gather what was proved
  usegalaxy_eu.celery.report:
  run_once: true
  register: __stack_report
"""

RETURN = r"""
proofs:
  description: Results of successful tests, one sentence each.
  returned: always
  type: list
  elements: str
warnings:
  description: Problems, with their remedies.
  returned: always
  type: list
  elements: dict
  contains:
    what:
      description: The host, worker, queue or broker with the problem.
      type: str
    words:
      description: The problem, and what to do.
      type: str
hosts:
  description: Each host with its parts of the stack, its system and the versions of its software.
  returned: always
  type: list
  elements: dict
nodes:
  description: The workers by their node names, as M(usegalaxy_eu.celery.celery_info) returns them.
  returned: always
  type: dict
queues:
  description: The queues by their names, as M(usegalaxy_eu.celery.broker_info) returns them.
  returned: always
  type: dict
tasks:
  description: The tasks that Flower has seen, by their names.
  returned: always
  type: dict
tls:
  description: The broker's TLS, as M(usegalaxy_eu.celery.broker_info) returns it. Empty if there is none.
  returned: always
  type: dict
"""
