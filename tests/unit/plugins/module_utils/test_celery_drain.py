# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rounds of a drain, with nodes that are told what to answer; the Molecule scenario workers asks real ones."""

from __future__ import annotations

import contextlib
import datetime
import socket

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _celery_drain as drain
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_app import CeleryModuleError
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils.galaxy_celery import control

NODE = "worker-1@celery-1"
QUEUES = ["celery", "galaxy.internal"]


def task(name, number, **keys):
    return {"name": name, "id": f"id-{number}", "time_start": None, **keys}


class Nodes:
    """Nodes that consume until they are told not to, and answer each round what stands in a list for it.

    :param rounds: what a node says in each round, the last one for ever: lists by state, None for no answer at all.
    """

    def __init__(self, *rounds, names=(NODE,), deaf=()):
        self.rounds, self.deaf = list(rounds), set(deaf)
        self.consumed = {name: {queue: {"name": queue} for queue in QUEUES} for name in names}
        self.cancelled, self.added = [], []

    @contextlib.contextmanager
    def session(self):
        self.now = self.rounds.pop(0) if len(self.rounds) > 1 else self.rounds[0]
        if isinstance(self.now, Exception):
            raise self.now
        yield self

    def ask(self, _connection, question, names):
        if self.now is None:
            return {}
        if question == "active_queues":
            return {name: list(self.consumed[name].values()) for name in names if name in self.consumed}
        answer = self.now.get(question, [])
        return {} if answer is None else {name: answer for name in names if name in self.consumed}

    def cancel(self, _connection, queue, names):
        self.cancelled.append((queue, tuple(names)))
        if queue not in self.deaf:
            for name in names:
                self.consumed[name].pop(queue, None)

    def add(self, _connection, queue, names):
        self.added.append((queue["name"], tuple(names)))
        if queue["name"] not in self.deaf:
            for name in names:
                self.consumed[name][queue["name"]] = queue


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No pauses: the rounds count, not the time."""
    monkeypatch.setattr(drain, "POLL_SECONDS", 0)


def run(nodes, seconds=None, names=(NODE,), **options):
    made = drain.Drain(nodes, names)
    return made.run(seconds, **options), made


def counted(limit):
    """Something to watch with, which ends the rounds after some."""
    rounds = []
    return lambda: rounds.append(1) or len(rounds) < limit


def test_an_idle_node_is_drained_after_two_quiet_rounds_without_consumers():
    nodes = Nodes({})
    drained, made = run(nodes)
    assert drained
    assert nodes.cancelled == [(queue, (NODE,)) for queue in QUEUES]
    assert made.nodes[NODE].report() == {
        "drained": True, "answered": True, "queues": QUEUES, "running": [], "scheduled": []}  # fmt: skip


def test_the_round_in_which_it_consumed_does_not_count():
    """A message may have been on its way."""
    made = drain.Drain(Nodes({}), [NODE])
    made.round()
    assert made.nodes[NODE].quiet == 0
    made.round()
    made.round()
    assert made.open == []


def test_a_task_between_two_quiet_rounds_starts_the_count_anew():
    busy = {"active": [task("galaxy.export", 1)]}
    made = drain.Drain(Nodes({}, {}, busy, {}, {}), [NODE])
    for quiet in (0, 1, 0, 1, 2):
        assert not made.nodes[NODE].drained
        made.round()
        assert made.nodes[NODE].quiet == quiet
    assert made.nodes[NODE].drained


@pytest.mark.parametrize("state", ["active", "reserved"])
def test_what_still_runs_is_named(state):
    drained, made = run(Nodes({state: [task("galaxy.export", 7)]}), watch=counted(5))
    assert not drained
    assert made.nodes[NODE].running == [{"state": state, "name": "galaxy.export", "id": "id-7", "seconds": None}]
    assert drain.words(made.nodes[NODE].running) == f"galaxy.export id-7 ({state})"


def test_a_task_in_two_lists_counts_once_and_in_the_later_state():
    _drained, made = run(Nodes({"reserved": [task("t", 1)], "active": [task("t", 1)]}), watch=counted(1))
    assert [(found["id"], found["state"]) for found in made.nodes[NODE].running] == [("id-1", "active")]


@pytest.mark.parametrize(
    "silence",
    [None, {"active": None}, {"reserved": None}, {"scheduled": None}, CeleryModuleError("the broker is away")],
)
def test_silence_is_never_idle(silence):
    drained, made = run(Nodes(silence), watch=counted(6))
    assert not drained
    assert made.nodes[NODE].answered is False
    drained, made = run(Nodes({}, {}, silence, {}, {}))
    assert drained
    made = drain.Drain(Nodes({}, {}, silence), [NODE])
    for _round in range(3):
        with contextlib.suppress(CeleryModuleError):
            made.round()
    assert made.nodes[NODE].quiet == 0


def test_a_node_that_is_not_there_keeps_the_others_waiting_and_is_named():
    drained, made = run(Nodes({}), names=[NODE, "gone@celery-1"], watch=counted(5))
    assert not drained
    assert [node.name for node in made.open] == ["gone@celery-1"]
    assert made.nodes[NODE].drained


def test_a_consumer_that_stays_is_no_drained_node():
    nodes = Nodes({}, deaf=["celery"])
    drained, _made = run(nodes, watch=counted(4))
    assert not drained
    assert nodes.cancelled.count(("celery", (NODE,))) == 4


def test_the_time_is_up():
    drained, made = run(Nodes({"active": [task("t", 1)]}), seconds=0)
    assert not drained
    assert made.nodes[NODE].running


def test_tasks_for_later_go_back_to_the_broker_and_those_for_soon_are_waited_for():
    def due(seconds):
        moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        return {"eta": moment.isoformat(), "priority": 6, "request": task("t", seconds)}

    drained, made = run(Nodes({"scheduled": [due(3600)]}))
    assert drained
    (waits,) = made.nodes[NODE].report()["scheduled"]
    assert (waits["id"], waits["state"]) == ("id-3600", "scheduled")
    assert 3590 <= waits["seconds"] <= 3600
    drained, made = run(Nodes({"scheduled": [due(10)]}), watch=counted(4))
    assert not drained
    assert made.nodes[NODE].running[0]["id"] == "id-10"


@pytest.mark.parametrize("eta", [None, "soon", ""])
def test_a_time_that_cannot_be_read_is_waited_for(eta):
    assert drain.until(eta) == 0


def test_how_long_a_task_runs():
    assert drain.describe("active", task("t", 1, time_start=100.0), now=131.4)["seconds"] == 31


def test_consumers_come_back():
    nodes = Nodes({})
    run(nodes)
    assert drain.consume(nodes, {NODE: {queue: {"name": queue} for queue in QUEUES}}, 5) == {}
    assert sorted(nodes.consumed[NODE]) == QUEUES


def test_consumers_that_do_not_come_back_are_named():
    nodes = Nodes({}, deaf=["celery"])
    nodes.consumed[NODE] = {}
    assert drain.consume(nodes, {NODE: {queue: {"name": queue} for queue in QUEUES}}, 0) == {NODE: ["celery"]}
    with pytest.raises(CeleryModuleError, match="away"):
        drain.consume(Nodes(CeleryModuleError("the broker is away")), {NODE: {"celery": {"name": "celery"}}}, 0)


def test_nothing_to_give_back():
    assert drain.consume(Nodes(CeleryModuleError("unused")), {NODE: {}}, 0) == {}


@pytest.fixture
def node(tmp_path):
    """A node of this host with its socket, which stops a task when it is told to: a dictionary of what it says."""
    state = {"paused": False, "running": [{"name": "galaxy.export", "id": "id-1", "seconds": 3}]}

    def report():
        return dict(state, queues=[] if state["paused"] else QUEUES)

    def set_paused(paused):
        state["paused"] = paused
        return report()

    verbs = {"status": report, "pause": lambda: set_paused(True), "resume": lambda: set_paused(False)}
    control.serve(str(tmp_path), NODE, verbs)
    return state


def test_a_node_of_this_host_is_drained_over_its_socket(node, tmp_path):
    local = drain.Local(str(tmp_path))
    assert local.has([NODE]) and not local.has([NODE, "other@h"])
    drained, made = run(local, watch=counted(3))
    assert not drained
    running = {"state": "active", "name": "galaxy.export", "id": "id-1", "seconds": 3}
    assert made.nodes[NODE].report()["running"] == [running]
    node["running"] = []
    assert made.run(10)
    assert sorted(made.nodes[NODE].queues) == QUEUES
    assert drain.consume(local, {NODE: made.nodes[NODE].queues}, 10) == {}
    assert node["paused"] is False


def test_a_socket_that_nobody_serves_is_no_idle_node(tmp_path):
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(control.path_of(str(tmp_path), NODE))
    drained, made = run(drain.Local(str(tmp_path)), watch=counted(5))
    assert not drained
    assert made.nodes[NODE].answered is False


def test_applications_are_made_once():
    """A drain may take hours, with a session every half second."""
    made = []

    class Settings:
        def __init__(self, works):
            self.works = works

        def app(self, _seconds):
            made.append(self)
            return self

        def connection(self, app, _seconds):
            assert app is self
            if not self.works:
                raise CeleryModuleError("refused")
            return "open"

    remote = drain.Remote(Settings(False), Settings(True))
    assert [remote.session() for _round in range(5)] == ["open"] * 5
    assert len(made) == 2
    with pytest.raises(CeleryModuleError, match="refused"):
        drain.Remote(Settings(False)).session()
