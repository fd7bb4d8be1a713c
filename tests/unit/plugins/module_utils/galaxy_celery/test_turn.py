# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Workers of a host that start one after another: processes that take turns, with a host whose units are files."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils.galaxy_celery import turn

# As a unit does: a turn, the moment until systemd shows it, the start, ready. The times of both stand in its file.
UNIT = """
import pathlib, sys, time
from galaxy_celery import turn
turn.SETTLE_SECONDS, turn.POLL_SECONDS = 0.6, 0.05
host, own = pathlib.Path(sys.argv[1]), sys.argv[2]
turn.states = lambda own, pattern: {path.name: path.read_text() for path in host.glob("w@*") if path.name != own}
assert turn.take(str(host), own, "w@*", 20)
time.sleep(0.2)
begin = time.monotonic()
(host / own).write_text("start-post")
time.sleep(0.4)
(host / own).write_text("running")
(host / f"{own}.times").write_text(f"{begin} {time.monotonic()}")
"""
OTHERS = "celery-galaxy-*@*.service"
SHOWN = "Id=celery-galaxy-a@1.service\nSubState=start-post\n\nSubState=dead\nId=celery-galaxy-b@1.service\n"


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(turn, "POLL_SECONDS", 0.01)


def test_those_that_begin_together_start_one_after_another(tmp_path):
    names = [f"w@{number}" for number in range(3)]
    for name in names:
        (tmp_path / name).write_text("start-pre")
    # Under the short name, as on a host.
    environment = {**os.environ, "PYTHONPATH": str(Path(turn.__file__).parents[1])}
    units = [subprocess.Popen([sys.executable, "-c", UNIT, str(tmp_path), name], env=environment) for name in names]
    assert [unit.wait(60) for unit in units] == [0, 0, 0]
    times = sorted([float(text) for text in (tmp_path / f"{name}.times").read_text().split()] for name in names)
    assert all(ended <= begun for (_begin, ended), (begun, _end) in zip(times, times[1:]))


def test_alone_there_is_nothing_to_wait_for(tmp_path, monkeypatch):
    monkeypatch.setattr(turn, "states", lambda _own, _pattern: {"b": "running", "c": "dead", "d": "start-pre"})
    monkeypatch.setattr(turn, "POLL_SECONDS", 60)
    for _start in range(2):
        assert turn.take(str(tmp_path), "a", OTHERS, 0)


def test_those_that_start_are_named_and_waited_for_so_long(tmp_path, monkeypatch, quick):
    monkeypatch.setattr(turn, "states", lambda _own, _pattern: {"b": "start-post", "c": "running"})
    told, begin = [], time.monotonic()
    assert not turn.take(str(tmp_path), "a", OTHERS, 0.1, told.append)
    assert 0.2 <= time.monotonic() - begin < 5
    assert set(map(tuple, told)) == {("b",)}


def test_a_moment_passes_after_the_turn_of_another_one(tmp_path, monkeypatch, quick):
    """systemd does not show yet that it starts."""
    monkeypatch.setattr(turn, "states", lambda own, _pattern: {"a": "start-pre"} if own == "b" else {"b": "start-pre"})
    assert turn.take(str(tmp_path), "a", OTHERS, 0)
    assert not turn.take(str(tmp_path), "b", OTHERS, 0.1)
    past = time.time() - turn.SETTLE_SECONDS
    os.utime(tmp_path / "turn", (past, past))
    assert turn.take(str(tmp_path), "b", OTHERS, 0.1)
    # A clock that was put back must not hold anybody up.
    future = time.time() + 3600
    os.utime(tmp_path / "turn", (future, future))
    assert turn.take(str(tmp_path), "a", OTHERS, 0.1)


def test_what_systemd_says(tmp_path, monkeypatch):
    program = tmp_path / "systemctl"
    program.write_text(f"#!/bin/sh\n[ \"$4\" = '{OTHERS}' ] && cat <<'END'\n{SHOWN}END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert turn.states("celery-galaxy-b@1.service", OTHERS) == {"celery-galaxy-a@1.service": "start-post"}
    program.write_text("#!/bin/sh\necho\n")
    assert turn.states("celery-galaxy-b@1.service", OTHERS) == {}


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0), (1, 5), (2, 10), (4, 40), (6, 120), (500, 120)])
def test_the_pause_after_a_failure_grows_to_a_limit(monkeypatch, failures, seconds):
    monkeypatch.setattr(turn, "systemd_units", lambda *_asked, **_more: {"a": {"NRestarts": str(failures)}})
    assert turn.pause("a") == seconds


OPTIONS = ["--directory", "/nowhere", "--unit", "a", "--others", OTHERS, "--seconds", "1"]


def test_a_turn_that_cannot_be_waited_for_keeps_no_worker_from_starting(monkeypatch, capfd):
    monkeypatch.setattr(turn, "states", lambda _own, _pattern: {})
    assert turn.main(OPTIONS) == 0
    monkeypatch.setattr(turn, "take", lambda *_arguments: False)
    assert turn.main(OPTIONS) == 0
    said = capfd.readouterr().out
    assert "<4>not waiting for the others: [Errno 2]" in said
    assert "<4>others have not started in time; not waiting any longer" in said


def test_what_has_no_others_only_pauses(monkeypatch):
    waited = []
    monkeypatch.setattr(turn, "pause", lambda _unit: 7)
    monkeypatch.setattr(turn.time, "sleep", waited.append)
    assert turn.main(["--unit", "celery-galaxy-beat.service", "--pause"]) == 0
    assert waited == [7]
