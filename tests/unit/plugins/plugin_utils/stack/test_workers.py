# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts must know of the workers."""

from __future__ import annotations

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack import workers
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.site import Host, Values

NODES = {"celery-1": ["worker-1@celery-1"], "celery-2": ["worker-1@celery-2"]}


def test_nothing_is_wrong():
    assert workers.clashes(NODES, ["celery-2"]) == []
    # A play without workers has no need of beat.
    assert workers.clashes({}, []) == []


def test_two_workers_of_one_name():
    (problem,) = workers.clashes({**NODES, "celery-2": ["worker-1@celery-1"]}, ["celery-1"])
    assert "worker-1@celery-1 would run on celery-1 and celery-2" in problem
    assert "Remedy: give celery_node_host" in problem


def test_a_class_that_one_host_names_twice_is_told_by_its_role():
    assert workers.clashes({"celery-1": ["a-1@celery-1", "a-1@celery-1"]}, ["celery-1"]) == []


def test_two_beats_none_and_one_that_is_elsewhere():
    (problem,) = workers.clashes(NODES, ["celery-1", "celery-2"])
    assert "2 hosts would run beat (celery-1, celery-2): every periodic task is sent more than once" in problem
    (problem,) = workers.clashes(NODES, [])
    assert "0 hosts would run beat: no periodic task" in problem
    (problem,) = workers.clashes(NODES, ["galaxy"])
    assert "Beat would run on galaxy, which is no host of workers" in problem


def processes(classes, **environment):
    """The processes of a host whose classes have one instance each, unless they say more."""
    full = [{"pool": "threads", "concurrency": 32, **entry} for entry in classes]
    instances = [{"class": entry["name"]} for entry in full for _number in range(entry.get("instances", 1))]
    values = {"__celery_classes": full, "__celery_instances": instances, "celery_environment": environment}
    return workers.processes(Host("celery-1", roles={"celery": Values(values)}))


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([{"name": "worker"}], [(32, 32)]),
        (
            [{"name": "worker", "concurrency": 8, "instances": 2}, {"name": "external", "concurrency": 2}],
            [(8, 8), (8, 8), (2, 2)],
        ),
        ([{"name": "worker", "pool": "prefork", "concurrency": 3, "instances": 2}], [(1, 3)] * 6),
        (
            [{"name": "a", "pool": "prefork", "concurrency": 2}, {"name": "b", "concurrency": 4}],
            [(1, 2), (1, 2), (4, 4)],
        ),
    ],
)
def test_threads_and_pool_of_each_process(classes, expected):
    """What the budget of database connections is made from."""
    assert processes(classes) == [{"threads": threads, "pool_size": pool_size} for threads, pool_size in expected]


def test_a_pool_that_the_environment_of_a_class_sets():
    option = workers.POOL_OPTION
    classes = [
        {"name": "a", "concurrency": 8, "environment": {option + "POOL_SIZE": "4"}},
        {"name": "b", "concurrency": 2},
    ]
    assert processes(classes, **{option + "MAX_OVERFLOW": "3"}) == [
        {"threads": 8, "pool_size": 4, "max_overflow": 3},
        {"threads": 2, "pool_size": 2, "max_overflow": 3},
    ]
