# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the filter finds in lists of vhosts, users and policies."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.rabbitmq_problems import rabbitmq_problems

PASSWORD = "a-secret-mark"
VHOST = {"name": "galaxy"}


def user(**keys):
    return {"name": "galaxy", "password": PASSWORD, **keys}


def policy(**keys):
    return {"name": "p", "vhost": "galaxy", "pattern": "^x", "definition": {"expires": 1000}, **keys}


def found(vhosts=(VHOST,), users=(), policies=()):
    return rabbitmq_problems({"vhosts": list(vhosts), "users": list(users), "policies": list(policies)})


@pytest.mark.parametrize(
    "lists",
    [
        {},
        {"users": [user(tags=["monitoring"], permissions=[{"vhost": "galaxy", "configure": "", "read": ".*"}])]},
        {"users": [{"name": "é/x #1"}, {"name": "gone", "password": "", "state": "absent"}]},
        {"vhosts": [VHOST, {"name": "/"}, {"name": "a/b é"}, {"name": "old", "state": "absent"}]},
        # Legal in the broker's dialect, and unknown to Python's.
        {"users": [user(permissions=[{"vhost": "galaxy", "read": r"\Qa.b\E"}])]},
        {"policies": [policy(), policy(name="q", definition={"queue-mode": "lazy", "max-length": 0})]},
        {"policies": [{"name": "p", "vhost": "elsewhere", "state": "absent"}]},
    ],
)
def test_what_is_right(lists):
    assert found(**lists) == []


@pytest.mark.parametrize(
    ("lists", "words"),
    [
        ({"vhosts": [{"name": " "}]}, ["vhosts:", "the name is empty"]),
        ({"vhosts": [{"name": "galaxy "}]}, ["vhosts: galaxy ", "begins or ends with a space"]),
        ({"vhosts": [{"name": "a\nb"}]}, ["a character that does not show"]),
        ({"vhosts": [{"name": "é" * 128}]}, ["longer than 255 bytes"]),
        ({"vhosts": [VHOST, VHOST]}, ["vhosts: the vhost 'galaxy' is listed twice"]),
        ({"vhosts": [{**VHOST, "limits": {"max_queues": -1}}]}, ["galaxy: limits: max_queues is -1"]),
        ({"users": [user(limits={"max_channels": -2})]}, ["max_channels is -2", "expected 0 or more"]),
        ({"users": [user(), user()]}, ["users: the user 'galaxy' is listed twice"]),
        ({"users": [user(password="")]}, ["users: galaxy: the password is empty"]),
        ({"users": [user(password="Galaxy")]}, ["the password is too easy"]),
        ({"users": [user(name="long-enough", password="long-enough")]}, ["the password is too easy"]),
        ({"users": [user(tags=["administrater"])]}, ["the tag 'administrater' gives no rights", "administrator"]),
        ({"users": [user(permissions=[{"vhost": "galxy"}])]}, ["there is no vhost 'galxy'", "List it under vhosts"]),
        ({"users": [user(permissions=[{"vhost": "galaxy"}] * 2)]}, ["permissions: 'galaxy' is listed twice"]),
        ({"users": [user(permissions=[{"vhost": "galaxy", "read": "["}])]}, ["read: '[' is no regular expression"]),
        (
            {"users": [user(topic_permissions=[{"vhost": "galaxy", "exchange": "x", "write": "*"}])]},
            ["topic_permissions: write: '*' is no regular expression"],
        ),
        ({"policies": [policy(), policy()]}, ["policies: 'p' on 'galaxy' is listed twice"]),
        ({"policies": [policy(vhost="galxy")]}, ["policies: p: there is no vhost 'galxy'"]),
        ({"policies": [policy(pattern="(")]}, ["pattern: '(' is no regular expression"]),
        ({"policies": [policy(definition={})]}, ["needs a pattern and a definition"]),
        ({"policies": [policy(definition={"expires": "1h"})]}, ["expires is '1h'", "milliseconds"]),
        ({"policies": [policy(definition={"max-length": True})]}, ["max-length is True"]),
        (
            {"vhosts": [{"name": "galaxy", "state": "absent"}], "policies": [policy()]},
            ["policies: p: there is no vhost 'galaxy'"],
        ),
    ],
)
def test_what_is_wrong(lists, words):
    problems = found(**lists)
    assert len(problems) == 1
    assert [word for word in words if word not in problems[0]] == []
    assert PASSWORD not in problems[0]


QUEUE, EXCHANGE = {"name": "q", "vhost": "galaxy"}, {"name": "x", "vhost": "galaxy"}
BINDING = {"source": "x", "destination": "q", "destination_type": "queue", "vhost": "galaxy"}


@pytest.mark.parametrize(
    ("lists", "words"),
    [
        ({"queues": [QUEUE], "exchanges": [EXCHANGE], "bindings": [BINDING]}, None),
        ({"queues": [QUEUE], "bindings": [{**BINDING, "source": "amq.topic"}]}, None),
        ({"queues": [QUEUE, QUEUE]}, "queues: 'q' on 'galaxy' is listed twice"),
        ({"exchanges": [{**EXCHANGE, "name": "amq.topic"}]}, "names that begin with 'amq.' are the broker's own"),
        ({"queues": [{**QUEUE, "vhost": "galxy"}]}, "queues: q: there is no vhost 'galxy'"),
        ({"exchanges": [EXCHANGE], "bindings": [BINDING]}, "bindings: x to q: there is no queue 'q' on 'galaxy'"),
        ({"queues": [QUEUE], "bindings": [BINDING]}, "there is no exchange 'x' on 'galaxy'. List it under exchanges"),
    ],
)
def test_what_is_declared(lists, words):
    problems = rabbitmq_problems({"vhosts": [VHOST], **lists})
    assert len(problems) == (1 if words else 0), problems
    assert not words or words in problems[0]


@pytest.mark.parametrize(
    ("lists", "word"), [({"user": []}, "user is no known key"), ({"users": [{"password": PASSWORD}]}, "lacks the key")]
)
def test_what_is_no_list(lists, word):
    with pytest.raises(AnsibleFilterError) as error:
        rabbitmq_problems(lists)
    assert word in str(error.value)
    assert PASSWORD not in str(error.value)
