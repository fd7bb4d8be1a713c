# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with an inventory as a whole, told without a secret."""

from __future__ import annotations

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._inventory import (
    by_host,
    group_problems,
    page_problems,
    password_problems,
    shared_problems,
    weakness,
    without_missing,
)

WANTED = {"celeryservers_group": "celeryservers", "flowerservers_group": "flowerservers"}
GROUPS = {"all": ["a"], "ungrouped": [], "celeryservers": ["a"], "flowerservers": ["a"]}
GOOD = "kqX7-vR2p-m9Ls"


@pytest.mark.parametrize(
    ("groups", "given", "words"),
    [
        ({"celeryservers": []}, (), ["The group celeryservers (celeryservers_group) has no host", "or remove"]),
        ({"flowerservers": []}, (), ["The group flowerservers"]),
        ({"celeryservers": None}, (), ["no group celeryservers (celeryservers_group)", "make it and put a host"]),
        ({"celeryservers": None, "celeryserver": ["a"]}, (), ["has a group celeryserver, but", "mean celeryservers?"]),
        ({"flowerservers": None, "flower_servers": ["a"]}, (), ["has a group flower_servers, but"]),
        ({"celeryservers": None, "workers": ["a"]}, (), ["has a group workers, but no group celeryservers"]),
        ({"flowerservers": None}, ("flowerservers_group",), ["no group flowerservers (flowerservers_group)"]),
    ],
)
def test_a_group_without_hosts(groups, given, words):
    known = {name: hosts for name, hosts in {**GROUPS, **groups}.items() if hosts is not None}
    (problem,) = group_problems(WANTED, known, ["celeryservers_group"], given)
    assert [word for word in words if word not in problem] == []


def test_groups_that_are_right():
    assert group_problems(WANTED, GROUPS, ["celeryservers_group"], ()) == []
    without = {name: hosts for name, hosts in GROUPS.items() if name != "flowerservers"}
    assert group_problems(WANTED, without, ["celeryservers_group"], ()) == []


def test_what_differs_between_hosts():
    values = {"galaxy": {"vhost": "galaxy", "user": "a"}, "mq": {"user": "b"}, "db": {"user": "b"}}
    assert shared_problems(values, {"user": None}, lambda _name: False) == [
        "user is 'a' on galaxy, but 'b' on db, mq. Remedy: set it once for all hosts of the stack, in group_vars/all."
    ]
    (problem,) = shared_problems(values, {"user": None}, lambda _name: True)
    assert problem.startswith("user has 2 values (one on each of: db, mq; galaxy; not shown).")


def test_a_default_counts_on_the_hosts_that_say_nothing():
    values = {"galaxy": {"vhost": "galaxy-2"}, "mq": {}}
    assert len(shared_problems(values, {"vhost": "galaxy"}, lambda _name: False)) == 1
    assert shared_problems(values, {"vhost": None}, lambda _name: False) == []
    assert shared_problems({"galaxy": {"port": "5671"}, "mq": {}}, {"port": 5671}, lambda _name: False) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("short", "fewer than 8"),
        ("password123", "everybody tries first"),
        ("ChangeMe!!", "everybody tries first"),
        ("galaxygalaxy1", "everybody tries first"),
        ("flower_amqp_password", "its own variable's name"),
        ("flower_amqp", "its own variable's name"),
        ("aaaabbbb1111", "different characters"),
    ],
)
def test_a_weak_password(value, words):
    assert words in weakness("flower_amqp_password", value)
    (problem,) = password_problems({"mq": {"flower_amqp_password": value}}, {})
    assert problem.startswith("flower_amqp_password ")
    assert "Remedy: " in problem
    if value != "flower_amqp_password" and value != "flower_amqp":
        assert value not in problem
    assert password_problems({"mq": {"flower_amqp_password": value}}, {}, ["flower_amqp_password"]) == []


def test_a_repeated_password_is_told_once():
    hosts = {host: {"a_password": GOOD, "b_password": GOOD, "c_password": GOOD[::-1]} for host in ("mq", "galaxy")}
    (problem,) = password_problems(hosts, {})
    assert problem.startswith("a_password and b_password have the same value")
    assert GOOD not in problem


def test_a_variable_may_stand_for_another():
    assert password_problems({"mq": {"a_password": GOOD, "b_password": GOOD}}, {"b_password": "a_password"}) == []
    assert password_problems({"mq": {"a_password": "", "b_password": ""}}, {}) == []


def test_a_problem_of_several_hosts_is_told_once():
    found = {"a": ["x is 1."], "b": ["x is 1.", "y is 2."]}
    assert by_host(found) == ["a, b: x is 1.", "b: y is 2."]


def test_a_missing_variable_is_told_once_for_all_hosts():
    undefined = "flower_url has no value: 'flower_amqp_password' is undefined. Remedy: define flower_amqp_password."
    follows = "rabbitmq_users has no user for Flower. Remedy: put flower_amqp_password into the vault."
    rest, said = without_missing({"watch": [undefined], "mq": [follows, "rabbitmq_image is x."]})
    assert rest == {"watch": [], "mq": ["rabbitmq_image is x."]}
    assert said == [
        "1 variable is not defined: flower_amqp_password (for flower_url on watch). "
        "Remedy: define them, secrets in the vault; or give the vault's password."
    ]


HOSTS = {"traefikservers_group": ["proxy"], "rabbitmqservers_group": ["mq"], "flowerservers_group": ["proxy", "watch"]}
PUBLIC = {"rabbitmq_management_host": "mq-admin.example.org", "traefik_flower_host": "flower.example.org"}


@pytest.mark.parametrize(
    ("proxy", "mq", "watch", "words"),
    [
        ({}, {}, {}, ["rabbitmq_listen_address is 127.0.0.1 on mq", "flower_address is 127.0.0.1 on watch"]),
        ({}, {"rabbitmq_listen_address": "10.0.0.5"}, {}, ["flower_address"]),
        ({"traefik_flower_host": ""}, {"rabbitmq_listen_address": "::1"}, {}, ["rabbitmq_listen_address is ::1"]),
        ({"traefik_management_urls": "x"}, {}, {"flower_address": "100.99.0.7"}, []),
        ({}, {"rabbitmq_listen_address": None}, {"flower_address": None}, []),
        ({"traefik_management_host": ""}, {}, {"flower_address": "100.99.0.7"}, []),
    ],
)
def test_pages_of_another_host_that_listen_on_loopback(proxy, mq, watch, words):
    found = page_problems(HOSTS, {"proxy": {**PUBLIC, **proxy}, "mq": mq, "watch": watch})
    assert [word in text for word, text in zip(words, found, strict=True)] == [True] * len(words)
    assert all("Remedy: " in text for text in found)
