# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of `make chaos`: the same for the same seed, and every fault of it is undone."""

import itertools

import pytest
from chaos import faults, plan

PLANS = [(seed, seconds) for seed in range(20) for seconds in (120, 900, 3600)]


def test_a_seed_makes_one_plan():
    assert plan.make(7, 900) == plan.make(7, 900)
    assert plan.make(7, 900) != plan.make(8, 900)


@pytest.mark.parametrize(("seed", "seconds"), PLANS)
def test_every_fault_is_undone_in_time(seed, seconds):
    faults = plan.make(seed, seconds)
    assert faults
    assert all(0 < fault.begin < fault.end <= seconds for fault in faults)
    assert faults == sorted(faults, key=lambda fault: fault.begin)
    for fault in faults:
        least, most = plan.KINDS[fault.kind].seconds
        assert least <= fault.seconds <= most
        assert fault.target in plan.KINDS[fault.kind].targets


@pytest.mark.parametrize(("seed", "seconds"), PLANS)
def test_no_two_faults_befall_the_same_thing(seed, seconds):
    for one, other in itertools.combinations(plan.make(seed, seconds), 2):
        if one.begin < other.end and other.begin < one.end:
            assert not set(one.takes) & set(other.takes)
            assert one.target.split("/")[0] != other.target
            assert other.target.split("/")[0] != one.target


@pytest.mark.parametrize("seed", range(20))
def test_an_hour_has_every_kind_and_they_overlap(seed):
    faults = plan.make(seed, 3600)
    assert {fault.kind for fault in faults} == set(plan.KINDS)
    assert sum(one.end > other.begin for one, other in itertools.pairwise(faults)) > len(faults) / 2


def test_a_host_stands_for_what_is_on_it():
    assert plan.meet("worker-1", "worker-1/network")
    assert plan.meet("worker-1/network", "worker-1")
    assert not plan.meet("worker-1/network", "worker-1/scratch")
    assert not plan.meet("worker-1", "worker-11/network")


@pytest.mark.parametrize(
    ("moments", "expected"),
    [([10], True), ([10, 40], True), ([10, 15], False), ([40, 50], False), ([10, 40, 41], False), ([28, 29], True)],
)
def test_a_task_may_repeat_only_where_something_was_killed_in_between(moments, expected):
    assert plan.may_repeat(moments, [(20, 30), (100, 110)]) is expected


@pytest.mark.parametrize(
    ("kind", "target", "expected"),
    [
        ("kill", plan.WORKERS[0], True),
        ("kill", plan.DATABASE, True),
        ("power cut", "worker-1", True),
        ("kill", plan.BROKER, False),
        ("restart", plan.WORKERS[0], False),
        ("reboot", "worker-1", False),
        ("cut from broker", "worker-1/network", False),
        ("drain", plan.WORKERS[0], False),
    ],
)
def test_what_may_have_a_task_run_again(kind, target, expected):
    assert plan.Fault(0, kind, target, 10).kills is expected


# What comes back by itself, and a playbook, whose end is its own.
ALONE = {"kill", "restart", "reboot", "playbook restart", "playbook update"}


@pytest.mark.parametrize(
    ("kind", "target"), [(kind, target) for kind, what in plan.KINDS.items() for target in what.targets]
)
def test_every_fault_can_be_caused_and_undone(kind, target, monkeypatch):
    calls = []

    def call(argv, *_args):
        calls.append(argv)
        return f"{faults.WATERMARK} = 600MB\n" if "cat" in argv else "4711\n"

    monkeypatch.setattr(faults, "call", call)
    fault = plan.Fault(0, kind, target, 10)
    faults.begin(fault)
    assert calls or kind == "playbook restart"
    calls.clear()
    faults.undo(fault)
    assert calls or kind in ALONE


def test_the_undoing_is_tried_again(monkeypatch):
    tries = []

    def undo(fault):
        tries.append(fault)
        if len(tries) < 3:
            raise faults.Failed("not yet")

    monkeypatch.setattr(faults, "undo", undo)
    monkeypatch.setattr(faults.time, "sleep", lambda _seconds: None)
    faults.undo_surely(plan.Fault(0, "freeze", plan.BROKER, 10))
    assert len(tries) == 3


def test_a_command_that_fails_or_hangs_is_told():
    with pytest.raises(faults.Failed, match="false: 1"):
        faults.call(["false"])
    with pytest.raises(faults.Failed, match="not done after"):
        faults.call(["sleep", "60"], 0.1)


def test_a_worker_has_its_name_from_its_unit():
    assert [faults.node_of(target) for target in plan.WORKERS] == [
        "worker-1@worker-1",
        "worker-2@worker-1",
        "worker-1@worker-2",
    ]
