#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which runs on the controller."""
from __future__ import annotations

DOCUMENTATION = r"""
---
module: init_inventory
short_description: Write an inventory for an existing Galaxy
version_added: 0.1.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Builds an inventory from the results of M(usegalaxy_eu.celery.galaxy_site_info), with a comment on the origin of
    each variable, and a vault with new random secrets. The vault is encrypted if Ansible was given a vault password.
  - Writes only files that do not exist. Stores the results in C(.found.json) in O(dest), without secrets, so that a
    later run can show what has changed at the site.
  - Marks a value that is proposed, not found, with C(CHECK).
  - Then runs the playbook C(check) on the inventory.
options:
  host:
    description: Name of Galaxy's host in the inventory.
    type: str
    required: true
  found:
    description: What M(usegalaxy_eu.celery.galaxy_site_info) returned as RV(usegalaxy_eu.celery.galaxy_site_info#module:found).
    type: dict
    required: true
  notes:
    description: What the same module returned as RV(usegalaxy_eu.celery.galaxy_site_info#module:notes).
    type: list
    elements: str
    default: []
  dest:
    description: Directory of the inventory. It is created.
    type: path
    required: true
  answers:
    description:
      - Answers to RV(questions), by name. If an answer is missing or empty, the proposal is used.
      - Without this option nothing is written, and the questions are returned.
    type: dict
  check:
    description: Whether to run the playbook C(check) on the inventory.
    type: bool
    default: true
attributes:
  action:
    description: Runs on the controller.
    support: full
  check_mode:
    description: Writes nothing, and reports which files it would write.
    support: full
  diff_mode:
    description: Shows no difference, because no file is changed.
    support: none
"""

EXAMPLES = r"""
- name: Write the inventory
  usegalaxy_eu.celery.init_inventory:
    host: galaxy.example.org
    found:
      server_dir: {value: /srv/galaxy/server, origin: above galaxy.yml}
    dest: /etc/ansible-celery/inventory
    answers: {init_broker: mq.example.org, init_workers: "celery-1.example.org,celery-2.example.org"}
    check: false
"""

RETURN = r"""
directory:
  description: Absolute path of O(dest).
  returned: success
  type: str
questions:
  description: Questions that only you can answer, at most five. Empty if all files exist.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the answer in O(answers).
      type: str
    text:
      description: The question.
      type: str
    proposal:
      description: The answer that is used if you give none.
      type: str
created:
  description: Files that were written, below O(dest).
  returned: success
  type: list
  elements: str
kept:
  description: Files of the inventory that existed. They were not changed.
  returned: with O(answers)
  type: list
  elements: str
changes:
  description: Changes on the host since the inventory was written, one sentence each.
  returned: success
  type: list
  elements: str
findings:
  description: What you have to do at the site, one sentence each.
  returned: success
  type: list
  elements: str
problems:
  description: Problems that the playbook C(check) found in the inventory. Empty if it passes.
  returned: with O(answers) and O(check=true)
  type: list
  elements: str
next:
  description: What to do next, in order.
  returned: with O(answers)
  type: list
  elements: str
"""
