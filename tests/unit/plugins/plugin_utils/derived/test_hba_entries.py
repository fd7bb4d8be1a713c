# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit tests of the filter hba_entries."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.hba_entries import hba_entries

TAILNET = ["100.118.169.17", "192.168.7.2", "fd7a:115c:a1e0::17", "127.0.0.1", "fe80::1%eth0"]


def host(address, known=(), name="celery-1"):
    return {"name": name, "address": address, "known_addresses": list(known)}


def made(*hosts, networks=(), **options):
    return hba_entries({"hosts": list(hosts), "networks": list(networks)}, **options)


def problem(*hosts, networks=(), **options):
    """The one problem of an input."""
    found = made(*hosts, networks=networks, **options)["problems"]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("address", "entry"),
    [
        ("192.0.2.10", "192.0.2.10/32"),
        ("192.0.2.10/32", "192.0.2.10/32"),
        ("2001:db8::10", "2001:db8::10/128"),
        ("FD00:0:0::A", "fd00::a/128"),
        ("198.51.100.0/24", "198.51.100.0/24"),
        ("10.0.0.0/16", "10.0.0.0/16"),
        ("2001:db8:1::/48", "2001:db8:1::/48"),
        ("127.0.0.1", "127.0.0.1/32"),
    ],
)
def test_an_address(address, entry):
    for found in (made(host(address)), made(networks=[address])):
        assert found == {"entries": [entry], "names": [], "problems": [], "excepted": []}


def test_hosts_come_first_and_each_once():
    found = made(host("192.0.2.11", name="a"), host("192.0.2.12", name="b"), networks=["192.0.2.0/24", "192.0.2.11"])
    assert found["entries"] == ["192.0.2.11/32", "192.0.2.12/32", "192.0.2.0/24"]
    assert found["problems"] == []


def test_nothing_makes_nothing():
    assert made() == {"entries": [], "names": [], "problems": [], "excepted": []}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        (" 192.0.2.10", "holds a space or a line break. Write '192.0.2.10' alone"),
        ("192.0.2.10 trust", "Write '192.0.2.10' alone"),
        ("192.0.2.10/32\nhost all all all trust", "holds a space or a line break"),
        ("all", "is a word of pg_hba.conf"),
        ("SameNet", "is a word of pg_hba.conf"),
        ("[2001:db8::1]", "Write '2001:db8::1'"),
        ("[2001:db8::1]:5432", "Write '2001:db8::1'"),
        ("192.0.2.10:5432", "has a port. Write '192.0.2.10'"),
        ("postgresql://db", "is a URL"),
        ("fe80::1%eth0", "has a zone, which pg_hba.conf cannot say. Write 'fe80::1'"),
        ("192.0.2.0/255.255.255.0", "Write '192.0.2.0/24'"),
        ("192.0.2.0/", "has '' for the number of bits"),
        ("192.0.2.0/x", "has 'x' for the number of bits"),
        ("192.0.2", "has 3 octets instead of four"),
        ("192.0.2.10.5", "has 5 octets"),
        ("192.0.2.256", "has the octet 256, which is above 255"),
        ("192.0.2.010", "leading zeros, which some read as octal. Write '192.0.2.10'"),
        ("192.0.2.0/33", "has the prefix /33, but IPv4 has 32 bits"),
        ("2001:db8::/129", "has the prefix /129, but IPv6 has 128 bits"),
        ("2001:db8::g/64", "is no IPv6 network"),
        ("2001:db8:::1", "is no address, network or host name"),
        ("192.0.2.10,192.0.2.11", "is no address, network or host name"),
        ("PENDING", "as a host name it does not resolve"),
        ("celery-1.example.invalid", "as a host name it does not resolve"),
        (10, "is no text. Put it in quotes"),
        ("192.0.2.10/24", "host bits set under its mask. Write '192.0.2.0/24' for the network, or '192.0.2.10'"),
        ("2001:db8::1/64", "Write '2001:db8::/64' for the network, or '2001:db8::1'"),
        ("10.0.0.0/8", "is wider than /16 (postgresql_access_widest_ipv4_prefix): 16777216 addresses"),
        ("2001:db8::/32", "is wider than /48 (postgresql_access_widest_ipv6_prefix)"),
        ("0.0.0.0/0", "lets every address there is ask for a login"),
        ("::/0", "lets every address there is ask for a login"),
        ("0.0.0.0", "is no address that a host can have"),  # noqa: S104 an input
        ("224.0.0.1", "is no address that a host can have"),
    ],
)
def test_what_is_refused(text, words):
    for found, label in (
        (problem(host(text)), f"postgresql_access_hosts: celery-1: {text!r} "),
        (problem(networks=[text]), f"postgresql_access_networks: {text!r} "),
    ):
        assert found.startswith(label)
        assert words in found
        assert found.endswith(".")


def test_10_is_not_a_100():
    """The address of a tailnet with a keystroke less is one of a private network."""
    found = problem(host("10.118.169.17", TAILNET))
    assert "does not belong to celery-1, which has 100.118.169.17, 192.168.7.2, fd7a:115c:a1e0::17." in found
    assert "Probably '100.118.169.17' was meant" in found
    found = problem(host("100.118.169.17", TAILNET), networks=["10.118.169.0/24"])
    assert "does not belong to any known worker" in found
    assert "Probably '100.118.169.0/24' was meant" in found


def test_10_is_not_a_100_where_no_facts_are_known():
    found = problem(host("100.118.169.17"), networks=["10.118.169.0/24"])
    assert "begins with 10, where the worker 100.118.169.17 has 100. Probably '100.118.169.0/24' was meant" in found
    found = problem(host("10.1.2.3"), networks=["100.1.2.0/24"])
    assert "Probably '10.1.2.0/24' was meant" in found
    assert made(host("10.1.2.3"), networks=["10.2.0.0/16", "100.64.0.0/16"])["problems"] == []


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("100.118.169.71", "100.118.169.17"),
        ("192.186.7.2", "192.168.7.2"),
        ("fd7a:115c:a1e0::71", "fd7a:115c:a1e0::17"),
    ],
)
def test_the_address_of_another_machine(address, meant):
    assert f"Probably '{meant}' was meant" in problem(host(address, TAILNET))


def test_an_address_that_looks_like_none_of_the_hosts():
    assert "Give one of these" in problem(host("8.8.8.8", ["2001:db8::1"]))


def test_an_address_of_the_host_and_a_network_with_a_worker_pass():
    found = made(host("100.118.169.17", TAILNET), networks=["192.168.7.0/24", "fd7a:115c:a1e0::/48"])
    assert found["problems"] == []


def test_another_workers_address_is_not_ones_own():
    hosts = host("192.0.2.11", ["192.0.2.11"], "a"), host("192.0.2.11", ["192.0.2.12"], "b")
    found = made(*hosts)["problems"]
    assert "postgresql_access_hosts: b: '192.0.2.11' is the address of a too" in found[0]
    assert "Probably '192.0.2.12' was meant" in found[1]


def test_a_name_stands_for_its_addresses():
    found = made(host("celery-1.example.org"), resolved={"celery-1.example.org": ["192.0.2.11", "2001:db8::11"]})
    assert found["entries"] == ["192.0.2.11/32", "2001:db8::11/128"]
    assert found["names"] == ["celery-1.example.org"]
    assert found["problems"] == []
    assert made(host("celery-1.example.org"))["names"] == ["celery-1.example.org"]


def test_a_name_of_another_machine():
    options = {"resolved": {"celery-2": ["192.0.2.12"]}}
    assert "Probably '192.0.2.11' was meant" in problem(host("celery-2", ["192.0.2.11"]), **options)


def test_loopback_belongs_to_a_worker_beside_the_database():
    """Where it is named: the facts of a host never hold it."""
    assert made(host("127.0.0.1", ["192.0.2.11", "127.0.0.1"]))["problems"] == []
    found = problem(host("127.0.0.1", ["192.0.2.11"]))
    assert "is loopback, which is another machine for each host, and the database is not on celery-1" in found
    assert "database_connection" in found
    assert "no worker comes from" in problem(host("192.0.2.11", ["192.0.2.11"]), networks=["127.0.0.0/16"])


def test_the_limits_can_be_set():
    assert made(networks=["10.0.0.0/8"], widest_ipv4_prefix=8)["problems"] == []
    assert "wider than /25" in problem(networks=["192.0.2.0/24"], widest_ipv4_prefix=25)
    assert "wider than /64" in problem(networks=["2001:db8::/56"], widest_ipv6_prefix=64)


@pytest.mark.parametrize("network", ["10.0.0.0/8", "0.0.0.0/0", "192.0.2.10/24", "198.51.100.0/24"])
def test_an_exception_lets_an_entry_through(network):
    worker = host("100.118.169.17", TAILNET)
    assert made(worker, networks=[network])["problems"] != []
    found = made(worker, networks=[network], exceptions={network: "The machines are rented by the hour"})
    assert found["problems"] == []
    assert found["excepted"]
    assert all("Excepted: The machines are rented by the hour." in text for text in found["excepted"])
    assert len(found["entries"]) == 2


def test_an_exception_is_no_way_around_what_cannot_be_written():
    assert "holds a space" in problem(networks=["all trust"], exceptions={"all trust": "why not"})
    assert "does not resolve" in problem(networks=["PENDING"], exceptions={"PENDING": "later"})


def test_an_exception_needs_an_entry_and_a_reason():
    found = problem(networks=["192.0.2.0/24"], exceptions={"192.0.3.0/24": "x"})
    assert (
        found == "postgresql_access_exceptions: '192.0.3.0/24' is not among the entries. Did you mean '192.0.2.0/24'?"
    )
    assert "Remove it" in problem(exceptions={"192.0.3.0/24": "x"})
    for reason in ("", " ", None):
        assert "has no reason" in problem(networks=["192.0.2.0/24"], exceptions={"192.0.2.0/24": reason})


SHAPES = [
    None,
    [],
    {"hosts": []},
    {"hosts": [{"name": "a"}], "networks": []},
    {"hosts": ["a"], "networks": []},
]


@pytest.mark.parametrize("value", SHAPES)
def test_another_shape_is_an_error(value):
    with pytest.raises(AnsibleFilterError):
        hba_entries(value)
