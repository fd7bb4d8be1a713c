# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit tests of the filter traefik_certificate_resolver."""

from __future__ import annotations

import copy

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.traefik_certificate_resolver import (
    traefik_certificate_resolver,
)

NAMES = ["mq.example.org", "other.example.org"]
DOMAINS = [{"main": "mq.example.org"}, {"main": "other.example.org"}]


def routers(kind="tcp", **router):
    return {kind: {"routers": {"r": router}}}


@pytest.mark.parametrize(
    ("kind", "router", "tls"),
    [
        ("tcp", {"rule": "HostSNI(`*`)", "tls": {}}, {"certResolver": "acme", "domains": DOMAINS}),
        (
            "tcp",
            {"rule": "HostSNI(`*`)", "tls": {"options": "default"}},
            {"options": "default", "certResolver": "acme", "domains": DOMAINS},
        ),
        ("tcp", {"rule": "HostSNI(`a.example.org`)", "tls": {}}, {"certResolver": "acme"}),
        ("http", {"rule": "Host(`a.example.org`) && Path(`/x`)", "tls": {}}, {"certResolver": "acme"}),
        ("http", {"rule": "PathPrefix(`/x`)", "tls": {}}, {"certResolver": "acme", "domains": DOMAINS}),
        (
            "tcp",
            {"rule": "HostSNI(`*`)", "tls": {"domains": [{"main": "x"}]}},
            {"certResolver": "acme", "domains": [{"main": "x"}]},
        ),
        ("tcp", {"rule": "HostSNI(`*`)", "tls": {"passthrough": True}}, {"passthrough": True}),
        ("tcp", {"rule": "HostSNI(`*`)", "tls": {"certResolver": "own"}}, {"certResolver": "own"}),
        ("http", {"rule": "PathPrefix(`/metrics`)"}, None),
    ],
)
def test_a_router(kind, router, tls):
    config = routers(kind, **router)
    before = copy.deepcopy(config)
    found = traefik_certificate_resolver(config, "acme", NAMES)
    assert found[kind]["routers"]["r"].get("tls") == tls
    assert config == before


def test_without_routers():
    assert traefik_certificate_resolver({"tls": {}}, "acme", []) == {"tls": {}}


@pytest.mark.parametrize(
    ("config", "resolver", "names", "words"),
    [
        ([], "acme", NAMES, "the input is a list, not a dictionary"),
        ({}, "", NAMES, "resolver is ''"),
        ({}, "acme", "mq.example.org", "names is 'mq.example.org', not a list"),
        ({}, "acme", [""], "not a list of names"),
        (routers(rule="HostSNI(`*`)", tls={}), "acme", [], "the tcp router r holds no name, and names is empty"),
    ],
)
def test_what_is_refused(config, resolver, names, words):
    with pytest.raises(AnsibleFilterError, match="traefik_certificate_resolver: ") as caught:
        traefik_certificate_resolver(config, resolver, names)
    assert words in str(caught.value)
