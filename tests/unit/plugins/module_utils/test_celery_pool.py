# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pool of threads of the workers, with Celery's own around it."""

from __future__ import annotations

import gc
import threading

import pytest
from celery.concurrency import get_implementation, thread

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_pool import TaskPool


class Tasks:
    """One place, and tasks that wait for each other."""

    def __init__(self, kind):
        self.pool = kind(limit=1)
        self.pool.start()
        self.gate, self.began, self.accepted, self.done = threading.Event(), threading.Event(), [], []

    def send(self, name):
        """Hand a task over as a worker does."""
        return self.pool.apply_async(
            self._run, (name,), callback=self.done.append, accept_callback=lambda *_moment: self.accepted.append(name)
        )

    def _run(self, name):
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
    tasks = broken(TaskPool)
    assert tasks.accepted == tasks.done == ["runs", "comes anew"]


def test_celerys_own_pool_needs_it():
    # As soon as this fails, Celery does it itself, and the collection's pool can go.
    assert broken(thread.TaskPool).done == ["runs", "waits", "waits too", "comes anew"]


@pytest.mark.parametrize("count", [1, 50])
def test_nothing_is_kept_of_tasks_that_have_ended(count):
    tasks = Tasks(TaskPool)
    tasks.gate.set()
    for number in range(count):
        tasks.send(str(number)).wait(10)
    tasks.end()
    assert len(tasks.done) == count
    assert len(tasks.pool._futures) == 0


def test_it_ends_with_its_tasks_and_leaves_nothing_that_python_would_look_through():
    tasks = Tasks(TaskPool)
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
    assert get_implementation(f"{TaskPool.__module__}:TaskPool") is TaskPool
