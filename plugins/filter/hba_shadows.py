# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that finds the rules of pg_hba.conf that take connections before the rules meant for them."""

from __future__ import annotations

DOCUMENTATION = r"""
name: hba_shadows
short_description: Find the rules of pg_hba.conf that take connections before the rules meant for them
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - PostgreSQL takes the first rule that matches a connection, and never looks at a later one. This filter returns the rules
    that match a connection of an entry before the entry's own rule does, and treat it otherwise. An entry without a rule of its own has none.
  - A rule that cannot be judged from here, such as one for a group or a host name, is taken for one that matches.
positional: entries, databases, role, connection_type, method
options:
  _input:
    description:
      - The rows of the view C(pg_hba_file_rules), in any order. PostgreSQL 16 and later number the rules over all included files.
      - Where they have a column C(matches), it is a dictionary with, for each word that is a regular expression, those of O(databases)
        and O(role) that PostgreSQL finds it to match. A regular expression that is not in it may match.
    type: list
    elements: dict
    required: true
  entries:
    description: The addresses, as the filter P(usegalaxy_eu.celery.hba_entries#filter) returns them.
    type: list
    elements: str
    required: true
  databases:
    description: Databases of the entries.
    type: list
    elements: str
    required: true
  role:
    description: Database role of the entries.
    type: str
    required: true
  connection_type:
    description: Kind of connection of the entries.
    type: str
    choices: [hostssl, host]
    required: true
  method:
    description: Authentication method of the entries.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show what stands before the workers' rules
  ansible.builtin.debug:
    msg: "{{ rules.query_result | usegalaxy_eu.celery.hba_shadows(['192.0.2.10/32'], ['galaxy'], 'galaxy', 'hostssl', 'scram-sha-256') }}"
  # ["line 1: host all all 192.0.2.0/24 md5"]
  vars:
    rules:
      query_result:
        - {line_number: 1, type: host, database: [all], user_name: [all], address: 192.0.2.0,
           netmask: 255.255.255.0, auth_method: md5, error: null}
        - {line_number: 2, type: hostssl, database: [galaxy], user_name: [galaxy], address: 192.0.2.10,
           netmask: 255.255.255.255, auth_method: scram-sha-256, error: null}
"""

RETURN = r"""
_value:
  description: One line for each of these rules, with its number in the file.
  type: list
  elements: str
  sample: ["line 12: host all all 0.0.0.0/0 reject"]
"""

import ipaddress
import itertools

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._hba_rules import (
    TAKES,
    covers,
    has,
    in_order,
    line,
    overlaps,
)


def _takes(rule, network, database, role, connection_type):
    """Say whether a rule may match a connection of an entry."""
    return (
        bool(TAKES[rule["type"]] & TAKES[connection_type])
        and has(rule, "database", database)
        and has(rule, "user_name", role)
        and overlaps(rule, network)
    )


def _does_the_same(rule, connection_type, method):
    """Say whether a rule does with a connection what an entry's own rule does."""
    return (rule["type"], rule["auth_method"]) == (connection_type, method) and not rule.get("options")


def hba_shadows(rules, entries, databases, role, connection_type, method):
    """Return the rules that take connections of the entries before their own rules do.

    :param rules: rows of pg_hba_file_rules.
    :param entries: networks as text.
    :param databases: names of databases.
    :param role: name of the role.
    :param connection_type: C(hostssl) or C(host).
    :param method: authentication method.
    :returns: a list of texts, one for each rule.
    """
    readable = [rule for rule in in_order(rules) if rule.get("type") in TAKES]
    shadows = set()
    for network, database in itertools.product(map(ipaddress.ip_network, entries), databases):
        before = []
        for place, rule in enumerate(readable):
            same = _does_the_same(rule, connection_type, method)
            if same and covers(rule, network, database, role):
                shadows.update(before)
                break
            # A worker's own line before that of its network changes nothing.
            if not same and _takes(rule, network, database, role, connection_type):
                before.append(place)
    return [line(readable[place]) for place in sorted(shadows)]


class FilterModule:
    """Filters of the collection for the order of rules in pg_hba.conf."""

    def filters(self):
        """Return the filters by name."""
        return {"hba_shadows": hba_shadows}
