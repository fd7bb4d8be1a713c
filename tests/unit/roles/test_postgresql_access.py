# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of pg_hba.conf and the figures that the role postgresql_access makes of its variables."""

from __future__ import annotations

import base64

import pytest
import yaml
from tools import role_templates

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils.galaxy_celery.results import POSTGRESQL_POOL

SITE = {"ansible_facts": {"os_family": "Debian"}}


def lines(**values):
    return role_templates.evaluate("postgresql_access", "__postgresql_access_lines", SITE, **values)


def hosts(*addresses):
    return [{"name": f"celery-{number}", "address": address} for number, address in enumerate(addresses, 1)]


def value(name, **values):
    return role_templates.evaluate("postgresql_access", name, SITE, **values)


def test_no_host_makes_no_line():
    assert lines() == []


@pytest.mark.parametrize(
    ("address", "entry"),
    [
        ("192.0.2.10", "192.0.2.10/32"),
        ("2001:db8::10", "2001:db8::10/128"),
        ("FD00::A", "fd00::a/128"),
        ("::1", "::1/128"),
        ("198.51.100.0/24", "198.51.100.0/24"),
    ],
)
def test_one_host(address, entry):
    assert lines(postgresql_access_hosts=hosts(address)) == [
        f"hostssl galaxy,galaxy_celery galaxy {entry} scram-sha-256"
    ]


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


def test_other_values():
    assert lines(
        postgresql_access_hosts=hosts("192.0.2.10"),
        postgresql_access_databases=["galaxy", "", "tools", "galaxy"],
        postgresql_access_role="worker",
        postgresql_access_connection_type="host",
        postgresql_access_method="cert",
    ) == ["host galaxy,tools worker 192.0.2.10/32 cert"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "galaxy_celery"),
        ({"galaxy_celery_result_backend": "redis://:secret@redis.example.org:6379/0"}, ""),
        ({"galaxy_celery_conf": {"result_backend": "rediss://redis.example.org/0"}}, ""),
        ({"galaxy_celery_result_backend": "db+postgresql://u:p@db.example.org/galaxy_celery"}, "galaxy_celery"),
    ],
)
def test_the_result_backend_settles_the_database(values, expected):
    assert value("postgresql_access_result_database", **values) == expected
    databases = "galaxy," + expected if expected else "galaxy"
    assert lines(postgresql_access_hosts=hosts("192.0.2.10"), **values) == [
        f"hostssl {databases} galaxy 192.0.2.10/32 scram-sha-256"
    ]


def test_without_a_result_database():
    found = lines(postgresql_access_hosts=hosts("192.0.2.10"), galaxy_celery_result_database="")
    assert found == ["hostssl galaxy galaxy 192.0.2.10/32 scram-sha-256"]


@pytest.mark.parametrize("address", ["PENDING", "", "192.0.2.10 trust", "all", "celery-1.example.org"])
def test_what_is_no_address_makes_no_line(address):
    """A line with a placeholder once reached a production server."""
    assert lines(postgresql_access_hosts=hosts(address)) == []
    found = {"postgresql_access_hosts": hosts(address), "__postgresql_access_resolved": {address: []}}
    assert len(value("__postgresql_access_checked.problems", **found)) == 1


def workers(*threads, **pool):
    processes = [{"threads": number, **pool} for number in threads]
    return {"postgresql_access_hosts": [{"name": "a", "address": "192.0.2.10", "processes": processes}]}


@pytest.mark.parametrize(
    ("threads", "options", "pooled", "results"),
    [
        ([], {}, 0, 0),
        ([32], {}, 15, 6),
        ([8, 2], {}, 10, 9),
        ([1] * 8, {}, 8, 16),
        ([32, 32], {"postgresql_access_pool_size": 20}, 60, 12),
        ([32], {"postgresql_access_pool_size": 0}, 32, 6),
        ([32], {"postgresql_access_max_overflow": -1}, 32, 6),
        ([32], {"postgresql_access_result_database": ""}, 15, 0),
    ],
)
def test_the_connections_of_the_workers(threads, options, pooled, results):
    given = {**workers(*threads), **options}
    assert value("__postgresql_access_connections.pooled", **given) == pooled
    assert value("__postgresql_access_connections.results", **given) == results


def test_a_process_keeps_as_many_for_results_as_its_pool_does_and_one_for_its_locks():
    most = POSTGRESQL_POOL["pool_size"] + POSTGRESQL_POOL["max_overflow"] + 1
    assert value("__postgresql_access_connections.results", **workers(1000)) == most


@pytest.mark.parametrize(
    ("pool", "options", "pooled"),
    [
        # The units of the role celery set their pool to their threads, so Galaxy's own limits nothing.
        ({"pool_size": 32}, {}, 64),
        ({"pool_size": 32}, {"postgresql_access_pool_size": 1, "postgresql_access_max_overflow": 0}, 64),
        ({"pool_size": 4}, {}, 28),
        ({"pool_size": 4, "max_overflow": 0}, {}, 8),
        ({"pool_size": 4, "max_overflow": -1}, {}, 64),
        ({"pool_size": 0}, {}, 64),
    ],
)
def test_what_the_units_set_counts(pool, options, pooled):
    assert value("__postgresql_access_connections.pooled", **workers(32, 32, **pool), **options) == pooled


def test_the_budget_says_where_a_pool_comes_from():
    given = {**state(), **workers(32, pool_size=32)}
    given["postgresql_access_hosts"].append({"name": "b", "address": "192.0.2.11", "processes": [{"threads": 8}]})
    text = value("__postgresql_access_budget", **given)
    assert "2 worker hosts with 2 processes and 40 threads may keep 40 connections" in text
    assert "(32 (set by its unit) + 10, or 5 + 10 in each process)" in text
    assert "(none in each process)" in value("__postgresql_access_budget", **state())


def state(**values):
    row = {"max_connections": 100, "reserved": 3, "rolconnlimit": -1, "others": 5, "listen_addresses": "localhost"}
    return {"__postgresql_access_asked": {"query_result": [{**row, **values}]}}


@pytest.mark.parametrize(
    ("row", "room"), [({}, 97), ({"rolconnlimit": 20}, 20), ({"rolconnlimit": 400}, 97), ({"rolconnlimit": None}, 97)]
)
def test_the_room_for_them(row, room):
    assert value("__postgresql_access_room | int", **state(**row)) == room


@pytest.mark.parametrize(
    ("wanted", "has", "changes"),
    [
        ("", "localhost", False),
        ("*", "localhost", True),
        ("*", "*", False),
        ("192.0.2.1, localhost", "localhost,192.0.2.1", False),
    ],
)
def test_whether_it_must_listen_elsewhere(wanted, has, changes):
    given = {"postgresql_access_listen_addresses": wanted, **state(listen_addresses=has)}
    assert value("__postgresql_access_listen_changes", **given) is changes


def test_what_is_no_address_of_the_servers_own_is_remote():
    site = {"ansible_facts": {"os_family": "Debian", "all_ipv4_addresses": ["192.0.2.10"]}}
    given = {"postgresql_access_hosts": hosts("192.0.2.10", "127.0.0.1", "192.0.2.11")}
    assert role_templates.evaluate("postgresql_access", "__postgresql_access_remote", site, **given) == [
        "192.0.2.11/32"
    ]


FORMER = """local all postgres peer
# BEGIN usegalaxy_eu.celery: the Celery workers of Galaxy
host galaxy galaxy 192.0.2.10/32 md5
host galaxy galaxy 192.0.2.11/32 md5
host galaxy galaxy 2001:db8::10/128 md5
host galaxy galaxy 198.51.100.0/24 md5
host galaxy galaxy 203.0.113.0/24 md5
# END usegalaxy_eu.celery: the Celery workers of Galaxy
host all all 192.0.2.99/32 md5
"""


def left(name, **values):
    content = {"__postgresql_access_former": {"content": base64.b64encode(FORMER.encode()).decode()}}
    return value(f"__postgresql_access_{name}", **content, **values)


@pytest.mark.parametrize("method", ["md5", "scram-sha-256"])
def test_who_has_left_is_told_by_addresses_and_not_by_lines(method):
    """Also where databases, type of connection or method have changed in the same inventory."""
    stay = {
        "postgresql_access_hosts": hosts("192.0.2.11", "2001:db8::10"),
        "postgresql_access_networks": ["198.51.100.0/24"],
        "postgresql_access_method": method,
    }
    assert left("left_hosts", **stay) == ["192.0.2.10/32"]
    assert left("left_networks", **stay) == ["203.0.113.0/24"]
    assert {"192.0.2.11/32", "2001:db8::10/128"} <= set(left("staying_hosts", **stay))
    assert "198.51.100.0/24" not in left("staying_hosts", **stay)


def test_without_a_block_nobody_has_left():
    nothing = {"__postgresql_access_former": {"content": base64.b64encode(b"local all all peer\n").decode()}}
    assert value("__postgresql_access_left", **nothing) == []


@pytest.mark.parametrize(
    ("theirs", "missing"),
    [
        ([], ["192.0.2.10/32", "198.51.100.0/24"]),
        (["hostssl  galaxy galaxy 192.0.2.10/32\tscram-sha-256"], ["198.51.100.0/24"]),
        (["host all all 192.0.2.10 255.255.255.255 md5", "host all all 198.51.100.0/24 md5"], []),
        # The begin of another address is none.
        (["host all all 192.0.2.101/32 md5"], ["192.0.2.10/32", "198.51.100.0/24"]),
    ],
)
def test_where_another_role_owns_the_file_its_lines_are_named(theirs, missing):
    given = {
        "postgresql_access_hosts": hosts("192.0.2.10"),
        "postgresql_access_networks": ["198.51.100.0/24"],
        "postgresql_pg_hba_conf": theirs,
    }
    assert value("postgresql_access_hba_enabled", **given) is False
    assert value("__postgresql_access_missing", **given) == missing
    text = value("__postgresql_access_theirs", **given)
    assert yaml.safe_load("postgresql_pg_hba_conf:" + text) == {"postgresql_pg_hba_conf": lines(**given)}
    assert value("postgresql_access_hba_enabled") is True
