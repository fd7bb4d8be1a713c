# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task needs that is acknowledged late.

It runs in one place at a time, and not again when it has ended. When a connection to the broker breaks, the broker gives what its
worker runs to another one (celery/celery#4671). Two tasks that fetch the same upload write over each other's files, and what
Galaxy shows in green is empty. So each holds an advisory lock of PostgreSQL, which goes with the process that has it.

And it begins again when the database was away. Galaxy's tasks of an upload look there each second. A state that cannot be stored is
no failure: Celery would mark the task as failed as soon as the database is back, while the broker has it once more, and forget the
tasks after it (celery/celery#537).
"""

from __future__ import annotations

import functools
import threading
from typing import Any

from .stock import BackendError, Ignore, Reject, add_autoretry_behaviour, by_url, signals, states
from .systemd import WARNING, say

# For one that runs elsewhere.
BUSY_SECONDS = 10
# With random pauses of up to 30 s, about a quarter of an hour.
AGAIN = {"retry_kwargs": {"max_retries": 60}, "retry_backoff": 1, "retry_backoff_max": 30}
# Of a task whose next one in the chain is about to be published. If it is killed then, only that is done again: the next one may run by then,
# and has the same name when it comes once more.
ENDED = "ENDED"
POOL = ("pool", "max_overflow")
# Without this PostgreSQL notices a dead host after two hours (Linux's tcp_keepalive_time), and keeps its locks until then.
KEEPALIVE = {"tcp_keepalives_idle": 15, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}


class Locks:
    """Those that this process holds, over one connection to the store of results, which is none of its pool's."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self._connection: Any = None
        # By the names of tasks, which thread of this process has it.
        self._held: dict[str, int] = {}
        self._mutex = threading.Lock()

    def take(self, task_id: str) -> bool:
        """Take the lock of a task, unless it runs elsewhere or in another thread."""
        with self._mutex:
            if task_id in self._held or not self._ask("pg_try_advisory_lock", task_id):
                return False
            self._held[task_id] = threading.get_ident()
            return True

    def give(self, task_id: str) -> None:
        """Give it back if this thread has it. A connection that is gone has no locks."""
        with self._mutex:
            if self._held.get(task_id) == threading.get_ident():
                del self._held[task_id]
                if self._connection is not None:
                    self._ask("pg_advisory_unlock", task_id)

    def _ask(self, function: str, task_id: str) -> bool:
        from sqlalchemy import create_engine, text
        from sqlalchemy.pool import NullPool

        def call(name: str, key: str) -> Any:
            return self._connection.execute(text(f"SELECT {name}(hashtextextended(:key, 0))"), {"key": key}).scalar()

        try:
            if self._connection is None:
                given = {key: value for key, value in self.app.backend.engine_options.items() if not key.startswith(POOL)}
                engine = create_engine(self.app.backend.url, poolclass=NullPool, **given)
                self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                for name, value in KEEPALIVE.items():
                    self._connection.execute(text(f"SET {name} = {value}"))
                # Those that went with the connection before.
                for held in self._held:
                    call("pg_try_advisory_lock", held)
            return bool(call(function, task_id))
        except Exception:
            if self._connection is not None:
                self._connection.invalidate()
                self._connection = None
            raise


def _later(task: Any) -> None:
    """Send the task that runs here once more. What it is elsewhere must not be overwritten: it has no state of its own."""
    try:
        task.signature_from_request(countdown=BUSY_SECONDS, retries=task.request.retries).apply_async()
    except Exception as exc:
        raise Reject(exc, requeue=True) from exc
    raise Ignore


def _alone(task: Any, locks: Locks) -> Any:
    run = task.run

    @functools.wraps(run)
    def alone(*args: Any, **kwargs: Any) -> Any:
        task_id = task.request.id
        if not locks.take(task_id):
            _later(task)
        found = task.backend.get_task_meta(task_id, cache=False)
        if found["status"] in states.READY_STATES:
            raise Ignore
        if found["status"] == ENDED:
            return found["result"]
        value = run(*args, **kwargs)
        if task.request.chain:
            task.backend.store_result(task_id, value, ENDED, request=task.request)
        return value

    return alone


def _go_on_without_state(backend: Any, tasks: set[str], away: tuple[type[Exception], ...]) -> None:
    """Have a store of results go on when it cannot store the state of one of these tasks. Nobody waits for it."""
    store = backend.store_result

    @functools.wraps(store)
    def store_result(self: Any, task_id: str, result: Any, state: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return store(self, task_id, result, state, *args, **kwargs)
        except away as exc:
            task = getattr(kwargs.get("request"), "task", None)
            if state == ENDED or task not in tasks:
                raise
            say(f"the state {state} of {task} {task_id} cannot be stored: {exc!r}", WARNING)
            return result

    backend.store_result = store_result


def guard(app: Any) -> None:
    """Prepare the tasks of this process, if their results are in PostgreSQL."""
    if not (app.conf.result_backend or "").startswith("db+postgresql"):
        return
    from sqlalchemy import exc

    locks = Locks(app)
    away = (exc.InterfaceError, exc.OperationalError, exc.TimeoutError, BackendError)
    late = [task for task in app.tasks.values() if task.acks_late]
    for task in late:
        task.run = _alone(task, locks)
        add_autoretry_behaviour(task, autoretry_for=away, **AGAIN)
    backend, _url = by_url(app.backend_cls or app.conf.result_backend, app.loader)
    _go_on_without_state(backend, {task.name for task in late}, away)
    # By then the next task of a chain is published, and the result is stored.
    signals.task_postrun.connect(lambda task_id, **_about: locks.give(task_id), weak=False)
