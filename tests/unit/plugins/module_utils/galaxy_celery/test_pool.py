# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pool of threads of the workers, with Celery's own around it."""

from __future__ import annotations

import gc
import threading

import pytest
from celery.concurrency import get_implementation, thread
from celery.worker import state

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils.galaxy_celery.pool import ThreadPool


class Tasks:
    """One place, and tasks that wait for each other."""

    def __init__(self, kind):
        self.pool = kind(limit=1)
        self.pool.start()
        self.gate, self.began, self.accepted, self.done = threading.Event(), threading.Event(), [], []

    def send(self, name):
        """Hand a task over as a worker does."""

        def accept(*_moment):
            self.accepted.append(name)

        return self.pool.apply_async(
            self._run, (name, f"id of {name}"), callback=self.done.append, accept_callback=accept
        )

    def _run(self, name, _uuid):
        self.began.set()
        assert self.gate.wait(10)
        return name

    def end(self):
        """Let all tasks run that are there."""
        self.gate.set()
        self.pool.executor.shutdown(wait=True)


def broken(kind):
    """Return the tasks after the connection broke while one ran and two waited, and a fourth came afterwards."""
    tasks = Tasks(kind)
    tasks.send("runs")
    assert tasks.began.wait(10)
    tasks.send("waits")
    tasks.send("waits too")
    tasks.pool.flush()
    tasks.send("comes anew")
    tasks.end()
    return tasks


def test_what_has_not_begun_is_forgotten_and_neither_acknowledged_nor_done():
    tasks = broken(ThreadPool)
    assert tasks.accepted == tasks.done == ["runs", "comes anew"]


def test_celerys_own_pool_needs_it():
    # As soon as this fails, Celery does it itself, and the collection's pool can go.
    assert broken(thread.TaskPool).done == ["runs", "waits", "waits too", "comes anew"]


@pytest.mark.parametrize("count", [1, 50])
def test_nothing_is_kept_of_tasks_that_have_ended(count):
    tasks = Tasks(ThreadPool)
    tasks.gate.set()
    for number in range(count):
        tasks.send(str(number)).wait(10)
    tasks.end()
    assert len(tasks.done) == count
    assert tasks.pool.ledger.jobs == []


def test_it_ends_with_its_tasks_and_leaves_nothing_that_python_would_look_through():
    tasks = Tasks(ThreadPool)
    tasks.send("runs")
    assert tasks.began.wait(10)
    threading.Timer(0.1, tasks.gate.set).start()
    tasks.pool.stop()
    try:
        assert tasks.done == ["runs"]
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_celery_finds_it_by_the_name_that_the_units_give():
    assert get_implementation(f"{ThreadPool.__module__}:ThreadPool") is ThreadPool


def test_while_the_door_is_closed_nothing_begins_and_then_it_does():
    tasks = Tasks(ThreadPool)
    tasks.gate.set()
    tasks.pool.ledger.close()
    for name in ("first", "second"):
        tasks.send(name).wait(10)
    assert tasks.accepted == tasks.done == []
    tasks.pool.ledger.open()
    tasks.end()
    assert tasks.done == ["first", "second"]


def test_what_was_held_is_forgotten_when_the_connection_breaks():
    tasks = Tasks(ThreadPool)
    tasks.gate.set()
    tasks.pool.ledger.close()
    tasks.send("held").wait(10)
    tasks.pool.flush()
    tasks.pool.ledger.open()
    tasks.end()
    assert tasks.done == []


def test_what_runs_is_named_until_its_callbacks_have_ended():
    tasks = Tasks(ThreadPool)
    tasks.send("runs")
    assert tasks.began.wait(10)
    assert [(job.name, job.uuid) for job in tasks.pool.ledger.jobs] == [("runs", "id of runs")]
    tasks.end()
    assert tasks.pool.ledger.jobs == []


class Request:
    """As much of a request of Celery's as the end of a task touches, whose callback raises."""

    def __init__(self):
        self.id, self.type, self.acknowledged = "1", "probe", False

    def on_success(self, _result):
        raise ValueError("the errback failed too")

    def acknowledge(self):
        self.acknowledged = True


def test_a_task_whose_callback_raises_is_closed_and_acknowledged():
    request, pool = Request(), ThreadPool(limit=1)
    state.active_requests.add(request)
    pool.start()
    handed = pool.apply_async(lambda *_args: 1, ("probe", "1"), callback=request.on_success)
    with pytest.raises(ValueError, match="the errback failed too"):
        handed.get(10)
    assert request not in state.active_requests
    assert request.acknowledged
    assert pool.ledger.jobs == []
    pool.executor.shutdown()
