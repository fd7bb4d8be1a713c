# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that finds the rules of pg_hba.conf that let in others than those who were meant."""

from __future__ import annotations

import ipaddress

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._hba_rules import (
    TAKES,
    Network,
    Rule,
    covers,
    has,
    in_order,
    lies_in,
    line,
    network_of,
)

LOOPBACK = ("127.0.0.0/8", "::1/128")
EVERYWHERE = ("0.0.0.0/0", "::/0")


def _networks(rule: Rule) -> list[Network] | None:
    """Return the networks of a rule, or None where they are the server's own and cannot be told from here."""
    if rule.get("address") == "all":
        return [ipaddress.ip_network(network) for network in EVERYWHERE]
    found = network_of(rule)
    return None if found is None else [found]


def _is_meant(rule: Rule, meant: list[Network]) -> bool:
    """Say whether a rule lets in nobody but those who were meant."""
    networks = _networks(rule)
    if networks is None:
        # A name stands for one host, unless it begins with a dot.
        return rule.get("address") != "samenet" and not str(rule.get("address")).startswith(".")
    return all(
        any(lies_in(network, other) for other in meant) for network in networks
    )


def _is_void(rule: Rule, earlier: list[Rule], database: str, role: str) -> bool:
    """Say whether an earlier rule turns away all that a rule would let in."""
    networks = _networks(rule)
    # A kind of connection that is not known here may be any.
    kinds = TAKES.get(rule["type"], {"tls", "plain", "gss"})
    return networks is not None and all(
        any(
            other["auth_method"] == "reject"
            and kinds <= TAKES.get(other["type"], set())
            and covers(other, network, database, role)
            for other in earlier
        )
        for network in networks
    )


def hba_openings(rules: list[Rule], entries: list[str], databases: list[str], role: str) -> list[str]:
    """Return the rules that let in others than the entries.

    :param rules: rows of pg_hba_file_rules.
    :param entries: networks as text.
    :param databases: names of databases.
    :param role: name of the role.
    :returns: a list of texts, one for each rule.
    """
    remote = [rule for rule in in_order(rules) if rule.get("type") != "local"]
    given = [ipaddress.ip_network(network, strict=False) for network in [*entries, *LOOPBACK]]
    # Two halves that are listed are the whole.
    meant: list[Network] = [
        *ipaddress.collapse_addresses(other for other in given if isinstance(other, ipaddress.IPv4Network)),
        *ipaddress.collapse_addresses(other for other in given if isinstance(other, ipaddress.IPv6Network)),
    ]
    found = []
    for number, rule in enumerate(remote):
        if rule["auth_method"] == "reject" or not has(rule, "user_name", role) or _is_meant(rule, meant):
            continue
        reached = [database for database in databases if has(rule, "database", database)]
        if any(not _is_void(rule, remote[:number], database, role) for database in reached):
            found.append(line(rule))
    return found
