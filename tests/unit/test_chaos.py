# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of `make chaos`: the same for the same seed, and every fault of it is undone."""

import importlib.util
import itertools
import json
import time
from pathlib import Path

import pytest
from chaos import faults, plan

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils.galaxy_celery import status

# By its path: `run` is another program.
SPEC = importlib.util.spec_from_file_location("chaos_run", Path(plan.__file__).with_name("run.py"))
run = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(run)

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


@pytest.fixture
def chaos(tmp_path, monkeypatch):
    """A run of two minutes that has begun, and a list of what it does."""
    done = []
    monkeypatch.setattr(run, "CACHE", tmp_path)
    monkeypatch.setattr(run, "begin", lambda fault: done.append(("begin", fault.target)))
    monkeypatch.setattr(run, "undo", lambda fault: done.append(("undo", fault.target)))
    monkeypatch.setattr(run, "undo_surely", lambda fault: done.append(("undo", fault.target)))
    chaos = run.Chaos(1, 120, 10)
    chaos.begun, chaos.done = time.time(), done
    return chaos


def event(kind, target, begin=0.0, seconds=0):
    """A fault that lasts no time, of a kind that may."""
    return run.Event(plan.Fault(begin, kind, target, seconds))


def test_a_fault_waits_for_the_one_before_on_the_same_thing(chaos, monkeypatch):
    monkeypatch.setattr(run, "begin", lambda fault: (time.sleep(0.2), chaos.done.append(("begin", fault.target))))
    chaos.events = [
        event("reboot", "worker-1"),
        event("cut from broker", "worker-1/network"),
        event("kill", plan.BROKER),
    ]
    chaos.seconds = 1
    chaos.cause_all()
    assert chaos.done.index(("undo", "worker-1")) < chaos.done.index(("begin", "worker-1/network"))
    assert chaos.done.index(("begin", plan.BROKER)) < chaos.done.index(("begin", "worker-1/network"))
    assert all(event.over.is_set() and not event.errors for event in chaos.events)


def test_a_fault_that_meets_nothing_is_no_error(chaos, monkeypatch):
    def fail(fault):
        raise faults.Failed("there is no process")

    monkeypatch.setattr(run, "begin", fail)
    found = event("kill", plan.WORKERS[0])
    chaos.cause(found, [])
    assert found.missed
    assert not found.errors
    assert chaos.done == [("undo", plan.WORKERS[0])]


def test_what_does_not_end_is_an_error(chaos, monkeypatch):
    def hang(fault):
        raise faults.Late("docker restart: not done")

    monkeypatch.setattr(run, "begin", hang)
    found = event("reboot", "worker-1")
    chaos.cause(found, [])
    assert found.errors == ["docker restart: not done"]
    assert chaos.done == [("undo", "worker-1")]


def test_what_cannot_be_undone_is_an_error(chaos, monkeypatch):
    def fail(fault):
        raise faults.Failed("no such container")

    monkeypatch.setattr(run, "undo_surely", fail)
    found = event("away", plan.BROKER)
    chaos.cause(found, [])
    assert found.errors == ["not undone: no such container"]
    assert found.over.is_set()


def test_nothing_begins_when_the_time_is_over(chaos):
    chaos.seconds = 3
    found = event("away", plan.BROKER, seconds=10)
    chaos.cause(found, [])
    assert found.skipped
    assert chaos.done == []


@pytest.mark.parametrize(
    ("text", "idle"),
    [
        (status.working(0, 0, 0, faults.QUEUES), True),
        (status.working(0, 0, 1204, faults.QUEUES), True),
        (status.working(1, 0, 0, faults.QUEUES), False),
        (status.working(0, 5, 0, faults.QUEUES), False),
        (status.working(0, 0, 0, faults.QUEUES[:2]), False),
        (status.working(0, 0, 0, []), False),
        (status.away(0, 3), False),
        (status.draining([], 0, 0), False),
    ],
)
def test_a_worker_says_that_it_is_idle(text, idle):
    assert bool(run.IDLE.match(text)) is idle


def test_a_worker_that_no_fault_has_killed_is_named(chaos, monkeypatch):
    chaos.events = [event("kill", plan.WORKERS[0])]
    chaos.events[0].begin = chaos.events[0].end = chaos.begun + 10
    line = f"{chaos.begun + 11} worker-1 systemd[1]: {{}}: Main process exited, code=killed, status=9/KILL"
    journals = {faults.unit(target): line.format(target) for target in plan.WORKERS[:2]}

    def on(host, _journalctl, unit, *_options):
        return journals.get(unit.removeprefix("--unit="), "") if host == "worker-1" else ""

    monkeypatch.setattr(run, "on", on)
    chaos.look_for_kills()
    (broken,) = chaos.broken
    assert f"{plan.WORKERS[1]} was killed by no fault" in broken


def test_a_task_without_effect_and_one_that_ran_twice_are_named(chaos, monkeypatch):
    count = {"once": 1, "twice": [100002, 100003], "more": [], "never": [100001]}
    chaos.events = [event("kill", plan.WORKERS[0])]
    chaos.events[0].begin = chaos.events[0].end = chaos.begun + 10
    moments = {100002: [9.0, 15.0], 100003: [50.0, 60.0]}
    lists = "id-1 100001\nid-2 100002\nid-3 100003\nid-4 100004\n"
    monkeypatch.setattr(run, "on", lambda _host, *argv, **_options: json.dumps(count) if "count" in argv else lists)
    monkeypatch.setattr(
        run,
        "ask",
        lambda query: [str(chaos.begun + at) for user, ats in moments.items() if str(user) in query for at in ats],
    )
    chaos.end_tasks()
    assert [line.split()[1] for line in chaos.broken] == ["id-1", "id-3"]


def test_an_upload_that_hangs_is_named_and_one_that_was_refused_or_failed_is_not(chaos, monkeypatch):
    failed = {"slow-1": "running", "slow-2": "error", "slow-3": "queued", "slow-4": "refused", "large-1": "wrong size"}
    report = {"failed": failed, "refused_names": ["slow-3", "slow-4"]}
    monkeypatch.setattr(run, "on", lambda *_argv, **_options: json.dumps(report))
    monkeypatch.setattr(run, "ask", lambda query: ["17 running"])
    chaos.end_uploads()
    assert chaos.broken == [
        "upload slow-1 ended as running: job 17 running",
        "upload large-1 ended as wrong size: job 17 running",
    ]


def test_a_job_that_is_open_after_recover_is_named(chaos, monkeypatch):
    played = []
    monkeypatch.setattr(run, "play", lambda name, _log, *more: played.append((name, *more)))
    monkeypatch.setattr(run, "ask", lambda query: ["17 new"] if "FROM job" in query else [])
    chaos.failed_playbooks = {"update"}
    chaos.prove()
    assert [name for name, *_more in played] == ["update", "recover", "verify"]
    assert "--extra-vars=recover_end=true" in played[1]
    assert chaos.broken == ["recover has left the job 17 new"]
