# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit tests of the filter hba_openings."""

from __future__ import annotations

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived import hba_openings as module

ENTRIES = ("192.0.2.10/32", "198.51.100.0/25", "198.51.100.128/25", "2001:db8::/64")


def rule(number, text, **more):
    """A row of the view, from a line as it stands in the file."""
    kind, database, user, address, method = text.split()
    plain, _slash, mask = address.partition("/")
    return {
        "line_number": number,
        "type": kind,
        "database": database.split(","),
        "user_name": user.split(","),
        "address": None if address == "-" else plain,
        "netmask": mask or None,
        "auth_method": method,
        "error": None,
        **more,
    }


ALL = "/0.0.0.0"


def openings(*lines, entries=ENTRIES):
    rules = [line if isinstance(line, dict) else rule(number, line) for number, line in enumerate(lines, 1)]
    return module.hba_openings(rules, entries, ["galaxy", "galaxy_celery"], "galaxy")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"host all all 0.0.0.0{ALL} scram-sha-256", "host all all 0.0.0.0/0 scram-sha-256"),
        (f"host all all 0.0.0.0{ALL} trust", "host all all 0.0.0.0/0 trust"),
        ("host all all all md5", "host all all all md5"),
        ("hostssl galaxy galaxy ::/:: cert", "hostssl galaxy galaxy ::/0 cert"),
        ("hostnossl sameuser galaxy 10.0.0.0/255.0.0.0 md5", "10.0.0.0/8"),
        ("hostgssenc all all 10.0.0.0/255.0.0.0 gss", "hostgssenc"),
        ("host galaxy_celery +staff 192.0.2.11/255.255.255.255 md5", "192.0.2.11/32"),
        ("host all all 192.0.2.0/255.255.255.0 md5", "192.0.2.0/24"),
        ("host all all samenet md5", "samenet"),
        ("host all all .example.org md5", ".example.org"),
    ],
)
def test_what_lets_others_in(text, shown):
    found = openings("hostssl galaxy galaxy 192.0.2.10/255.255.255.255 scram-sha-256", text)
    assert len(found) == 1
    assert found[0].startswith("line 2: ") and shown in found[0]


@pytest.mark.parametrize(
    "text",
    [
        "local all all - peer",
        "host all all 127.0.0.1/255.255.255.255 scram-sha-256",
        "host all all 127.0.0.0/255.0.0.0 scram-sha-256",
        "host all all ::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff scram-sha-256",
        "host all all samehost scram-sha-256",
        "host galaxy galaxy galaxy.example.org scram-sha-256",
        f"host all all 0.0.0.0{ALL} reject",
        f"host other all 0.0.0.0{ALL} md5",
        f"host all other 0.0.0.0{ALL} md5",
        "host replication all 10.0.0.0/255.0.0.0 md5",
        "host all all 192.0.2.10/255.255.255.255 md5",
        "host all all 198.51.100.0/255.255.255.0 md5",
        "host all all 2001:db8::7/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff md5",
    ],
)
def test_what_lets_nobody_else_in(text):
    assert openings(text) == []


@pytest.mark.parametrize(
    ("reject", "closed"),
    [
        (f"host all all 0.0.0.0{ALL} reject", True),
        ("host all all all reject", True),
        (f"host galaxy,galaxy_celery galaxy 0.0.0.0{ALL} reject", True),
        (f"hostssl all all 0.0.0.0{ALL} reject", False),
        (f"host galaxy galaxy 0.0.0.0{ALL} reject", False),
        ("host all all 10.0.0.0/255.0.0.0 reject", False),
    ],
)
def test_what_an_earlier_rule_turns_away(reject, closed):
    opening = f"host all all 0.0.0.0{ALL} md5"
    assert (openings(reject, opening) == []) is closed
    assert len(openings(opening, reject)) == 1


def test_a_line_that_cannot_be_read_lets_nobody_in():
    assert openings(rule(1, f"host all all 0.0.0.0{ALL} md5", error="invalid", type=None)) == []


def test_without_entries_everybody_is_another():
    assert len(openings("host all all 192.0.2.10/255.255.255.255 md5", entries=())) == 1


def test_a_reject_counts_where_postgresql_tries_it():
    opening = rule(1, f"host all all 0.0.0.0{ALL} md5", rule_number=2, file_name="/etc/more.conf")
    reject = rule(50, f"host all all 0.0.0.0{ALL} reject", rule_number=1, file_name="/etc/pg_hba.conf")
    assert openings(opening, reject) == []
    assert len(openings(dict(opening, rule_number=1), dict(reject, rule_number=2))) == 1


@pytest.mark.parametrize(
    ("matches", "closed"), [({"/^gal": ["galaxy", "galaxy_celery"]}, True), ({"/^gal": []}, False), (None, False)]
)
def test_a_reject_for_a_pattern_closes_what_postgresql_matches(matches, closed):
    reject = rule(1, f"host all /^gal 0.0.0.0{ALL} reject", rule_number=1, matches=matches)
    opening = rule(2, f"host all all 0.0.0.0{ALL} md5", rule_number=2)
    assert (openings(reject, opening) == []) is closed
