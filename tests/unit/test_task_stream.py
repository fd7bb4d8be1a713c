# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The counting of the task stream: what a scenario takes for proof that nothing was lost."""

import importlib.util
import threading
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[2] / "molecule" / "shared" / "files" / "task_stream.py"


@pytest.fixture
def task_stream():
    """The program as a module."""
    spec = importlib.util.spec_from_file_location("task_stream", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def ledger(task_stream):
    """A ledger with three tasks that were sent."""
    ledger = task_stream.Ledger()
    for _number in range(3):
        ledger.send(lambda task_id: None)
    return ledger


def figures(ledger):
    """The counts alone."""
    return {key: value for key, value in ledger.report().items() if isinstance(value, int)}


def test_what_succeeds_is_neither_failed_nor_missing(ledger):
    ledger.settle(lambda task_id: ("SUCCESS", None))
    assert figures(ledger) == {"sent": 3, "succeeded": 3, "failed": 0, "missing": 0, "send_errors": 0}


def test_what_never_answers_is_missing(ledger):
    lost = sorted(ledger.pending)[0]
    for _time in range(2):
        ledger.settle(lambda task_id: ("PENDING" if task_id == lost else "SUCCESS", None))
    assert figures(ledger) == {"sent": 3, "succeeded": 2, "failed": 0, "missing": 1, "send_errors": 0}


def test_a_failure_is_counted_once_and_told(ledger):
    bad = sorted(ledger.pending)[0]
    for _time in range(2):
        ledger.settle(lambda task_id: ("FAILURE", ValueError("no database")) if task_id == bad else ("SUCCESS", None))
    assert figures(ledger) == {"sent": 3, "succeeded": 2, "failed": 1, "missing": 0, "send_errors": 0}
    assert "ValueError: no database" in ledger.errors[0]


def test_what_the_broker_did_not_take_was_not_sent(ledger):
    def refuse(task_id):
        raise ConnectionError("amqps://galaxy:secret@mq refused")

    ledger.send(refuse)
    assert figures(ledger) == {"sent": 3, "succeeded": 0, "failed": 0, "missing": 3, "send_errors": 1}
    assert "secret" not in ledger.errors[0]


def test_each_task_stands_beside_its_user(ledger):
    ledger.send(lambda task_id: None, user=101)
    lines = ledger.lines().splitlines()
    assert lines[:3] == ledger.ids[:3]
    assert lines[3] == f"{ledger.ids[3]} 101"


def test_a_user_is_never_given_twice(task_stream, monkeypatch, tmp_path):
    """A task that the broker may have taken all the same has had its effect on the first one."""
    sent = []

    class Client:
        def __init__(self, _conf):
            pass

        def publish(self, _queue, _task_id, _task, user):
            sent.append(user)
            if len(sent) == 2:
                raise ConnectionError("no confirmation")

    stopped = threading.Event()
    monkeypatch.setattr(task_stream, "settings", lambda _config: {})
    monkeypatch.setattr(task_stream, "Client", Client)
    monkeypatch.setattr(stopped, "wait", lambda _seconds: None)
    options = task_stream.parse(["start", "--config=x", "--report=x", "--no-wait", "--users=101", "--count=4"])
    ledger = task_stream.stream(options, stopped)
    assert sent == [101, 102, 103, 104]
    assert ledger.users == [101, 103, 104]


def test_what_was_read_before_the_backend_went_away_stays_counted(ledger):
    order = sorted(ledger.pending)

    def lookup(task_id):
        if task_id == order[1]:
            raise OSError("gone")
        return "SUCCESS", None

    with pytest.raises(OSError, match="gone"):
        ledger.settle(lookup)
    ledger.settle(lambda task_id: ("SUCCESS", None))
    assert figures(ledger) == {"sent": 3, "succeeded": 3, "failed": 0, "missing": 0, "send_errors": 0}
