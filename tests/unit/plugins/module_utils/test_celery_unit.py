# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the units run besides the worker: the processes are real, the nodes are told what to answer."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys

import pytest
from unit.plugins.module_utils.test_celery_drain import NODE, QUEUES, Nodes, task

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _celery_drain as celery_drain
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _celery_unit as unit
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_app import CeleryModuleError

BUSY = {"active": [task("galaxy.export", 1)]}
# Ends on SIGTERM, or does not, as a Galaxy worker whose inner pool was stopped.
WORKER = "import signal, sys, time; {}; print(flush=True); time.sleep(60)"
OBEYS, HANGS = WORKER.format("0"), WORKER.format("signal.signal(signal.SIGTERM, signal.SIG_IGN)")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No pauses between the rounds, short ones for what does not end."""
    monkeypatch.setattr(celery_drain, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(unit, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(unit, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(unit, "END_SECONDS", 0.5)


@pytest.fixture
def start():
    """Start a process that stands for a worker."""
    children = []

    def begin(code=OBEYS, *arguments):
        child = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE)
        child.stdout.readline()
        children.append(child)
        return child

    yield begin
    for child in children:
        child.kill()
        child.communicate()


def drain(child, nodes, *more):
    options = unit.parse(["drain", "--node", NODE, *more])
    return unit.drain(options, unit.Process(child.pid if child else None), lambda: nodes)


def test_an_idle_worker_is_drained_and_ended(start, capsys):
    child, nodes = start(), Nodes({})
    assert drain(child, nodes) == 0
    assert child.wait(5) == -signal.SIGTERM
    assert nodes.consumed[NODE] == {}
    assert f"<6>{NODE} is drained after 0 s" in capsys.readouterr().out


def test_a_worker_is_ended_only_after_its_tasks(start):
    child, states = start(), []
    nodes = Nodes(*[BUSY] * 20, {})
    nodes.cancel = lambda *_arguments: nodes.consumed[NODE].clear()
    ask = nodes.ask

    def watched(*arguments):
        states.append(child.poll())
        return ask(*arguments)

    nodes.ask = watched
    assert drain(child, nodes) == 0
    assert len(states) > 80
    assert set(states) == {None}
    assert child.wait(5) == -signal.SIGTERM


def test_one_that_does_not_end_is_killed_once_it_is_drained(start, capsys):
    child = start(HANGS)
    assert drain(child, Nodes({})) == 0
    assert child.wait(5) == -signal.SIGKILL
    assert "did not end" in capsys.readouterr().out


def test_without_a_limit_it_waits_while_nobody_answers(start):
    child = start(WORKER.format("0").replace("60", "1"))
    problem = CeleryModuleError("the broker is away")
    assert drain(child, Nodes(problem, None, {"active": None}, problem, None)) == 0
    # It ended by itself, after a second.
    assert child.wait(0) == 0


def test_with_a_limit_the_tasks_that_are_lost_are_named(start, capsys):
    child = start()
    assert drain(child, Nodes(BUSY), "--seconds", "0.3") == 0
    assert child.wait(5) == -signal.SIGTERM
    told = capsys.readouterr().out
    assert "<3>" in told
    assert f"loses what it runs: {NODE} still has galaxy.export id-1 (active)" in told


def test_a_configuration_that_cannot_be_read_is_no_drained_worker(start, capsys):
    def fail():
        raise CeleryModuleError("galaxy_config_file is not valid YAML")

    child = start()
    options = unit.parse(["drain", "--node", NODE, "--seconds", "0.3"])
    assert unit.drain(options, unit.Process(child.pid), fail) == 0
    assert "could not be asked" in capsys.readouterr().out


def test_a_configuration_that_is_mended_while_a_stop_waits_is_read_anew(start, capsys):
    child = start()
    read = [CeleryModuleError("no mapping"), Nodes(CeleryModuleError("the vhost is missing")), Nodes({})]

    def make():
        found = read.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    assert unit.drain(unit.parse(["drain", "--node", NODE]), unit.Process(child.pid), make) == 0
    assert read == []
    assert f"{NODE} is drained" in capsys.readouterr().out


def test_after_a_crash_there_is_nothing_to_drain(capsys):
    assert drain(None, Nodes(BUSY)) == 0
    assert "ended by itself" in capsys.readouterr().out


def test_the_name_is_that_of_the_process(start):
    """The unit's file may say another one by now."""
    child = start(OBEYS, "--hostname", "worker-1@old")
    nodes = Nodes({}, names=["worker-1@old"])
    assert drain(child, nodes) == 0
    assert nodes.consumed["worker-1@old"] == {}


def test_one_that_has_never_consumed_is_ended_and_the_journal_says_why(start, capsys, tmp_path):
    child, old = start(), start()
    unit.mark.leave(tmp_path, NODE, child.pid)
    assert drain(child, Nodes(None), "--marks", str(tmp_path)) == 0
    assert child.wait(5) == -signal.SIGTERM
    assert f"{NODE} has never consumed since it started" in capsys.readouterr().out
    # The mark of another process says nothing, nor does one that nobody takes away.
    assert drain(old, Nodes(None), "--marks", str(tmp_path), "--seconds", "0.3") == 0
    assert "loses what it runs" in capsys.readouterr().out
    child = start()
    unit.mark.leave(tmp_path, NODE, child.pid)
    assert drain(child, Nodes(None), "--seconds", "0.3") == 0
    assert "loses what it runs" in capsys.readouterr().out


def ready(child, nodes, seconds="5", queues=QUEUES, more=()):
    options = unit.parse(["ready", "--node", NODE, "--queues", ",".join(queues), "--seconds", seconds, *more])
    return unit.ready(options, unit.Process(child.pid), lambda: nodes)


def test_a_worker_is_ready_when_it_consumes_all_its_queues(start, capsys):
    child = start()
    assert ready(child, Nodes(CeleryModuleError("away"), None, {})) == 0
    assert f"{NODE} consumes celery, galaxy.internal" in capsys.readouterr().out


def test_a_worker_is_asked_when_the_broker_knows_it(start):
    """Before that nobody would answer, and each question is waited for."""
    nodes, asked = Nodes(None, None, {}), []
    ask = nodes.ask
    nodes.ask = lambda *arguments: asked.append(nodes.now) or ask(*arguments)
    assert ready(start(), nodes) == 0
    assert asked == [{}]


def test_one_that_is_late_is_not_ended_by_a_failure(start, capsys):
    """systemd would send it a signal, without a drain."""
    child = start()
    assert ready(child, Nodes({}), "0.3", [*QUEUES, "other"]) == 0
    told = capsys.readouterr().out
    assert "is not ready after 0 s, and goes on trying: it consumes ['celery', 'galaxy.internal']" in told
    assert child.poll() is None


@pytest.fixture
def marks(tmp_path):
    """The options for the marks, and a function that tells whether a process has one."""
    return ["--marks", str(tmp_path)], lambda child: unit.mark.marked(tmp_path, NODE, child.pid)


@pytest.mark.parametrize("said", [None, CeleryModuleError("the vhost is missing")])
def test_one_that_never_answered_is_marked(start, marks, said):
    child = start()
    assert ready(child, Nodes(said), "0.3", more=marks[0]) == 0
    assert marks[1](child)
    # A start of the unit takes the mark of the last process away.
    assert ready(child, Nodes({}), more=marks[0]) == 0
    assert not marks[1](child)


def test_one_that_answered_is_not_marked(start, marks):
    child = start()
    assert ready(child, Nodes({}, None), "0.5", [*QUEUES, "other"], more=marks[0]) == 0
    assert not marks[1](child)


def test_one_that_was_not_asked_is_not_marked(start, marks):
    def fail():
        raise CeleryModuleError("galaxy_config_file cannot be read")

    child = start()
    options = unit.parse(["ready", "--node", NODE, "--queues", "celery", "--seconds", "0.3", *marks[0]])
    assert unit.ready(options, unit.Process(child.pid), fail) == 0
    assert not marks[1](child)


@pytest.mark.parametrize("option", ["AMQP_INTERNAL_CONNECTION", "OVERRIDE_CELERY_CONF"])
def test_one_that_may_be_on_another_broker_is_not_marked(start, marks, monkeypatch, option):
    monkeypatch.setenv(f"GALAXY_CONFIG_{option}", "x")
    child = start()
    assert ready(child, Nodes(None), "0.3", more=marks[0]) == 0
    assert not marks[1](child)


def test_one_that_has_ended_is_a_failure(start):
    child = start()
    child.kill()
    child.wait()
    assert ready(child, Nodes({})) == 1


def test_silence_counts_only_while_the_broker_works():
    pids = {NODE: 10, "other@h": 11}
    notes, late = unit.judge({}, pids, {"other@h"}, 100.0, 300)
    assert (notes, late) == ({NODE: {"pid": 10, "since": 100.0}}, [])
    again, late = unit.judge(notes, pids, {"other@h"}, 399.0, 300)
    assert (again, late) == (notes, [])
    assert unit.judge(notes, pids, {"other@h"}, 400.0, 300)[1] == [NODE]
    # An answer, a broker that is away, another process: the time begins anew.
    assert unit.judge(notes, pids, set(pids), 400.0, 300) == ({}, [])
    assert unit.judge(notes, pids, None, 400.0, 300) == ({}, [])
    assert unit.judge(notes, {NODE: 12}, set(), 400.0, 300) == ({NODE: {"pid": 12, "since": 400.0}}, [])


@pytest.fixture
def health(monkeypatch, tmp_path, start):
    """Run the check with what the broker says. Returns its function and the process of the worker."""
    child = start()

    class Broker:
        said, problems = (True, set()), []

        def __init__(self, _remote):
            pass

        def answers(self, _names):
            for problem in self.problems:
                raise problem
            return self.said

    monkeypatch.setattr(unit, "Broker", Broker)
    monkeypatch.setattr(unit, "main_pids", lambda _units: {"w.service": child.pid})
    state = tmp_path / "state.json"

    def check(said, seconds="0", *more):
        Broker.said, Broker.problems = (None, [said]) if isinstance(said, Exception) else (said, [])
        options = ["health", "--state", str(state), "--seconds", seconds, *more, f"{NODE}=w.service"]
        assert unit.health(unit.parse(options), lambda: None) == 0
        return json.loads(state.read_text())

    return check, child


def test_a_silent_worker_is_killed_when_its_time_is_up(health, capsys):
    check, child = health
    assert list(check((True, set()), "60")) == [NODE]
    assert child.poll() is None
    assert check((True, set())) == {}
    assert child.wait(5) == -signal.SIGKILL
    assert f"{NODE} is killed" in capsys.readouterr().out


@pytest.mark.parametrize("said", [(True, {NODE}), (False, set()), CeleryModuleError("the connection was refused")])
def test_no_worker_is_killed_that_answers_or_whose_broker_is_away(health, said):
    check, child = health
    check((True, set()), "60")
    assert check(said) == {}
    assert check(said) == {}
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(0.2)
    assert child.poll() is None


def test_an_answer_takes_the_mark_away(health, tmp_path):
    check, child = health
    for said, left in (((True, set()), True), ((False, set()), True), ((True, {NODE}), False)):
        unit.mark.leave(tmp_path, NODE, child.pid)
        check(said, "60", "--marks", str(tmp_path))
        assert unit.mark.marked(tmp_path, NODE, child.pid) is left


def test_the_configuration_of_the_worker_comes_first_and_the_current_one_helps(monkeypatch, tmp_path):
    pytest.importorskip("celery", reason="Celery is not installed")
    current = tmp_path / "galaxy.yml"
    current.write_text("galaxy:\n  amqp_internal_connection: amqp://new:x@mq/galaxy\n")
    monkeypatch.setenv("GALAXY_CONFIG_FILE", str(current))
    read = []

    class Settings:
        def __init__(self, params):
            self.name = params["galaxy_config_file"]
            read.append(self.name)
            if "/proc/" in self.name and not self.there:
                raise CeleryModuleError("does not exist")

        there = True

        def app(self, _seconds):
            return None

        def connection(self, *_arguments):
            if "/proc/" in self.name:
                raise CeleryModuleError("refused")
            return "open"

    monkeypatch.setattr(unit, "Settings", Settings)
    assert len(unit.remote().settings) == 1
    monkeypatch.setenv("MAINPID", "77")
    assert unit.remote().session() == "open"
    assert read[1:] == [f"/proc/77/root{current}", str(current)]
    Settings.there = False
    assert [settings.name for settings in unit.remote().settings] == [str(current)]


def turn(directory):
    return unit.turn(
        unit.parse(
            ["turn", "--directory", str(directory), "--unit", "w@1.service", "--others", "w@*", "--seconds", "1"]
        )
    )


def test_a_turn_that_cannot_be_waited_for_keeps_no_worker_from_starting(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(unit._celery_turn, "states", lambda _own, _pattern: {})
    assert turn(tmp_path) == 0
    assert capsys.readouterr().out == ""
    assert turn(tmp_path / "missing") == 0
    assert "<4>not waiting for the others" in capsys.readouterr().out
    monkeypatch.setattr(unit._celery_turn, "take", lambda *_arguments: False)
    assert turn(tmp_path) == 0
    assert "not waiting any longer" in capsys.readouterr().out
