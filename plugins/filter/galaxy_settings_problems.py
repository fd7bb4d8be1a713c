# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell what is known to fail in AMQP and Celery settings of Galaxy."""

from __future__ import annotations

DOCUMENTATION = r"""
name: galaxy_settings_problems
short_description: Tell what is known to fail in AMQP and Celery settings of Galaxy
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Looks at the settings alone, without Galaxy and its host. One sentence for each problem, with the remedy and without a value
    that may be secret.
  - The module M(usegalaxy_eu.celery.galaxy_config_check) holds them against the same rules, and on Galaxy's host against Galaxy's
    and Celery's own lists too.
options:
  _input:
    description: Settings as in the section C(galaxy) of C(galaxy.yml).
    type: dict
    required: true
  variables:
    description: The variable that makes a setting, by the setting's dotted name; it is put before the problem.
    type: dict
    default: {}
  consumed_queues:
    description: Queues that workers consume. With an empty list they are not known, and nothing is said about them.
    type: list
    elements: str
    default: []
  remote_workers:
    description: Whether workers run on other hosts than Galaxy.
    type: bool
    default: false
  gravity:
    description: Settings as they stand in C(galaxy.yml) below C(gravity), which runs workers of its own unless they say otherwise.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Check that each task has a queue that is consumed
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join(' ') }}"
  vars:
    problems: >-
      {{ {'celery_conf': {'task_routes': {'galaxy.*': 'galaxy.internal'}}}
         | usegalaxy_eu.celery.galaxy_settings_problems(consumed_queues=['galaxy.internal']) }}
"""

RETURN = r"""
_value:
  description: The problems, one sentence for each, with the remedy.
  type: list
  elements: str
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._galaxy_settings import (
    find_problems,
    gravity_problems,
    with_variables,
)


def galaxy_settings_problems(settings, variables=None, consumed_queues=(), remote_workers=False, gravity=None):
    """Return what is known to fail, see DOCUMENTATION."""
    if not isinstance(settings, dict):
        raise AnsibleFilterError("galaxy_settings_problems: the settings are no dictionary.")
    problems = find_problems(settings, consumed_queues, remote_workers) if settings else []
    return with_variables(problems + gravity_problems(gravity), variables or {})


class FilterModule:
    """Filters of the collection for Galaxy's settings."""

    def filters(self):
        """Return the filters by name."""
        return {"galaxy_settings_problems": galaxy_settings_problems}
