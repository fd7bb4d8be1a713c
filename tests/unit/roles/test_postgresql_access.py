# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of pg_hba.conf that the role postgresql_access makes of hosts and networks."""

from __future__ import annotations

import re

import pytest
import yaml
from tools import role_templates

SITE = {"ansible_facts": {"os_family": "Debian"}}


def lines(**values):
    return role_templates.evaluate("postgresql_access", "__postgresql_access_lines", SITE, **values)


def hosts(*addresses):
    return [{"name": f"celery-{number}", "address": address} for number, address in enumerate(addresses, 1)]


def accepted(entry):
    """Whether preflight takes an entry: the patterns of its own assert."""
    path = role_templates.ROLES / "postgresql_access/tasks/preflight.yml"
    (task,) = [task for task in yaml.safe_load(path.read_text()) if "loop" in task]
    condition = task["ansible.builtin.assert"]["that"]
    return any(re.match(pattern, entry) for pattern in re.findall(r"match\('([^']+)'\)", condition))


def test_no_host_makes_no_line():
    assert lines() == []


@pytest.mark.parametrize(
    ("address", "entry"),
    [
        ("192.0.2.10", "192.0.2.10/32"),
        ("2001:db8::10", "2001:db8::10/128"),
        ("FD00::A", "FD00::A/128"),
        ("::1", "::1/128"),
        ("198.51.100.0/24", "198.51.100.0/24"),
    ],
)
def test_one_host(address, entry):
    assert lines(postgresql_access_hosts=hosts(address)) == [
        f"hostssl galaxy,galaxy_celery galaxy {entry} scram-sha-256"
    ]
    assert accepted(entry)


def test_hosts_and_then_networks():
    found = lines(
        postgresql_access_hosts=hosts("192.0.2.10", "2001:db8::10"),
        postgresql_access_networks=["198.51.100.0/24", "2001:db8:1::/48"],
    )
    assert [line.split()[3] for line in found] == [
        "192.0.2.10/32",
        "2001:db8::10/128",
        "198.51.100.0/24",
        "2001:db8:1::/48",
    ]
    assert all(accepted(line.split()[3]) for line in found)


def test_other_values():
    assert lines(
        postgresql_access_hosts=hosts("192.0.2.10"),
        postgresql_access_databases=["galaxy", "", "tools", "galaxy"],
        postgresql_access_role="worker",
        postgresql_access_connection_type="host",
        postgresql_access_method="cert",
    ) == ["host galaxy,tools worker 192.0.2.10/32 cert"]


def test_without_a_result_database():
    found = lines(postgresql_access_hosts=hosts("192.0.2.10"), galaxy_celery_result_database="")
    assert found == ["hostssl galaxy galaxy 192.0.2.10/32 scram-sha-256"]


@pytest.mark.parametrize("address", ["PENDING", "", "192.0.2.10 trust", "all", "celery-1.example.org"])
def test_what_is_no_address_is_refused_by_preflight(address):
    """A line with a placeholder once reached a production server."""
    (entry,) = role_templates.evaluate(
        "postgresql_access", "__postgresql_access_entries", SITE, postgresql_access_hosts=hosts(address)
    )
    assert not accepted(entry)
