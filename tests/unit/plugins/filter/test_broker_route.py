# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit tests of the filter broker_route."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError, AnsibleUndefinedVariable

from ansible_collections.usegalaxy_eu.celery.plugins.filter.broker_route import broker_route

FACTS = {"ansible_facts": {"default_ipv4": {"address": "10.0.0.5"}}}
EDGE = {"ansible_facts": {"default_ipv4": {"address": "10.0.0.9"}}}
OPEN = {"rabbitmq_tls_enabled": True, "rabbitmq_tls_address": "0.0.0.0"}  # noqa: S104 an input
HERE = {"rabbitmq_tls_enabled": True, "rabbitmq_tls_port": 5673}


def route(host="mq", mode="terminate", entry_point=":5671", **variables):
    return broker_route(["mq"], {"mq": {**FACTS, **variables}, "edge": EDGE}, host, mode, entry_point)


def good(**expected):
    return {"problems": [], "clashes": [], **expected}


@pytest.mark.parametrize(
    ("options", "servers", "tls"),
    [
        # On the broker's host.
        ({}, ["127.0.0.1:5672"], False),
        ({"rabbitmq_amqp_port": 15672, "rabbitmq_listen_address": "10.0.0.5"}, ["10.0.0.5:15672"], False),
        (HERE, ["127.0.0.1:5672"], False),
        ({**HERE, "mode": "passthrough"}, ["127.0.0.1:5673"], False),
        ({**HERE, "rabbitmq_tls_address": "[::]", "mode": "passthrough"}, ["127.0.0.1:5673"], False),
        ({**HERE, "rabbitmq_plain_enabled": False}, ["127.0.0.1:5673"], True),
        # On another one.
        ({**OPEN, "host": "edge"}, ["10.0.0.5:5671"], True),
        ({**OPEN, "host": "edge", "mode": "passthrough"}, ["10.0.0.5:5671"], False),
        ({**OPEN, "host": "edge", "rabbitmq_tls_address": "10.1.0.5"}, ["10.1.0.5:5671"], True),
        ({**OPEN, "host": "edge", "rabbitmq_tls_address": "fd00::5"}, ["[fd00::5]:5671"], True),
        ({**OPEN, "host": "edge", "rabbitmq_tls_address": "[fd00::5]"}, ["[fd00::5]:5671"], True),
    ],
)
def test_the_way_to_one_broker(options, servers, tls):
    assert route(**options) == good(servers=servers, tls=tls)


def test_several_brokers_are_reached_over_tls():
    facts = {"ansible_facts": {"default_ipv4": {"address": "10.0.0.6"}}}
    hostvars = {"mq": {**FACTS, **OPEN, "rabbitmq_tls_port": 5673}, "mq2": {**facts, **OPEN, "rabbitmq_tls_port": 5673}}
    assert broker_route(["mq", "mq2"], hostvars, "mq") == good(servers=["127.0.0.1:5673", "10.0.0.6:5673"], tls=True)


def test_no_broker_in_the_inventory_is_one_on_the_host():
    assert broker_route([], {}, "edge") == good(servers=["127.0.0.1:5672"], tls=False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"host": "edge"}, ["rabbitmq_tls_enabled is false on mq", "another host, edge", "rabbitmq_certificate"]),
        ({"mode": "passthrough"}, ["rabbitmq_tls_enabled is false", "traefik_broker_mode is passthrough"]),
        ({"rabbitmq_plain_enabled": "no"}, ["rabbitmq_tls_enabled is false", "rabbitmq_plain_enabled is false"]),
        ({"host": "edge", "rabbitmq_tls_enabled": True}, ["rabbitmq_tls_address is 127.0.0.1 on mq", "or to 0.0.0.0"]),
        ({"host": "edge", **OPEN, "ansible_facts": {}}, ["The address of mq is not known", "--limit"]),
    ],
)
def test_a_broker_that_is_not_reached(options, words):
    (problem,) = route(**options)["problems"]
    for word in words:
        assert word in problem


def test_an_address_that_nobody_was_asked_for_is_no_problem():
    assert broker_route(["mq"], {"mq": OPEN, "edge": {}}, "edge")["problems"] == []


class Unasked(dict):
    """Variables of a host, of which one is made of facts that are not there."""

    def __getitem__(self, name):
        if name == "rabbitmq_listen_address":
            raise AnsibleUndefinedVariable("'dict object' has no attribute 'default_ipv4'")
        return super().__getitem__(name)

    def get(self, name, default=None):
        # That of dict asks no __getitem__.
        return self[name] if name in self else default  # noqa: SIM401 it would ask itself


def test_an_address_made_of_facts_hides_no_other_problem():
    unasked = Unasked(rabbitmq_listen_address="{{ ... }}")
    (problem,) = broker_route(["mq"], {"mq": unasked, "edge": {}}, "edge")["problems"]
    assert "rabbitmq_tls_enabled is false on mq" in problem
    assert broker_route(["mq"], {"mq": Unasked(unasked, **HERE), "edge": {}}, "edge")["problems"] == []


@pytest.mark.parametrize(
    ("servers", "named"),
    [
        (["127.0.0.1:5672"], "127.0.0.1:5672"),
        (["localhost:5671"], "localhost:5671"),
        (["[::1]:5672"], "[::1]:5672"),
        (["10.1.0.5:5671"], "10.1.0.5:5671"),
        (["10.1.0.5:5673"], None),
        (["mq.internal:5671"], None),
        (["198.51.100.7:5671"], None),
        (None, None),
    ],
)
def test_servers_of_the_inventory_where_no_broker_is(servers, named):
    broker = {**HERE, "rabbitmq_tls_address": "10.1.0.5", "ansible_facts": {}}
    found = broker_route(["mq"], {"mq": broker, "edge": {"traefik_broker_servers": servers}}, "edge")["clashes"]
    assert [f"traefik_broker_servers has {named} on edge" in text for text in found] == ([True] if named else [])
    # On the broker's own host, loopback is right.
    assert broker_route(["mq"], {"mq": {**broker, "traefik_broker_servers": servers}}, "mq")["clashes"] == []


@pytest.mark.parametrize(
    ("options", "variable"),
    [
        ({"rabbitmq_tls_enabled": True}, "rabbitmq_tls_port is 5671 on mq"),
        ({"rabbitmq_tls_enabled": True, "entry_point": "10.0.0.5:5671", **OPEN}, "rabbitmq_tls_port"),
        ({"entry_point": ":5672/tcp"}, "rabbitmq_amqp_port is 5672 on mq"),
        ({"entry_point": "127.0.0.1:5672"}, "rabbitmq_amqp_port"),
    ],
)
def test_a_port_that_both_want(options, variable):
    (clash,) = route(**options)["clashes"]
    assert variable in clash
    assert "traefik_amqps_address" in clash


@pytest.mark.parametrize(
    "options",
    [
        {"rabbitmq_tls_enabled": True, "entry_point": "10.0.0.5:5671"},  # another address
        {"rabbitmq_tls_enabled": True, "entry_point": ":5670"},
        {**OPEN, "host": "edge"},  # another host
        {"rabbitmq_plain_enabled": False, **HERE, "entry_point": ":5672"},  # a listener that is off
    ],
)
def test_no_clash(options):
    assert route(**options)["clashes"] == []


@pytest.mark.parametrize(
    ("brokers", "mode", "words"),
    [(["mq"], "end", "traefik_broker_mode to one of terminate, passthrough"), ("mq", "terminate", "not a list")],
)
def test_wrong_input(brokers, mode, words):
    with pytest.raises(AnsibleFilterError, match=words):
        broker_route(brokers, {}, "mq", mode)
