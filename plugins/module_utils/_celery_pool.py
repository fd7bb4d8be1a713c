# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Celery's pool of threads, which forgets the tasks that have not started when the connection to the broker breaks,
leaves the sending of events to the event loop (see _celery_events), keeps its connections to a database of results (see
_celery_results), and lets the worker end at once.

Private to the collection; the units name it in CELERY_CUSTOM_WORKER_POOL. The broker gives these tasks to a worker anew,
since they are not acknowledged. Celery asks every pool to forget them, but its own pool of threads (5.3 to 5.7) does not,
so that each is done twice or more.
"""

from __future__ import annotations

import gc
import threading
import weakref

try:
    from celery.concurrency.thread import TaskPool as ThreadPool
except ImportError:
    ThreadPool = object  # the controller has no Celery

EVENTS = __name__.replace("_celery_pool", "_celery_events:LoopEventDispatcher")
RESULTS = __name__.replace("_celery_pool", "_celery_results:KeptDatabaseBackend")


class TaskPool(ThreadPool):
    """The pool of threads with the method flush, which Celery calls when a connection has broken, senders of events and
    results that are made for threads, and a quick end."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.app:
            self.app.events.dispatcher_cls = EVENTS
            own = {"db": RESULTS, "database": RESULTS}
            self.app.loader.override_backends = {**own, **self.app.loader.override_backends}
        self._futures, self._lock = weakref.WeakSet(), threading.Lock()

    def on_apply(self, *args, **kwargs):
        """Hand a task to the threads, see celery.concurrency.thread."""
        result = super().on_apply(*args, **kwargs)
        with self._lock:
            self._futures.add(result.f)
        return result

    def flush(self):
        """Forget the tasks that no thread has begun."""
        with self._lock:
            for future in self._futures:
                future.cancel()

    def on_stop(self):
        """Wait for the threads, see celery.concurrency.thread; then the worker ends."""
        super().on_stop()
        # Else Python looks through all of Galaxy for cycles that it might free: two seconds of each restart.
        gc.freeze()
