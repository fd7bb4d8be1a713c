# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that tells what is wrong with lists of vhosts, users, policies, queues, exchanges and bindings."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rabbitmq_problems
short_description: Tell what is wrong with lists of vhosts, users, policies and declared objects of RabbitMQ
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Looks at the lists alone, before there is a broker, and returns what would fail or do harm, one sentence for each, with
    the remedy. An empty list means that nothing was found.
  - Finds what is listed twice, empty or unprintable names, empty passwords, passwords of fewer than 8 characters or equal to
    the name, tags that give no rights, permissions and policies on a vhost that is not listed, regular expressions that
    are none, policies without a definition, numbers of policies that are none, and negative limits.
  - Of queues, exchanges and bindings it finds names of the broker's own, vhosts that are not listed, and bindings with an end that is
    not listed.
  - The module M(usegalaxy_eu.celery.rabbitmq_definitions) holds its own arguments against the same rules, with the
    broker's vhosts at hand.
options:
  _input:
    description: The lists, in the shape of the module's options.
    type: dict
    required: true
    suboptions:
      vhosts:
        description: The vhosts.
        type: list
        elements: dict
        default: []
      users:
        description: The users.
        type: list
        elements: dict
        default: []
      policies:
        description: The policies.
        type: list
        elements: dict
        default: []
      queues:
        description: Queues to declare, each with C(name) and C(vhost).
        type: list
        elements: dict
        default: []
      exchanges:
        description: Exchanges to declare, each with C(name) and C(vhost).
        type: list
        elements: dict
        default: []
      bindings:
        description: Bindings to declare, each with C(source), C(destination), C(destination_type) and C(vhost).
        type: list
        elements: dict
        default: []
"""

EXAMPLES = r"""
- name: Check the lists before anything is changed
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join(' ') }}"
  vars:
    problems: "{{ {'vhosts': vhosts, 'users': users, 'policies': []} | usegalaxy_eu.celery.rabbitmq_problems }}"
    vhosts: [{name: galaxy}]
    users: [{name: galaxy, password: "{{ galaxy_amqp_password }}", permissions: [{vhost: galaxy, read: '.*'}]}]
"""

RETURN = r"""
_value:
  description: The problems. None holds a password.
  type: list
  elements: str
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._rabbitmq_objects import (
    declared_problems,
    list_problems,
)

KINDS = ("vhosts", "users", "policies")
DECLARED = ("queues", "exchanges", "bindings")


def rabbitmq_problems(lists):
    """Return what is wrong with the lists, see DOCUMENTATION.

    :raises AnsibleFilterError: when the input is not a dictionary of these lists, or an entry lacks its name.
    """
    unknown = sorted(set(lists) - set(KINDS + DECLARED))
    if unknown:
        raise AnsibleFilterError(f"rabbitmq_problems: {unknown[0]} is no known key. Known keys: {', '.join(KINDS + DECLARED)}.")
    try:
        vhosts = {item["name"] for item in lists.get("vhosts") or [] if item.get("state") != "absent"}
        return [
            *list_problems(*(lists.get(kind) or [] for kind in KINDS)),
            *declared_problems(*(lists.get(kind) or [] for kind in DECLARED), vhosts),
        ]
    except KeyError as error:
        raise AnsibleFilterError(f"rabbitmq_problems: an entry lacks the key {error}.") from error


class FilterModule:
    """Filters of the collection for the broker."""

    def filters(self):
        """Return the filters by name."""
        return {"rabbitmq_problems": rabbitmq_problems}
