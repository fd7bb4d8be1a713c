# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that finds the rules of pg_hba.conf that take connections before the rules meant for them."""

from __future__ import annotations

import ipaddress
import itertools

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._hba_rules import (
    TAKES,
    Network,
    Rule,
    covers,
    has,
    in_order,
    line,
    overlaps,
)


def _takes(rule: Rule, network: Network, database: str, role: str, connection_type: str) -> bool:
    """Say whether a rule may match a connection of an entry."""
    return (
        bool(TAKES[rule["type"]] & TAKES[connection_type])
        and has(rule, "database", database)
        and has(rule, "user_name", role)
        and overlaps(rule, network)
    )


def _does_the_same(rule: Rule, connection_type: str, method: str) -> bool:
    """Say whether a rule does with a connection what an entry's own rule does."""
    return (rule["type"], rule["auth_method"]) == (connection_type, method) and not rule.get("options")


def hba_shadows(
    rules: list[Rule], entries: list[str], databases: list[str], role: str, connection_type: str, method: str
) -> list[str]:
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
    shadows: set[int] = set()
    for network, database in itertools.product(map(ipaddress.ip_network, entries), databases):
        before: list[int] = []
        for place, rule in enumerate(readable):
            same = _does_the_same(rule, connection_type, method)
            if same and covers(rule, network, database, role):
                shadows.update(before)
                break
            # A worker's own line before that of its network changes nothing.
            if not same and _takes(rule, network, database, role, connection_type):
                before.append(place)
    return [line(readable[place]) for place in sorted(shadows)]
