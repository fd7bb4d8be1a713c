# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit tests of the filter traefik_dynamic_config."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.traefik_dynamic_config import (
    traefik_dynamic_config,
)

TCP = {"name": "amqps", "entry_point": "amqps", "servers": ["127.0.0.1:5672"]}
ASKED = {"health_check": {"interval_seconds": 3, "timeout_seconds": 1}}
HTTP = {"name": "ui", "entry_point": "websecure", "host": "mq02.example.org", "urls": ["http://127.0.0.1:15672"]}


def test_the_broker_route_takes_clients_without_a_name():
    tcp = traefik_dynamic_config({"tcp": [{**TCP, "proxy_protocol": True}]})["tcp"]
    assert tcp["routers"]["amqps"] == {
        "entryPoints": ["amqps"],
        "rule": "HostSNI(`*`)",
        "service": "amqps",
        "tls": {"options": "default"},
    }
    assert tcp["services"]["amqps"]["loadBalancer"] == {
        "servers": [{"address": "127.0.0.1:5672"}],
        "serversTransport": "amqps",
    }
    assert tcp["serversTransports"] == {"amqps": {"proxyProtocol": {"version": 2}}}


def test_nothing_empty_is_left():
    assert traefik_dynamic_config({}) == {}
    assert traefik_dynamic_config({"tcp": [], "http": None}) == {}
    assert set(traefik_dynamic_config({"tcp": [TCP]})["tcp"]) == {"routers", "services"}


def test_passthrough_by_names():
    route = traefik_dynamic_config(
        {"tcp": [{**TCP, "hosts": ["a.example.org", "b.example.org"], "tls": "passthrough"}]}
    )
    router = route["tcp"]["routers"]["amqps"]
    assert router["rule"] == "HostSNI(`a.example.org`) || HostSNI(`b.example.org`)"
    assert router["tls"] == {"passthrough": True}


@pytest.mark.parametrize(
    ("more", "transport"),
    [
        ({}, {"tls": {"serverName": "mq.example.org"}}),
        (
            {"proxy_protocol": True, "servers_tls_ca_file": "/etc/ssl/ca.pem"},
            {"proxyProtocol": {"version": 2}, "tls": {"serverName": "mq.example.org", "rootCAs": ["/etc/ssl/ca.pem"]}},
        ),
    ],
)
def test_tls_to_the_servers(more, transport):
    servers = ["10.0.0.5:5671", "10.0.0.6:5671"]
    route = {**TCP, "servers": servers, "servers_tls": True, "servers_tls_name": "mq.example.org"}
    tcp = traefik_dynamic_config({"tcp": [{**route, **more}]})["tcp"]
    assert tcp["services"]["amqps"]["loadBalancer"] == {
        "servers": [{"address": "10.0.0.5:5671", "tls": True}, {"address": "10.0.0.6:5671", "tls": True}],
        "serversTransport": "amqps",
    }
    assert tcp["serversTransports"] == {"amqps": transport}


def test_keys_of_a_second_leg_that_is_off_say_nothing():
    off = {**TCP, "servers_tls": False, "servers_tls_name": "", "servers_tls_ca_file": "", "tls": "passthrough"}
    assert "serversTransports" not in traefik_dynamic_config({"tcp": [off]})["tcp"]


def test_plain_tcp_has_no_tls():
    assert "tls" not in traefik_dynamic_config({"tcp": [{**TCP, "tls": "none"}]})["tcp"]["routers"]["amqps"]


def test_a_rule_of_its_own_wins():
    config = traefik_dynamic_config({"tcp": [{**TCP, "rule": "ClientIP(`10.0.0.1`)"}]})
    assert config["tcp"]["routers"]["amqps"]["rule"] == "ClientIP(`10.0.0.1`)"


@pytest.mark.parametrize(
    "more",
    [
        {"proxy_protocol": True},
        {"proxy_protocol": True, "tls": "passthrough"},
        {"servers_tls": True, "servers_tls_name": "mq.example.org"},
    ],
)
def test_a_health_check_beside_one_of_the_two(more):
    service = traefik_dynamic_config({"tcp": [{**TCP, **ASKED, **more}]})["tcp"]["services"]["amqps"]
    assert "healthCheck" in service["loadBalancer"]


def test_a_health_check_asks_servers_that_are_down_as_often():
    route = {**TCP, "health_check": {"interval_seconds": 3, "timeout_seconds": 1}}
    balancer = traefik_dynamic_config({"tcp": [route]})["tcp"]["services"]["amqps"]["loadBalancer"]
    assert balancer["healthCheck"] == {"interval": "3s", "unhealthyInterval": "3s", "timeout": "1s"}


@pytest.mark.parametrize("check", [None, {}])
def test_no_health_check(check):
    services = traefik_dynamic_config({"tcp": [{**TCP, "health_check": check}]})["tcp"]["services"]
    assert "healthCheck" not in services["amqps"]["loadBalancer"]


@pytest.mark.parametrize("kind, route", [("tcp", TCP), ("http", HTTP)])
def test_allowed_networks_become_a_middleware(kind, route):
    part = traefik_dynamic_config({kind: [{**route, "allowed_networks": ["10.0.0.0/8", "fd00::/8"]}]})[kind]
    name = f"{route['name']}-networks"
    assert part["middlewares"] == {name: {"ipAllowList": {"sourceRange": ["10.0.0.0/8", "fd00::/8"]}}}
    assert part["routers"][route["name"]]["middlewares"] == [name]


def test_http_route():
    assert traefik_dynamic_config({"http": [HTTP]}) == {
        "http": {
            "routers": {
                "ui": {
                    "entryPoints": ["websecure"],
                    "rule": "Host(`mq02.example.org`)",
                    "service": "ui",
                    "tls": {"options": "default"},
                }
            },
            "services": {"ui": {"loadBalancer": {"servers": [{"url": "http://127.0.0.1:15672"}]}}},
        }
    }


def test_a_service_of_traefik_itself():
    route = {
        "name": "api",
        "entry_point": "internal",
        "rule": "PathPrefix(`/api`)",
        "service": "api@internal",
        "tls": False,
    }
    assert traefik_dynamic_config({"http": [route]}) == {
        "http": {
            "routers": {"api": {"entryPoints": ["internal"], "rule": "PathPrefix(`/api`)", "service": "api@internal"}}
        }
    }


@pytest.mark.parametrize(
    "routes, words",
    [
        ([], ["the input is a list"]),
        ({"udp": []}, ["udp", "is no known key"]),
        ({"tcp": ["amqps"]}, ["tcp[0]", "not a dictionary"]),
        ({"tcp": [{**TCP, "proxy_protokol": True}]}, ["proxy_protokol", "Did you mean proxy_protocol?"]),
        (
            {"tcp": [{**TCP, **ASKED, "servers_tls": True, "servers_tls_name": "a", "proxy_protocol": True}]},
            ["amqps.health_check", "without the header", "or set tls to passthrough"],
        ),
        ({"tcp": [{**TCP, "health_check": {"interval": 3}}]}, ["health_check.interval", "mean interval_seconds?"]),
        ({"tcp": [{**TCP, "health_check": {"interval_seconds": "3s"}}]}, ["interval_seconds", "'3s'", "whole seconds"]),
        (
            {"tcp": [{**TCP, "health_check": {"interval_seconds": 1, "timeout_seconds": 2}}]},
            ["amqps.health_check", "timeout of 2 s"],
        ),
        ({"tcp": [{**TCP, "name": "a b"}]}, ["tcp[0].name", "'a b'"]),
        ({"tcp": [TCP, TCP]}, ["tcp[1].name", "second time"]),
        ({"tcp": [{**TCP, "entry_point": None}]}, ["entry_point"]),
        ({"tcp": [{**TCP, "servers": []}]}, ["amqps.servers", "host:port"]),
        ({"tcp": [{**TCP, "servers": ["127.0.0.1"]}]}, ["'127.0.0.1'", "host:port"]),
        ({"tcp": [{**TCP, "servers": "127.0.0.1:5672"}]}, ["not a list"]),
        ({"tcp": [{**TCP, "tls": "terminat"}]}, ["'terminat'", "terminate, passthrough, none"]),
        ({"tcp": [{**TCP, "servers_tls": True}]}, ["amqps.servers_tls_name is None", "servers' certificates"]),
        ({"tcp": [{**TCP, "servers_tls": True, "servers_tls_name": "*"}]}, ["amqps.servers_tls_name is '*'"]),
        ({"tcp": [{**TCP, "servers_tls": True, "tls": "passthrough"}]}, ["amqps.servers_tls", "set tls to terminate"]),
        (
            {"tcp": [{**TCP, "servers_tls": True, "servers_tls_name": "a", "servers_tls_ca_file": "ca.pem"}]},
            ["amqps.servers_tls_ca_file is 'ca.pem'", "absolute path"],
        ),
        ({"tcp": [{**TCP, "hosts": ["a`) || HostSNI(`b"]}]}, ["amqps.hosts"]),
        ({"tcp": [{**TCP, "hosts": ["a.example.org"], "tls": "none"}]}, ["without TLS there is no SNI"]),
        ({"tcp": [{**TCP, "allowed_networks": ["10.0.0.1/8"]}]}, ["10.0.0.1/8", "host bits"]),
        ({"tcp": [{**TCP, "allowed_networks": "10.0.0.0/8"}]}, ["allowed_networks", "not a list"]),
        ({"http": [{**HTTP, "host": None}]}, ["ui.host", "or a rule"]),
        ({"http": [{**HTTP, "urls": ["127.0.0.1:15672"]}]}, ["ui.urls", "http://"]),
        ({"http": [{**HTTP, "urls": []}]}, ["either urls or service"]),
        ({"http": [{**HTTP, "service": "api@internal"}]}, ["either urls or service"]),
    ],
)
def test_a_wrong_part_is_named(routes, words):
    with pytest.raises(AnsibleFilterError) as error:
        traefik_dynamic_config(routes)
    for word in words:
        assert word in str(error.value)
