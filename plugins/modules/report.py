#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which runs on the controller."""
from __future__ import annotations

DOCUMENTATION = r"""
---
module: report
short_description: Gather what the proofs of the roles have found
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Gathers what the roles have proved on all hosts in this run, for the message of C(verify), and what the page of C(report) shows.
  - Runs on the controller alone and never opens a connection to a host.
options:
  certificate_days:
    description: Of a certificate that ends in fewer days it warns.
    type: int
    default: 14
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
- name: Gather what was proved
  usegalaxy_eu.celery.report:
  run_once: true
  register: __stack_report
"""

RETURN = r"""
proofs:
  description: One sentence for each thing that was proved.
  returned: always
  type: list
  elements: str
warnings:
  description: What is wrong, with its remedy.
  returned: always
  type: list
  elements: dict
  contains:
    what:
      description: The host, worker, queue or broker that has it.
      type: str
    words:
      description: What it is, and what to do.
      type: str
hosts:
  description: Each host with its parts of the stack, its system and the versions of what runs there.
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
  description: The broker's TLS, as M(usegalaxy_eu.celery.broker_info) returns it. Empty where there is none.
  returned: always
  type: dict
"""
