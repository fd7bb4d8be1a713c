# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What single playbooks must know: the hosts that are named or leave, a rotation, an update."""

from __future__ import annotations

import re

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack import parts
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.removal import removal
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.rotation import rotation
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.site import Groups, Host, Site, Values
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.update import update

WORKERS = ["celery-1", "celery-2"]
GROUPS = Groups(["galaxy"], ["mq"], ["mq"], ["db"], WORKERS, WORKERS[:1], ["celery-2"], [])
KNOWN = ["galaxy", "mq", "db", *WORKERS]
CALLED = {name: part.group for name, part in parts.PARTS.items()}


def members(**hosts):
    return parts.Members({**{name: GROUPS.of(name) for name in parts.PARTS}, "beat": [], **hosts}, CALLED)


def site(**given):
    hosts = {name: Host(name, given=Values(given.get(name.replace("-", "_"), {}))) for name in KNOWN}
    return Site(hosts, GROUPS)


@pytest.mark.parametrize("given", ["a,b", " a , b,,a", ["a", "b"], ["a, b"]])
def test_names_may_be_given_in_several_ways(given):
    assert parts.names(given) == ["a", "b"]


def test_a_play_has_one_group_whatever_the_inventory_calls_its_own():
    found = parts.memberships(members(), KNOWN, [], [], [])
    assert [host for group, host in found if group == "stack_workers"] == WORKERS
    assert {host for group, host in found if group == "stack_hosts"} == set(KNOWN)
    assert "stack_named" not in dict(found)


def test_a_host_that_leaves_is_asked_and_one_that_is_gone_is_not():
    found = parts.memberships(members(), KNOWN, ["celery-2"], ["celery-2"], [])
    assert [group for group, host in found if host == "celery-2"] == [
        *("stack_workers", "stack_flower", "stack_hosts", "stack_named", "stack_leaving", "stack_asked"),
    ]
    found = parts.memberships(members(flower=[]), KNOWN, ["celery-2"], ["celery-2"], ["celery-2"])
    assert [group for group, host in found if host == "celery-2"] == ["stack_named", "stack_leaving"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", 'worker is "not set". Remedy: name the host'),
        ("celery-9", 'worker is "celery-9", and celery-9 is no host of this inventory. Remedy: correct the name (the'),
        ("mq", "mq is not in the group celeryservers. Remedy: correct the name (the group has celery-1, celery-2)"),
    ],
)
def test_a_name_that_is_no_worker_is_told(given, said):
    (problem,) = parts.named_problems(given, members(), KNOWN, False)
    assert said in problem
    assert parts.named_problems("celery-1", members(), KNOWN, False) == []


def test_what_keeps_a_host_from_leaving():
    (problem,) = parts.leaving_problems(WORKERS, members(), [])
    assert problem.startswith('worker is ["celery-1", "celery-2"], and no other host is in the group celeryservers')
    (problem,) = parts.leaving_problems("celery-1", members(beat=["celery-1"]), [])
    assert problem.startswith('worker is "celery-1", where beat runs')
    (problem,) = parts.leaving_problems("celery-2", members(), ["celery-2"])
    assert problem.startswith("worker_gone is true, but celery-2 is in the group flowerservers too")
    assert parts.leaving_problems("celery-2", members(), []) == []


def test_the_queues_of_a_host_that_leaves():
    found = removal(site(celery_2={"celery_node_host": "two.example.org"}), ["celery-2"])
    assert re.match(found.nodes, "worker-1@two.example.org.celery.pidbox")
    assert not re.match(found.nodes, "worker-1@celery-1.celery.pidbox")
    assert re.match(found.queues, "control.main@celery-2")
    # A name that another host has too.
    shared = removal(site(celery_1={"celery_node_host": "two"}, celery_2={"celery_node_host": "two"}), ["celery-2"])
    assert not re.match(shared.nodes, "worker-1@two.celery.pidbox")


def test_a_rotation_without_a_password_of_the_database_leaves_it_alone():
    found = rotation(site(), Host("mq"))
    assert found.users == ["admin", "galaxy", "flower", "telegraf"]
    assert (found.needed, found.open, found.broker_login) == (False, False, "galaxy")
    assert rotation(site(galaxy={"has_database_password": True}), Host("mq")).users[-1] == "database"


def test_a_rotation_moves_to_the_stand_ins_that_are_needed():
    asked = {"__rabbitmq_rotation_needed": True, "__rabbitmq_rotation_name": "galaxy_rotation"}
    found = rotation(site(mq=asked, celery_1={"__rotation_moved": True}), Host("celery-1"))
    assert (found.needed, found.broker_login, found.database_login) == (True, "galaxy_rotation", "galaxy")
    assert (found.stand_ins, found.not_moved) == ("galaxy_rotation", ["galaxy", "celery-2"])
    assert rotation(site(mq={"__rabbitmq_rotation_found": True}), Host("mq")).open


@pytest.mark.parametrize(
    ("users", "said"),
    [
        ("flower", 'rotate_users is "flower". Remedy: name some of admin'),
        (["flowers"], 'rotate_users is ["flowers"]. Remedy'),
        (["database"], "rotate_users names database, and galaxy_database_password is not set"),
    ],
)
def test_wrong_names_of_a_rotation(users, said):
    (problem,) = rotation(site(), Host("mq", given=Values({"rotate_users": users}))).problems
    assert problem.startswith(said)


def test_the_first_outdated_unit_proves_an_update():
    due = {"__celery_due_instances": [{"unit": "celery-galaxy-worker@1"}]}
    found = update(site(celery_1={"__celery_due_instances": []}, celery_2=due), WORKERS, WORKERS)
    assert (found.first, found.unit, found.reason) == ("celery-2", "celery-galaxy-worker@1", "")
    assert "can not be reached" in update(site(celery_2=due), WORKERS, ["celery-1"]).reason
    failed = {**due, "__celery_first_problem": "It died.", "__update_way_back": "And stayed dead."}
    found = update(site(celery_2=failed), WORKERS, WORKERS)
    assert (found.reason, found.ways_back) == ("It died.", ["And stayed dead."])
    assert update(site(), WORKERS, WORKERS).first == ""
