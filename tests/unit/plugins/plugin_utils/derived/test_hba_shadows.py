# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit tests of the filter hba_shadows."""

from __future__ import annotations

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.hba_shadows import hba_shadows

ENTRY = "192.0.2.10/32"


def rule(line, kind="host", database="all", user="all", address="all", mask=None, method="reject", **more):
    return {
        "line_number": line,
        "type": kind,
        "database": database.split(","),
        "user_name": user.split(","),
        "address": address,
        "netmask": mask,
        "auth_method": method,
        "options": None,
        "error": None,
        **more,
    }


def own(line, **changes):
    values = {"address": "192.0.2.10", "mask": "255.255.255.255", "method": "scram-sha-256", **changes}
    return rule(line, "hostssl", "galaxy,galaxy_celery", "galaxy", **values)


def shadows(*rules, entries=(ENTRY,), kind="hostssl"):
    return hba_shadows(list(rules), list(entries), ["galaxy", "galaxy_celery"], "galaxy", kind, "scram-sha-256")


TAKERS = {
    "everything": rule(3),
    "a network": rule(3, address="192.0.2.0", mask="255.255.255.0"),
    "the same with another method": own(3, method="md5"),
    "the same with a certificate": own(3, options=["clientcert=verify-full"]),
    "no password": rule(3, method="trust"),
    "one of the databases": rule(3, database="galaxy_celery"),
    "a group": rule(3, user="+staff"),
    "the user's own database": rule(3, database="sameuser"),
    "a pattern": rule(3, user="/^gal", rule_number=3, matches={"/^gal": ["galaxy", "galaxy_celery"]}),
    "a pattern that nobody has read": rule(3, user="/^x", rule_number=3, matches=None),
    "a host name": rule(3, address=".example.org"),
    "the server's networks": rule(3, address="samenet"),
    "without GSS": rule(3, "hostnogssenc"),
}


@pytest.mark.parametrize("name", TAKERS)
def test_what_takes_the_connections(name):
    found = shadows(TAKERS[name], own(9))
    assert len(found) == 1
    assert found[0].startswith("line 3: host")


OTHERS = {
    "another network": rule(3, address="198.51.100.0", mask="255.255.255.0"),
    "another version": rule(3, address="::", mask="::"),
    "another user": rule(3, user="postgres"),
    "another database": rule(3, database="postgres,replication"),
    "a socket": rule(3, "local", address=None),
    "without TLS": rule(3, "hostnossl"),
    "with GSS": rule(3, "hostgssenc"),
    "another pattern": rule(3, user="/^x", rule_number=3, matches={"/^x": []}),
    "a slash before PostgreSQL 16": rule(3, user="/^gal"),
    "a line that is none": rule(3, error="invalid"),
    "what does the same": own(3, address="192.0.2.0", mask="255.255.255.0"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_does_not(name):
    assert shadows(OTHERS[name], own(9)) == []


def test_what_stands_after_the_own_rule_takes_nothing():
    assert shadows(own(2), *TAKERS.values()) == []


def test_an_entry_without_a_rule_is_not_shadowed():
    assert shadows(*TAKERS.values()) == []


def test_without_tls_a_rule_for_tls_takes_half():
    plain = dict(own(9), type="host")
    assert len(shadows(rule(3, "hostssl"), plain, kind="host")) == 1
    assert len(shadows(rule(3, "hostnossl"), plain, kind="host")) == 1


def test_ipv6():
    entry, mask = "2001:db8::10/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    mine = own(9, address="2001:db8::10", mask=mask)
    assert shadows(mine, entries=[entry]) == []
    taker = rule(3, address="2001:db8::", mask="ffff:ffff::")
    assert shadows(taker, mine, entries=[entry]) == ["line 3: host all all 2001:db8::/32 reject"]


def test_each_rule_is_named_once_in_the_order_of_the_file():
    second = own(11, address="192.0.2.11")
    found = shadows(rule(3), rule(10, method="md5"), own(9), second, entries=[ENTRY, "192.0.2.11/32"])
    assert found == ["line 3: host all all all reject", "line 10: host all all all md5"]


def test_a_worker_in_a_network_that_is_listed_too():
    """Both lines stand in one block, the host's first; the block must not move for that."""
    network = own(10, address="192.0.2.0", mask="255.255.255.0")
    entries = [ENTRY, "192.0.2.0/24"]
    assert shadows(own(9), network, entries=entries) == []
    # What takes the rest of the network is still seen.
    assert len(shadows(own(2), rule(3), network, entries=entries)) == 1


def test_the_file_is_named_where_postgresql_says_it():
    found = shadows(rule(3, file_name="/etc/x.conf"), own(9, file_name="/etc/pg_hba.conf"))
    assert found == ["line 3 of /etc/x.conf: host all all all reject"]


def test_included_files_are_read_where_they_are_included():
    """Each file counts its lines from 1; rule_number is PostgreSQL's own order."""
    taker = rule(1, file_name="/etc/pg_hba.d/10.conf", rule_number=2)
    mine = own(90, file_name="/etc/pg_hba.conf", rule_number=1)
    assert shadows(taker, mine) == []
    assert shadows(dict(taker, rule_number=1), dict(mine, rule_number=2)) == [
        "line 1 of /etc/pg_hba.d/10.conf: host all all all reject"
    ]
    late = rule(99, file_name="/etc/pg_hba.d/10.conf", rule_number=1)
    assert len(shadows(dict(mine, rule_number=2, line_number=2), late)) == 1


def test_the_rules_are_named_in_the_order_in_which_they_are_tried():
    first = rule(7, file_name="/etc/z.conf", rule_number=1)
    second = rule(3, file_name="/etc/a.conf", rule_number=2, method="md5")
    found = shadows(second, first, own(1, rule_number=3, file_name="/etc/pg_hba.conf"))
    assert [text.partition(":")[0] for text in found] == ["line 7 of /etc/z.conf", "line 3 of /etc/a.conf"]


def test_a_pattern_that_postgresql_matches_is_an_own_rule_too():
    pattern = own(3, rule_number=1, matches={"/^gal": ["galaxy"]}) | {"user_name": ["/^gal"]}
    assert shadows(pattern, rule(9, rule_number=2), own(10, rule_number=3)) == []
