# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Celery's pools of threads and of processes, which know what they run, forget what has not begun, and report to systemd.

A unit names one of them in CELERY_CUSTOM_WORKER_POOL and gives `--pool custom`.
"""

from __future__ import annotations

import gc
import threading
import time
from typing import Any, Callable

from . import deviations
from .status import Job
from .stock import ApplyResult, StockProcessPool, StockThreadPool, apply_target, state
from .watch import Watch


class Ledger:
    """What a pool runs, and what it holds while no task may begin.

    A task is among the jobs from when it begins until its callbacks have ended, whatever they raise. Celery's own list of
    active tasks keeps those whose callbacks raised for ever (5.6 and older).
    """

    def __init__(self) -> None:
        self._closed = False
        self._jobs: dict[object, Job] = {}
        self._held: list[Callable[[], Any]] = []
        self._lock = threading.Lock()

    @property
    def jobs(self) -> list[Job]:
        """The tasks that run now."""
        with self._lock:
            return list(self._jobs.values())

    def begin(self, key: object, name: str, uuid: str, again: Callable[[], Any]) -> bool:
        """Note that a task begins; false while none may.

        :param again: begins it later. Until then it is not acknowledged: if the worker ends, the broker gives it to another.
        """
        with self._lock:
            if self._closed:
                self._held.append(again)
            else:
                self._jobs[key] = Job(name, uuid, time.monotonic())
            return not self._closed

    def end(self, key: object) -> None:
        """Note that a task and its callbacks have ended."""
        with self._lock:
            self._jobs.pop(key, None)

    def close(self) -> None:
        """Let no task begin any more."""
        with self._lock:
            self._closed = True

    def open(self) -> None:
        """Let tasks begin again, first those that came meanwhile. Call it in the event loop."""
        with self._lock:
            self._closed, held, self._held = False, self._held, []
        for again in held:
            again()

    def forget(self) -> None:
        """Forget what has not begun: the connection has broken, and the broker sends it again."""
        with self._lock:
            self._held.clear()


def settle(callback: Callable[..., Any] | None) -> None:
    """Close Celery's books of a task that has ended, which its callbacks leave open when they raise.

    :param callback: what Celery gave the pool for the result: a method of the task's request.
    """
    request = getattr(callback, "__self__", None)
    if request is not None and request in state.active_requests:
        state.task_ready(request)
        # It has run. Unacknowledged it would be run again at the next start, and fail again.
        if not request.acknowledged:
            request.acknowledge()


class WatchedPool:
    """What both pools have: the ledger and the watch over the worker."""

    # Of the pool of Celery that it is mixed into.
    app: Any
    options: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ledger = Ledger()
        if self.app:
            deviations.apply(self.app)
            self.watch = Watch(self.app, self.ledger)

    def on_start(self) -> None:
        """Start the pool, then take SIGTERM over: Celery's own handler is there by now, and children have been made."""
        super().on_start()  # type: ignore[misc]
        if self.app:
            _app, node = self.options["initargs"]
            self.watch.start(node)

    def on_stop(self) -> None:
        """Wait for what runs; then the worker ends."""
        super().on_stop()  # type: ignore[misc]
        # Else Python looks through all of Galaxy for cycles that it might free: two seconds of each restart.
        gc.freeze()


class ThreadPool(WatchedPool, StockThreadPool):
    """Celery's pool of threads, which forgets what has not begun when the connection to the broker breaks.

    Celery asks every pool to do so, but its own pool of threads (5.3 to 5.7) does not: each such task is done twice
    (celery/celery#6863 mended the pool of processes alone).
    """

    _round = 0

    def on_apply(
        self,
        target: Callable[..., Any],
        args: Any = None,
        kwargs: Any = None,
        callback: Callable[..., Any] | None = None,
        accept_callback: Callable[..., Any] | None = None,
        **_options: Any,
    ) -> Any:
        """Hand a task to the threads, see celery.concurrency.thread."""
        given = (target, args, kwargs, callback, accept_callback)
        return ApplyResult(self.executor.submit(self._run, self._round, given))

    def _run(self, round_: int, given: tuple[Any, ...]) -> None:
        target, args, kwargs, callback, accept_callback = given
        key = object()
        # Before the ledger is asked, which would keep one of a connection that has broken meanwhile.
        if round_ != self._round or not self.ledger.begin(key, args[0], args[1], lambda: self.on_apply(*given)):
            return
        try:
            apply_target(target, args, kwargs, callback, accept_callback)
        finally:
            settle(callback)
            self.ledger.end(key)

    def flush(self) -> None:
        """Forget the tasks that no thread has begun, see celery.concurrency.base."""
        self._round += 1
        self.ledger.forget()


class ProcessPool(WatchedPool, StockProcessPool):
    """Celery's pool of processes. A task is in the ledger from when a process is given it, which then runs it at once."""

    on_apply: Callable[..., Any]
    flush: Callable[[], Any]

    def on_start(self) -> None:
        """Start the processes, see celery.concurrency.prefork, which sets these methods here."""
        self._handed: dict[object, Any] = {}
        super().on_start()
        self._hand_over, self._forget = self.on_apply, self.flush
        self.on_apply, self.flush = self._on_apply, self._flush

    def _on_apply(
        self,
        target: Callable[..., Any],
        args: Any = (),
        kwargs: Any = None,
        callback: Callable[..., Any] | None = None,
        error_callback: Callable[..., Any] | None = None,
        **options: Any,
    ) -> Any:
        key = object()

        def again() -> Any:
            return self._on_apply(target, args, kwargs, callback, error_callback, **options)

        if not self.ledger.begin(key, args[0], args[1], again):
            return None

        def ended(then: Callable[..., Any] | None) -> Callable[[Any], None]:
            def end(result: Any) -> None:
                try:
                    if then:
                        then(result)
                finally:
                    settle(callback)
                    self._end(key)

            return end

        ends = {"callback": ended(callback), "error_callback": ended(error_callback)}
        job = self._handed[key] = self._hand_over(target, args, kwargs or {}, **ends, **options)
        return job

    def _end(self, key: object) -> None:
        self._handed.pop(key, None)
        self.ledger.end(key)

    def _flush(self) -> None:
        self._forget()
        self.ledger.forget()
        # What Celery has thrown away has no callbacks any more.
        kept = {id(job) for job in self._pool._cache.values()}
        for key in [key for key, job in self._handed.items() if id(job) not in kept]:
            self._end(key)
