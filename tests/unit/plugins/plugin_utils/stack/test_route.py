# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way from the proxy to the brokers, and what keeps it from being one."""

from __future__ import annotations

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack import route
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.site import Host, Values

OPEN = {"rabbitmq_tls_enabled": True, "rabbitmq_tls_address": "0.0.0.0"}  # noqa: S104 an input
HERE = {"rabbitmq_tls_enabled": True, "rabbitmq_tls_port": 5673}


def host(name, number=None, **variables):
    facts = {"default_ipv4": {"address": f"10.0.0.{number}"}} if number else {}
    return Host(name, Values(facts), {"rabbitmq": Values(variables)})


def way(name="mq", mode="terminate", number=5, asked=True, **variables):
    found = route.route([host("mq", number, **variables)], host(name), mode, asked)
    return found.servers, found.tls, found.problems


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
        ({**OPEN, "name": "edge"}, ["10.0.0.5:5671"], True),
        ({**OPEN, "name": "edge", "mode": "passthrough"}, ["10.0.0.5:5671"], False),
        ({**OPEN, "name": "edge", "rabbitmq_tls_address": "10.1.0.5"}, ["10.1.0.5:5671"], True),
        ({**OPEN, "name": "edge", "rabbitmq_tls_address": "fd00::5"}, ["[fd00::5]:5671"], True),
        ({**OPEN, "name": "edge", "rabbitmq_tls_address": "[fd00::5]"}, ["[fd00::5]:5671"], True),
    ],
)
def test_the_way_to_one_broker(options, servers, tls):
    assert way(**options) == (servers, tls, [])


def test_several_brokers_are_reached_over_tls():
    brokers = [host("mq", 5, **OPEN, rabbitmq_tls_port=5673), host("mq2", 6, **OPEN, rabbitmq_tls_port=5673)]
    found = route.route(brokers, brokers[0], "terminate")
    assert (found.servers, found.tls, found.problems) == (["127.0.0.1:5673", "10.0.0.6:5673"], True, [])


def test_no_broker_in_the_inventory_is_one_on_the_host():
    found = route.route([], host("edge"), "terminate")
    assert (found.servers, found.tls) == (["127.0.0.1:5672"], False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "edge"}, ["rabbitmq_tls_enabled is false on mq", "another host, edge", "rabbitmq_certificate"]),
        ({"mode": "passthrough"}, ["rabbitmq_tls_enabled is false", "traefik_broker_mode is passthrough"]),
        ({"rabbitmq_plain_enabled": "no"}, ["rabbitmq_tls_enabled is false", "rabbitmq_plain_enabled is false"]),
        ({"name": "edge", "rabbitmq_tls_enabled": True}, ["rabbitmq_tls_address is 127.0.0.1 on mq", "or to 0.0.0.0"]),
        ({"name": "edge", **OPEN, "number": None}, ["The address of mq is not known", "--limit"]),
    ],
)
def test_a_broker_that_is_not_reached(options, words):
    (problem,) = way(**options)[2]
    for word in words:
        assert word in problem


def test_an_address_that_nobody_asked_for_is_no_problem():
    assert way(name="edge", number=None, asked=False, **OPEN)[2] == []


def test_an_address_made_of_facts_hides_no_other_problem():
    unasked = {"number": None, "asked": False, "rabbitmq_listen_address": None, "rabbitmq_tls_address": None}
    (problem,) = way(name="edge", **unasked)[2]
    assert "rabbitmq_tls_enabled is false on mq" in problem
    assert way(name="edge", **unasked, **HERE)[2] == []


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
    broker, given = host("mq", **HERE, rabbitmq_tls_address="10.1.0.5"), Values({"traefik_broker_servers": servers})
    found = route.clashes([broker], Host("edge", given=given))
    assert [f"traefik_broker_servers has {named} on edge" in text for text in found] == ([True] if named else [])
    # On the broker's own host, loopback is right.
    assert route.clashes([broker], Host("mq", roles=broker.roles, given=given)) == []


def clash(name="mq", entry_point=":5671", **variables):
    proxy = Host(name, roles={"traefik": Values({"traefik_amqps_address": entry_point})})
    return route.clashes([host("mq", 5, **variables)], proxy)


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
    (problem,) = clash(**options)
    assert variable in problem
    assert "traefik_amqps_address" in problem


@pytest.mark.parametrize(
    "options",
    [
        {"rabbitmq_tls_enabled": True, "entry_point": "10.0.0.5:5671"},  # another address
        {"rabbitmq_tls_enabled": True, "entry_point": ":5670"},
        {**OPEN, "name": "edge"},  # another host
        {"rabbitmq_plain_enabled": False, **HERE, "entry_point": ":5672"},  # a listener that is off
        {"rabbitmq_amqp_port": "five", "entry_point": ":five"},  # which the preflight of each role refuses
    ],
)
def test_no_clash(options):
    assert clash(**options) == []
