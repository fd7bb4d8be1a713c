# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A row of the view pg_hba_file_rules: whom it is for, and how a message names it."""

from __future__ import annotations

import ipaddress
from typing import Any, Union

# A row of the view.
Rule = dict[str, Any]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

# Kinds of connection that a rule of each type takes; the others take neither of ours.
TAKES = {"host": {"tls", "plain"}, "hostssl": {"tls"}, "hostnossl": {"plain"}, "hostnogssenc": {"tls", "plain"}}


def network_of(rule: Rule) -> Network | None:
    """Return the network of a rule, or None where it cannot be told from here."""
    address, mask = rule.get("address"), rule.get("netmask")
    try:
        if mask is None:
            return ipaddress.ip_network(str(address))
        # Python reads an IPv6 mask only as the number of its bits.
        bits = bin(int(ipaddress.ip_address(mask))).count("1")
        return ipaddress.ip_network(f"{address}/{bits}", strict=False)
    except ValueError:
        return None


def _names(rule: Rule, column: str, name: str) -> bool | None:
    """Say whether a rule surely names a database or role; None where that cannot be told from here."""
    answer: bool | None = False
    for word in rule[column] or []:
        if word in ("all", name):
            return True
        # Before PostgreSQL 16, whose view numbers the rules, a slash is a letter like others.
        if word.startswith("/") and rule.get("rule_number") is not None:
            if word not in (rule.get("matches") or {}):
                answer = None
            elif name in rule["matches"][word]:
                return True
        elif word in ("sameuser", "samerole", "samegroup") or word.startswith("+"):
            answer = None
    return answer


def has(rule: Rule, column: str, name: str) -> bool:
    """Say whether a rule may mean a database or role."""
    return _names(rule, column, name) is not False


def in_order(rules: list[Rule]) -> list[Rule]:
    """Return the readable rules as PostgreSQL tries them: from 16 on it counts over all included files."""
    readable = [rule for rule in rules if rule.get("error") is None]
    return sorted(readable, key=lambda rule: rule.get("rule_number") or rule["line_number"])


def overlaps(rule: Rule, network: Network) -> bool:
    """Say whether a rule may be for an address of a network."""
    found = network_of(rule)
    if rule.get("address") == "all" or found is None:
        return True
    return found.version == network.version and found.overlaps(network)


def covers(rule: Rule, network: Network, database: str, role: str) -> bool:
    """Say whether a rule takes every connection of a role from a network to a database."""
    found = network_of(rule)
    return (
        (rule.get("address") == "all" or (found is not None and lies_in(network, found)))
        and _names(rule, "database", database) is True
        and _names(rule, "user_name", role) is True
    )


def lies_in(network: Network, other: Network) -> bool:
    """Say whether a network is another one, or a part of it."""
    if isinstance(network, ipaddress.IPv4Network):
        return isinstance(other, ipaddress.IPv4Network) and network.subnet_of(other)
    return isinstance(other, ipaddress.IPv6Network) and network.subnet_of(other)


def line(rule: Rule) -> str:
    """Return a rule as a message names it."""
    address = rule.get("address") or ""
    if rule.get("netmask"):
        address = str(network_of(rule) or f"{address} {rule['netmask']}")
    words = [rule["type"], ",".join(rule["database"]), ",".join(rule["user_name"]), address, rule["auth_method"]]
    file = f" of {rule['file_name']}" if rule.get("file_name") else ""
    return f"line {rule['line_number']}{file}: {' '.join(word for word in words if word)}"
